"""Addresses of the API."""

from django.urls import path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from claims import api

urlpatterns = [
    path("policies/", api.PolicyList.as_view(), name="api-policies"),
    path("policies/<str:number>/", api.PolicyDetail.as_view(), name="api-policy"),
    path("policies/<str:number>/proof/", api.PolicyProof.as_view(), name="api-policy-proof"),
    path("policies/<str:number>/certificate.pdf", api.PolicyCertificate.as_view(), name="api-policy-certificate"),
    path("claims/", api.ClaimList.as_view(), name="api-claims"),
    path("claims/<str:number>/", api.ClaimDetail.as_view(), name="api-claim"),
    path("claims/<str:number>/evidence/", api.ClaimEvidence.as_view(), name="api-claim-evidence"),
    path("claims/<str:number>/receipt/", api.ClaimReceipt.as_view(), name="api-claim-receipt"),
    path("claims/<str:number>/proof/", api.ClaimProof.as_view(), name="api-claim-proof"),
    path("claims/<str:number>/tlog-proof/", api.ClaimTlogProof.as_view(), name="api-claim-tlog-proof"),
    path("claims/<str:number>/certificate.pdf", api.ClaimCertificate.as_view(), name="api-claim-certificate"),
    path("schema/", SpectacularAPIView.as_view(), name="api-schema"),
    path("docs/", SpectacularSwaggerSplitView.as_view(url_name="api-schema"), name="api-docs"),
]
