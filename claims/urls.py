"""Addresses of the business."""

from django.urls import URLPattern, path

from claims.views import claim, cover, document, draft, home, identity, policy, quote, tokens

urlpatterns: list[URLPattern] = [
    path("", home.home, name="home"),
    path("cover/", cover.cover, name="dashboard"),
    path("identity/", identity.identity, name="identity"),
    path("quotes/new/<slug:code>/", quote.quote_new, name="quote-new"),
    path("quotes/<uuid:pk>/", quote.quote, name="quote"),
    path("quotes/<uuid:pk>/buy/", quote.quote_buy, name="quote-buy"),
    path("policies/<str:number>/", policy.policy, name="policy"),
    path("policies/<str:number>/document.pdf", policy.policy_document, name="policy-document"),
    path("policies/<str:number>/proof/", policy.policy_proof, name="policy-proof"),
    path("policies/<str:number>/certificate.pdf", policy.policy_certificate, name="policy-certificate"),
    path("policies/<str:number>/events/", policy.policy_ladder, name="policy-ladder"),
    path("claims/new/", draft.claim_start, name="claim-start"),
    path("policies/<str:number>/claim/", draft.claim_start, name="claim-start"),
    path("claims/drafts/<uuid:pk>/send/", draft.claim_draft_send, name="claim-draft-send"),
    path("claims/drafts/<uuid:pk>/discard/", draft.claim_draft_discard, name="claim-draft-discard"),
    path("claims/drafts/<uuid:pk>/files/<uuid:document>/remove/", draft.draft_file_remove, name="draft-file-remove"),
    path("claims/drafts/<uuid:pk>/<slug:step>/", draft.claim_draft, name="claim-draft"),
    path("claims/<str:number>/", claim.claim, name="claim"),
    path("claims/<str:number>/evidence/", claim.claim_evidence, name="claim-evidence"),
    path("claims/<str:number>/withdraw/", claim.claim_withdraw, name="claim-withdraw"),
    path("claims/<str:number>/receipt/", claim.claim_receipt, name="claim-receipt"),
    path("claims/<str:number>/proof/", claim.claim_proof, name="claim-proof"),
    path("claims/<str:number>/certificate.pdf", claim.claim_certificate, name="claim-certificate"),
    path("claims/<str:number>/events/", claim.claim_ladder, name="claim-ladder"),
    path("claims/<str:number>/events/<uuid:event>/receipt/", claim.claim_receipt, name="event-receipt"),
    path("claims/<str:number>/events/<uuid:event>/proof/", claim.claim_proof, name="event-proof"),
    path("claims/<str:number>/events/<uuid:event>/certificate.pdf", claim.claim_certificate, name="event-certificate"),
    path("documents/<uuid:pk>/", document.document, name="document"),
    path("account/tokens/", tokens.tokens, name="api-tokens"),
    path("account/tokens/<str:key>/revoke/", tokens.revoke_token, name="api-token-revoke"),
]
