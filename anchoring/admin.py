"""The log for those who oversee it: entries, checkpoints, registrations and anchors, read-only, as they stand.

Who they are the desk's site knows, and tells through ``has_log_permission``.
"""

import json
from datetime import datetime
from typing import Any, Protocol, cast

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Model, Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from anchoring.amounts import in_gwei
from anchoring.models import Anchor, Checkpoint, Confirmation, Entry, Registration, Retraction, Sighting, Tick
from anchoring.stages import chain_name, confirmations, stages, with_stage


class LogSite(Protocol):
    """What the site must answer."""

    def has_log_permission(self, request: HttpRequest) -> bool:
        """Whether the reader may look at the log."""
        ...


class LogAdmin(admin.ModelAdmin):
    """Rows of the log: seen by whom the site names, changed by nobody."""

    actions = None
    change_form_template = "admin/anchoring/row.html"
    list_per_page = 50
    show_full_result_count = False

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return cast(LogSite, self.admin_site).has_log_permission(request)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Looking is all there is."""
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        return super().change_view(request, object_id, form_url, _titled(self.opts.verbose_name, extra_context))

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, _titled(self.opts.verbose_name_plural, extra_context))

    @admin.display(description="When", ordering="at")
    def when(self, row: Any) -> SafeString:
        return render_to_string("_time.html", {"at": row.at})

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """A row of the log has no history: it is one."""
        return redirect(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", object_id)


class EntryList(ChangeList):
    """A page of entries, each with ``stage``; one query for the page beside its own."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        rows = list(self.result_list)
        reached = stages(rows, now=timezone.now())
        for row in rows:
            row.stage = reached[row.seq]
        self.result_list = rows


class KindFilter(admin.SimpleListFilter):
    """By what happened: the kinds that the log has."""

    title = "kind"
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        kinds = Entry.objects.order_by("kind").values_list("kind", flat=True).distinct()
        return [(kind, kind) for kind in kinds]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Entry]) -> QuerySet[Entry]:
        return queryset.filter(kind=self.value()) if self.value() else queryset


@admin.register(Entry)
class EntryAdmin(LogAdmin):
    """Every event, newest first. What it says of people lies encrypted and is not shown here."""

    list_display = ("kind", "subject_type", "when", "place", "record", "id")
    list_filter = (KindFilter,)
    search_fields = ("=id", "=subject_id")
    search_help_text = "An entry's or a record's id"
    ordering = ("-seq",)
    fields = readonly_fields = ("kind", "id", "subject_type", "subject_id", "when", "place", "record", "bytes")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return EntryList

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return with_stage(super().get_queryset(request))

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        entry: Any = super().get_object(request, object_id, from_field)
        if entry is not None:
            entry.stage = stages([entry], now=timezone.now())[entry.seq]
        return entry

    @admin.display(description="Place in the log")
    def place(self, entry: Any) -> SafeString:
        """The index, once it has one."""
        return format_html('<span class="num">{}</span>', "Not yet" if entry.leaf_index is None else entry.leaf_index)

    @admin.display(description="Record")
    def record(self, entry: Any) -> SafeString:
        return render_to_string("_ladder_mini.html", {"stage": entry.stage, "no_time": True})

    @admin.display(description="The entry's bytes")
    def bytes(self, entry: Entry) -> SafeString:
        """Laid out for reading; what is hashed has no spaces."""
        text = json.dumps(json.loads(bytes(entry.data)), indent=2, ensure_ascii=False)
        return format_html('<pre class="bytes">{}</pre>', text)


