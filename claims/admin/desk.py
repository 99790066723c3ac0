"""What every list and every case of the desk has in common: read-only, by role, and each opening recorded."""

import uuid
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from django.conf import settings
from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from anchoring import log, vault
from anchoring.log import Stage
from claims.actions.compliance import record_access, record_export
from claims.admin.history import happened, looked_at, progress
from claims.models import Role, User
from claims.money import Money, format_money
from claims.papers.proofs import CERTIFICATE, FILE, ProofForm
from claims.workflow import Thing, number_of, subject_of

PURPOSES: dict[str, str] = {
    Role.KYC_OFFICER: "To review the identity",
    Role.UNDERWRITER: "To write insurance",
    Role.ADJUSTER: "To handle the claim",
    Role.SUPERVISOR: "To supervise the handling",
    Role.FINANCE: "To pay",
    Role.COMPLIANCE: "To oversee",
}

ERASED = "The content was erased. The events stay, so that nobody can say it never was; what they said is unreadable."
DAMAGED = "This copy does not match what was recorded. Do not rely on it; tell compliance."


def signed_in(request: HttpRequest) -> User:
    """The member of staff whose request it is; the desk lets nobody else in."""
    assert isinstance(request.user, User)
    return request.user


def aligned_money(amount_minor: int, currency: str) -> SafeString:
    """An amount for a column of amounts."""
    return format_html('<span class="num">{}</span>', format_money(Money(amount_minor, currency)))


def tag(word: str, tone: str = "wait") -> SafeString:
    """A status word in its frame."""
    return render_to_string("_tag.html", {"word": word, "tone": tone})


class DeskAdmin(admin.ModelAdmin):
    """A list that ``readers`` may read and nobody may change; the rows are those that the model shows the reader."""

    readers: ClassVar[frozenset[str]]
    actions = None
    list_per_page = 50
    show_full_result_count = False

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """By role alone: an administrator without one sees no business."""
        return signed_in(request).role in self.readers

    def has_module_permission(self, request: HttpRequest) -> bool:
        return signed_in(request).role in self.readers

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        name = str(self.opts.verbose_name_plural)
        return super().changelist_view(request, {"title": name[:1].upper() + name[1:], **(extra_context or {})})

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        visible: QuerySet = self.model._default_manager.visible_to(signed_in(request))
        return visible