@admin.register(Checkpoint)
class CheckpointAdmin(LogAdmin):
    """The signed heads of the log."""

    list_display = ("size_shown", "when", "root_shown")
    ordering = ("-size",)
    fields = readonly_fields = ("size", "when", "root_shown", "note_shown")

    @admin.display(description="Size", ordering="size")
    def size_shown(self, checkpoint: Checkpoint) -> SafeString:
        return format_html('<span class="num">{}</span>', checkpoint.size)

    @admin.display(description="Fingerprint of the whole log")
    def root_shown(self, checkpoint: Checkpoint) -> SafeString:
        return _fingerprint(checkpoint.root)

    @admin.display(description="The signed note")
    def note_shown(self, checkpoint: Checkpoint) -> SafeString:
        return format_html('<pre class="bytes">{}</pre>', checkpoint.note)


@admin.register(Registration)
class RegistrationAdmin(LogAdmin):
    """Where the log is registered; the newest counts."""

    list_display = ("chain", "when", "contract_shown")
    ordering = ("-pk",)
    fields = readonly_fields = (
        "chain", "chain_id", "genesis_shown", "contract_shown", "log_shown", "controller_shown", "when", "handovers",
    )  # fmt: skip

    @admin.display(description="Chain", ordering="chain_id")
    def chain(self, registration: Registration) -> str:
        name = chain_name(registration.chain_id)
        return name[:1].upper() + name[1:]

    @admin.display(description="Contract")
    def contract_shown(self, registration: Registration) -> SafeString:
        return _fingerprint(registration.contract)

    @admin.display(description="First block of the chain")
    def genesis_shown(self, registration: Registration) -> SafeString:
        return _fingerprint(registration.genesis)

    @admin.display(description="First key")
    def controller_shown(self, registration: Registration) -> SafeString:
        return _fingerprint(registration.controller)

    @admin.display(description="Handovers signed")
    def handovers(self, registration: Registration) -> SafeString:
        """To which keys the log was to be given; whether it was, the chain says."""
        rows = [
            [
                _time(row.at),
                _fingerprint(row.controller),
                row.nonce,
                f"{in_gwei(row.cap)} gwei",
                _fingerprint(row.transaction),
            ]
            for row in registration.handovers.order_by("pk")
        ]
        return _table("Handovers", ["When", "To the key", "Nonce", "Offer", "Transaction"], rows, none="None")

    @admin.display(description="The log's name there")
    def log_shown(self, registration: Registration) -> SafeString:
        return _fingerprint(registration.log_id)


@admin.register(Anchor)
class AnchorAdmin(LogAdmin):
    """Fingerprints put on a chain, and the block each stands in."""

    list_display = ("size_shown", "chain", "when", "block", "transaction")
    ordering = ("-pk",)
    fields = readonly_fields = (
        "size_shown", "old_size", "chain", "when", "block", "block_at", "transaction", "attempts", "blocks",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Anchor]:
        anchors: QuerySet[Anchor] = super().get_queryset(request)
        live = Prefetch("confirmations", confirmations().select_related("attempt"), to_attr="live")
        return anchors.select_related("registration", "checkpoint").prefetch_related(live)

    @admin.display(description="Log size", ordering="checkpoint")
    def size_shown(self, anchor: Anchor) -> SafeString:
        return format_html('<span class="num">{}</span>', anchor.checkpoint_id)

    @admin.display(description="Chain")
    def chain(self, anchor: Anchor) -> str:
        name = chain_name(anchor.registration.chain_id)
        return name[:1].upper() + name[1:]

    @admin.display(description="Block")
    def block(self, anchor: Anchor) -> SafeString | str:
        confirmation = _confirmation(anchor)
        return (
            format_html('<span class="num">{}</span>', confirmation.block_number) if confirmation else "Not final yet"
        )

    @admin.display(description="Transactions signed")
    def attempts(self, anchor: Anchor) -> SafeString:
        """Each with its nonce and its offer; one of them at most has taken effect."""
        rows = [
            [_time(row.at), row.nonce, f"{in_gwei(row.cap)} gwei", row.gas, _fingerprint(row.transaction)]
            for row in anchor.attempts.order_by("pk")
        ]
        return _table(
            "Transactions", ["When", "Nonce", "Offer a unit", "Units at most", "Transaction"], rows, none="None"
        )

    @admin.display(description="Blocks that held it")
    def blocks(self, anchor: Anchor) -> SafeString:
        """Every block in which one of them was seen, and what became of it."""
        retracted = Retraction.objects.filter(confirmation__anchor=anchor).select_related("confirmation")
        given_up = {bytes(row.confirmation.block_hash): row for row in retracted}
        live = _confirmation(anchor)
        seen = Sighting.objects.filter(attempt__anchor=anchor).order_by("pk")
        rows = [
            [
                row.block_number,
                _fingerprint(row.block_hash),
                _time(row.at),
                _fate(bytes(row.block_hash), given_up, live),
            ]
            for row in seen
        ]
        return _table("Blocks", ["Block", "Its hash", "First seen", "What became of it"], rows, none="No block yet")

    @admin.display(description="Block's time")
    def block_at(self, anchor: Anchor) -> SafeString | str:
        confirmation = _confirmation(anchor)
        return render_to_string("_time.html", {"at": confirmation.block_at}) if confirmation else "Not final yet"

    @admin.display(description="Transaction")
    def transaction(self, anchor: Anchor) -> SafeString | str:
        confirmation = _confirmation(anchor)
        return _fingerprint(confirmation.attempt.transaction) if confirmation else "Not final yet"


@admin.register(Tick)
class TickAdmin(LogAdmin):
    """How the last run of each step of the schedule went, in the words for those who run it."""

    list_display = ("step", "ran", "well", "outcome")
    ordering = ("step",)
    fields = readonly_fields = ("step", "ran", "well", "said", "problem", "endpoints")

    @admin.display(description="Last run")
    def ran(self, tick: Tick) -> SafeString:
        return render_to_string("_time.html", {"at": tick.ran_at})

    @admin.display(description="Last went well")
    def well(self, tick: Tick) -> SafeString | str:
        return render_to_string("_time.html", {"at": tick.went_well_at}) if tick.went_well_at else "Never"

    @admin.display(description="Outcome")
    def outcome(self, tick: Tick) -> str:
        return tick.problem or tick.said or "Went well"

    @admin.display(description="Endpoints")
    def endpoints(self, tick: Tick) -> SafeString:
        """As the worker noted them that ran last."""
        rows = [
            [line["name"], line["problem"] or "Answers", line["failures"]] for line in tick.seen.get("endpoints", [])
        ]
        return _table("Endpoints", ["Endpoint", "When asked last", "Failures in a row"], rows, none="None noted")


def _fate(block_hash: bytes, given_up: dict[bytes, Retraction], live: Confirmation | None) -> str | SafeString:
    """What became of a block that held an anchor, in words."""
    if block_hash in given_up:
        return format_html("Was final, and given up by the chain: {}", _time(given_up[block_hash].at))
    if live is None:
        return "Not final yet"
    return "Final: this one counts" if bytes(live.block_hash) == block_hash else "Given up by the chain"


def _time(at: datetime) -> SafeString:
    return render_to_string("_time.html", {"at": at})


def _table(label: str, heads: list[str], rows: list[list[Any]], *, none: str) -> SafeString:
    pairs = [list(zip(heads, row, strict=True)) for row in rows]
    context = {"label": label, "heads": heads, "rows": pairs, "none": none}
    return render_to_string("admin/anchoring/_table.html", context)


def _titled(name: object, context: dict[str, Any] | None) -> dict[str, Any]:
    """The page's heading says what is on it."""
    words = str(name)
    return {"title": words[:1].upper() + words[1:], "subtitle": None, **(context or {})}


def _confirmation(anchor: Anchor) -> Any:
    """The one that counts, of those that ``get_queryset`` fetched."""
    return next(iter(anchor.live), None)  # type: ignore[attr-defined]


def _fingerprint(value: bytes | memoryview) -> SafeString:
    return render_to_string("_fingerprint.html", {"value": bytes(value).hex()})