class StagedChangeList(ChangeList):
    """A page of rows, each with ``stage``: how far its newest record has come. Two queries for the whole page."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        rows = list(self.result_list)
        reached = log.newest_stages([subject_of(row) for row in rows])
        for row in rows:
            row.stage = reached.get(subject_of(row))
        self.result_list = rows


class CaseAdmin(DeskAdmin):
    """A list whose rows open into a case page with its history, its steps and, for compliance, its proofs."""

    case_template: ClassVar[str]
    api_proof: ClassVar[str] = ""

    def facts(self, request: HttpRequest, thing: Any) -> dict[str, Any]:
        """What the page of ``thing`` shows beside its history; each list says."""
        raise NotImplementedError

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return StagedChangeList

    @admin.display(description="Record")
    def record(self, row: Any) -> SafeString | str:
        """The ladder in one line."""
        stage: Stage | None = row.stage
        return "" if stage is None else render_to_string("_ladder_mini.html", {"stage": stage, "no_time": True})

    def get_urls(self) -> list[URLPattern]:
        """The case's own addresses, before Django's."""
        view, name = self.admin_site.admin_view, f"{self.opts.app_label}_{self.opts.model_name}"
        return [
            path("<uuid:pk>/events/", view(self.events_view), name=f"{name}_events"),
            path("<uuid:pk>/proof/", view(self.proof_view), name=f"{name}_proof"),
            path("<uuid:pk>/certificate.pdf", view(self.certificate_view), name=f"{name}_certificate"),
            path("<uuid:pk>/events/<uuid:event>/proof/", view(self.proof_view), name=f"{name}_event_proof"),
            path(
                "<uuid:pk>/events/<uuid:event>/certificate.pdf",
                view(self.certificate_view),
                name=f"{name}_event_certificate",
            ),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The case page. Opening it is recorded; the page itself changes nothing."""
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        thing, by = self.case(request, object_id), signed_in(request)
        record_access(by=by, thing=thing, purpose=PURPOSES[by.role])
        return TemplateResponse(request, self.case_template, self._page(request, thing))

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """A case's history stands on its page: Django's own knows nothing of it."""
        return redirect(self.address("change", self.case(request, object_id).pk))

    def events_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
        """What has changed since the page was shown: 204 for nothing, a reload for a new event, else the ladders."""
        thing = self.case(request, str(pk))
        lines = happened(log.history(subject_of(thing)), proof_urls=self._event_proof(request, thing))
        now, seen = progress(lines), request.GET.get("seen", "")
        if seen == now.seen:
            return HttpResponse(status=204)
        if len(seen) != len(lines):
            return HttpResponse(headers={"HX-Refresh": "true"})
        risen = [line for line, then, letter in zip(lines, seen, now.seen, strict=True) if then != letter]
        context = {
            "progress": now, "risen": risen, "newest": lines[-1], "events_url": self.address("events", thing.pk),
        }  # fmt: skip
        return TemplateResponse(request, "admin/claims/_risen.html", context)

    def proof_view(self, request: HttpRequest, pk: uuid.UUID, event: uuid.UUID | None = None) -> HttpResponse:
        """The proof of record with everything in it, for compliance; that it left the house is recorded."""
        return self._handed_out(request, pk, event, FILE)

    def certificate_view(self, request: HttpRequest, pk: uuid.UUID, event: uuid.UUID | None = None) -> HttpResponse:
        """The same on paper, with the file inside."""
        return self._handed_out(request, pk, event, CERTIFICATE)

    def case(self, request: HttpRequest, object_id: str) -> Any:
        """The case if the reader may see it. Raises PermissionDenied by role, Http404 by case."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        found = self.get_object(request, object_id)
        if found is None:
            raise Http404("no such case, or not for you")
        return found

    def address(self, page: str, *args: object) -> str:
        """The address of one of this list's pages."""
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_{page}", args=args)

    def frame(self, request: HttpRequest, thing: Thing, **more: Any) -> dict[str, Any]:
        """What the templates of all pages of a case need."""
        number = number_of(thing)
        return self.admin_site.each_context(request) | {
            "opts": self.opts, "thing": thing, "number": number, "title": number,
            "list_url": self.address("changelist"), "case_url": self.address("change", thing.pk), **more,
        }  # fmt: skip

    def _handed_out(
        self, request: HttpRequest, pk: uuid.UUID, event: uuid.UUID | None, form: ProofForm
    ) -> HttpResponse:
        thing, by = self.case(request, str(pk)), signed_in(request)
        if by.role != Role.COMPLIANCE:
            raise PermissionDenied("only compliance takes proofs out of the house")
        try:
            made = form.make(subject_of(thing), owners=None, event=event)
        except log.NoSuchRecord as error:
            raise Http404("no such event of this case") from error
        record_export(by=by, thing=thing, event=event)
        headers = {
            "Content-Disposition": f'attachment; filename="{form.file_name(number_of(thing), event)}"',
            "Cache-Control": "private, no-store",
        }
        return HttpResponse(made, content_type=form.media_type, headers=headers)

    def _page(self, request: HttpRequest, thing: Thing) -> dict[str, Any]:
        by = signed_in(request)
        events = log.history(subject_of(thing))
        masks = () if by.role == Role.FINANCE else ("account_number",)
        lines = happened(events, proof_urls=self._event_proof(request, thing), masks=masks)
        oversees = by.role == Role.COMPLIANCE
        return self.frame(
            request, thing, lines=lines[::-1], newest=lines[-1], progress=progress(lines),
            events_url=self.address("events", thing.pk),
            proof_url=self.address("proof", thing.pk) if oversees else "",
            certificate_url=self.address("certificate", thing.pk) if oversees else "",
            refresh_url=self._refresh_url(thing) if oversees else "",
            looks=looked_at(thing) if oversees else [],
            **self.facts(request, thing),
        )  # fmt: skip

    def _event_proof(self, request: HttpRequest, thing: Thing) -> Callable[[uuid.UUID], tuple[str, str]]:
        """Event id → the addresses of its proof and of its certificate, "" for readers who get none."""
        if signed_in(request).role != Role.COMPLIANCE:
            return lambda event_id: ("", "")
        return lambda event_id: (
            self.address("event_proof", thing.pk, event_id), self.address("event_certificate", thing.pk, event_id),
        )  # fmt: skip

    def _refresh_url(self, thing: Thing) -> str:
        """The API's address of the proof, from which verify.py fetches the newest version; "" where there is none."""
        return settings.SITE_URL + reverse(self.api_proof, args=[number_of(thing)]) if self.api_proof else ""


def not_readable(error: vault.VaultError) -> dict[str, str]:
    """Why sealed content is not shown: erased, or not what was sealed."""
    return {"erased": ERASED} if isinstance(error, vault.KeyDestroyed) else {"damaged": DAMAGED}


def rows_of(*pairs: tuple[str, object]) -> Sequence[dict[str, object]]:
    """Pairs for _summary_list.html."""
    return [{"key": key, "value": value} for key, value in pairs]
