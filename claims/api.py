"""The API: the same records, the same actions, the same refusals as the pages.

Each view loads what the caller may see, validates, calls one action and answers. Money is an integer of minor units
with its ISO 4217 currency. A refused step answers 409, a report that cannot be a claim 400, in sentences.
"""

import uuid
from collections.abc import Sequence
from typing import Any, ClassVar

from django.core.files.uploadedfile import UploadedFile
from django.db.models import QuerySet
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import exceptions, generics, serializers, status
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.pagination import CursorPagination
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView, exception_handler

from anchoring import log, vault
from claims import files
from claims.actions import claim as actions
from claims.actions import compliance
from claims.fnol import MAX_ITEMS, CannotFile, Fnol, Item
from claims.models import Claim, ClaimDecision, Policy, Role, User
from claims.papers.proofs import CERTIFICATE, FILE, ProofForm
from claims.workflow import StepRefused, subject_of

IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key", str, OpenApiParameter.HEADER, required=True,
    description="1 to 64 visible ASCII characters of your choice. One key files one claim, however often sent.",
)  # fmt: skip


EVENT = OpenApiParameter("event", OpenApiTypes.UUID, description="Only this event, by its id.")
NO_SUCH_EVENT = "This record has no such event."


class Refused(exceptions.APIException):
    """A step that the record's state or the caller's role does not allow now."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "refused"


class ProblemSerializer(serializers.Serializer[Any]):
    """Why a request was refused. For 400, a field's name takes the place of ``detail`` where one is at fault."""

    detail = serializers.CharField(help_text="One sentence that says what to do.")


PROBLEMS = {401: ProblemSerializer, 404: ProblemSerializer, 429: ProblemSerializer}
WRITE_PROBLEMS = PROBLEMS | {400: ProblemSerializer, 409: ProblemSerializer}


def _download_or_problem(media_type: str, content: OpenApiTypes) -> dict[Any, Any]:
    return {(200, media_type): content, **PROBLEMS}


def handle_exception(error: Exception, context: dict[str, Any]) -> Response | None:
    """The business's refusals as answers; everything else as the framework does it."""
    if isinstance(error, StepRefused):
        error = Refused(str(error))
    elif isinstance(error, CannotFile):
        error = serializers.ValidationError({field: [sentence] for field, sentence in error.problems.items()})
    elif isinstance(error, files.FileRefused | actions.TooManyFiles):
        error = _invalid("files", str(error))
    return exception_handler(error, context)


class NewestFirst(CursorPagination):
    """Stable pages of 50, however many rows there are."""

    page_size = 50
    ordering = ("-reported_at", "-id")


class PolicyPages(NewestFirst):
    """The same for policies."""

    ordering = ("-starts_at", "-id")


class PolicySerializer(serializers.ModelSerializer[Policy]):
    """A policy."""

    product = serializers.CharField(source="product_code")

    class Meta:
        model = Policy
        fields = ("number", "product", "starts_at", "ends_at", "currency", "premium_minor", "trust_fingerprint")


class StageSerializer(serializers.Serializer[log.Stage]):
    """How far a record has come; what is not reached yet is null."""

    word = serializers.ChoiceField(choices=["Recorded", "Sealed", "Anchored"])
    recorded_at = serializers.DateTimeField()
    sealed_at = serializers.DateTimeField(allow_null=True)
    index = serializers.IntegerField(allow_null=True)
    anchored_at = serializers.DateTimeField(allow_null=True)
    transaction = serializers.CharField(allow_null=True)


class EventSerializer(serializers.Serializer[log.Event]):
    """One recorded event."""

    id = serializers.UUIDField()
    kind = serializers.CharField()
    stage = StageSerializer()


class ItemSerializer(serializers.Serializer[Any]):
    """One thing lost or damaged."""

    item = serializers.CharField(max_length=200)
    claimed_minor = serializers.IntegerField(min_value=1)


class ClaimSerializer(serializers.ModelSerializer[Claim]):
    """A claim in a list."""

    policy = serializers.CharField(source="policy.number")

    class Meta:
        model = Claim
        fields: ClassVar[tuple[str, ...]] = (
            "number",
            "policy",
            "status",
            "cause_code",
            "loss_at",
            "loss_precision",
            "reported_at",
            "claimed_minor",
            "currency",
        )


class DecisionSerializer(serializers.ModelSerializer[ClaimDecision]):
    """What was decided, with the reason and the clause of the policy unless all is paid."""

    class Meta:
        model = ClaimDecision
        fields = ("outcome", "payable_minor", "currency", "reason_code", "provision_ref", "rationale")


class ClaimDetailSerializer(ClaimSerializer):
    """A claim with its things, its events and, once it is made, the decision."""

    items = ItemSerializer(many=True, source="lines")
    decision = serializers.SerializerMethodField()
    events = serializers.SerializerMethodField()

    class Meta(ClaimSerializer.Meta):
        fields: ClassVar[tuple[str, ...]] = (*ClaimSerializer.Meta.fields, "items", "decision", "events")

    @extend_schema(responses=DecisionSerializer(allow_null=True))
    def get_decision(self, claim: Claim) -> Any:
        """Null until it stands: a proposal is not shown."""
        stands = claim.status in (Claim.Status.DECIDED, Claim.Status.PAID)
        return DecisionSerializer(claim.decision).data if stands and claim.decision else None

    @extend_schema(responses=EventSerializer(many=True))
    def get_events(self, claim: Claim) -> Any:
        """What happened, in order."""
        events = log.history(subject_of(claim), owners=_shown_owners(claim, self.context["request"].user))
        return [EventSerializer(event).data for event in events]


class FileClaimSerializer(serializers.Serializer[Any]):
    """A loss as reported."""

    policy = serializers.CharField(max_length=24, help_text="The policy's number.")
    cause_code = serializers.CharField(max_length=40)
    loss_at = serializers.DateTimeField()
    loss_precision = serializers.ChoiceField(choices=[Claim.Precision.EXACT, Claim.Precision.DAY], default="exact")
    place = serializers.CharField(max_length=200)
    description = serializers.CharField(max_length=5000)
    currency = serializers.CharField(min_length=3, max_length=3, help_text="Must be the policy's.")
    items = serializers.ListField(child=ItemSerializer(), min_length=1, max_length=MAX_ITEMS)
    account_name = serializers.CharField(max_length=200, required=False, default="", allow_blank=True)
    account_number = serializers.CharField(max_length=34, required=False, default="", allow_blank=True)

    def fnol(self) -> Fnol:
        """The validated report."""
        given = dict(self.validated_data)
        items = [Item(**item) for item in given.pop("items")]
        return Fnol(items=items, **{name: value for name, value in given.items() if name not in ("policy", "currency")})


class EvidenceSerializer(serializers.Serializer[Any]):
    """Files for a claim."""

    files = serializers.ListField(child=serializers.FileField(), min_length=1, max_length=actions.MAX_FILES)


@extend_schema_view(get=extend_schema(operation_id="policies_list", responses={200: PolicySerializer, **PROBLEMS}))
class PolicyList(generics.ListAPIView[Policy]):
    """The policies that you may see, newest first."""

    serializer_class = PolicySerializer
    pagination_class = PolicyPages

    def get_queryset(self) -> QuerySet[Policy]:
        return Policy.objects.visible_to(_user(self.request))


@extend_schema_view(get=extend_schema(responses={200: PolicySerializer, **PROBLEMS}))
class PolicyDetail(generics.RetrieveAPIView[Policy]):
    """One policy."""

    serializer_class = PolicySerializer
    lookup_field = "number"

    def get_queryset(self) -> QuerySet[Policy]:
        return Policy.objects.visible_to(_user(self.request))


@extend_schema_view(
    get=extend_schema(operation_id="claims_list", responses={200: ClaimSerializer, **PROBLEMS}),
    post=extend_schema(
        request=FileClaimSerializer,
        parameters=[IDEMPOTENCY_KEY],
        responses={201: ClaimDetailSerializer, **WRITE_PROBLEMS},
    ),
)
class ClaimList(generics.ListAPIView[Claim]):
    """The claims that you may see, newest first; POST files one."""

    serializer_class = ClaimSerializer
    pagination_class = NewestFirst

    def get_queryset(self) -> QuerySet[Claim]:
        return Claim.objects.visible_to(_user(self.request)).select_related("policy")

    def post(self, request: Request) -> Response:
        """File a claim; the same Idempotency-Key gives the same claim."""
        key = _idempotency_key(request)
        given = FileClaimSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        policy = _policy(given.validated_data, by=_user(request))
        claim = actions.submit_claim(by=_user(request), policy=policy, fnol=given.fnol(), idempotency_key=f"api:{key}")
        shown = ClaimDetailSerializer(claim, context={"request": request})
        return Response(shown.data, status=status.HTTP_201_CREATED)


@extend_schema_view(get=extend_schema(responses={200: ClaimDetailSerializer, **PROBLEMS}))
class ClaimDetail(generics.RetrieveAPIView[Claim]):
    """One claim with its things and events."""

    serializer_class = ClaimDetailSerializer
    lookup_field = "number"

    def get_queryset(self) -> QuerySet[Claim]:
        return Claim.objects.visible_to(_user(self.request)).select_related("policy", "party").prefetch_related("lines")


class ClaimEvidence(APIView):
    """Evidence for a claim that is not decided yet."""

    parser_classes = (MultiPartParser,)

    @extend_schema(
        request={"multipart/form-data": EvidenceSerializer}, responses={200: ClaimDetailSerializer, **WRITE_PROBLEMS}
    )
    def post(self, request: Request, number: str) -> Response:
        """Add files; one that is there already is left out."""
        claim = _claim(number, by=_user(request))
        given = EvidenceSerializer(data={"files": request.FILES.getlist("files")})
        given.is_valid(raise_exception=True)
        uploads = _received(given.validated_data["files"])
        claim = actions.add_evidence(by=_user(request), claim=claim, uploads=uploads)
        return Response(ClaimDetailSerializer(claim, context={"request": request}).data)


class ClaimReceipt(APIView):
    """The signed receipt of a claim's first event."""

    @extend_schema(responses=_download_or_problem("text/plain", OpenApiTypes.STR))
    def get(self, request: Request, number: str) -> HttpResponse:
        """A signed note, which ``verify.py`` accepts."""
        claim = _claim(number, by=_user(request))
        return _download(log.first_receipt(subject_of(claim)).encode(), "text/plain", f"{number}.receipt.txt")


class OneFormOnly(DefaultContentNegotiation):
    """Whatever the Accept header asks for: the address has one form, and refusals are JSON."""

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        """The first, for refusals."""
        return renderers[0], renderers[0].media_type


class HandsOutProofs(APIView):
    """A proof of record in one of its forms, made anew each time: while anything in it is pending it says so."""

    content_negotiation_class = OneFormOnly
    form: ClassVar[ProofForm]

    def hand_out(self, request: Request, thing: Claim | Policy) -> HttpResponse:
        """Their own to the holder, everything to compliance (which is recorded); 404 to everyone else."""
        user, event = _user(request), _event(request)
        is_own = thing.party.user_id == user.pk
        if not is_own and user.role != Role.COMPLIANCE:
            raise exceptions.NotFound("Only the holder and compliance get a proof.")
        owners = [thing.party.owner, vault.HOUSE] if is_own else None
        try:
            made = self.form.make(subject_of(thing), owners=owners, event=event)
        except log.NoSuchRecord:
            raise exceptions.NotFound(NO_SUCH_EVENT) from None
        if not is_own:
            compliance.record_export(by=user, thing=thing, event=event)
        return _download(made, self.form.media_type, self.form.file_name(thing.number, event))


class ClaimProof(HandsOutProofs):
    """The proof of record of a claim."""

    form = FILE

    @extend_schema(parameters=[EVENT], responses=_download_or_problem("application/json", OpenApiTypes.OBJECT))
    def get(self, request: Request, number: str) -> HttpResponse:
        """The file that `verify.py` checks. Pending? Later `verify.py --refresh` replaces it from this address."""
        return self.hand_out(request, _claim(number, by=_user(request)))


class ClaimCertificate(HandsOutProofs):
    """The same on paper."""

    form = CERTIFICATE

    @extend_schema(parameters=[EVENT], responses=_download_or_problem("application/pdf", OpenApiTypes.BINARY))
    def get(self, request: Request, number: str) -> HttpResponse:
        """The certificate for people, a PDF with the proof of record attached inside."""
        return self.hand_out(request, _claim(number, by=_user(request)))


class PolicyProof(HandsOutProofs):
    """The proof of record of a policy."""

    form = FILE

    @extend_schema(parameters=[EVENT], responses=_download_or_problem("application/json", OpenApiTypes.OBJECT))
    def get(self, request: Request, number: str) -> HttpResponse:
        """The file that `verify.py` checks. Pending? Later `verify.py --refresh` replaces it from this address."""
        return self.hand_out(request, _policy_of(number, by=_user(request)))


class PolicyCertificate(HandsOutProofs):
    """The same on paper."""

    form = CERTIFICATE

    @extend_schema(parameters=[EVENT], responses=_download_or_problem("application/pdf", OpenApiTypes.BINARY))
    def get(self, request: Request, number: str) -> HttpResponse:
        """The certificate for people, a PDF with the proof of record attached inside."""
        return self.hand_out(request, _policy_of(number, by=_user(request)))


class ClaimTlogProof(APIView):
    """Where one event of a claim stands in the log, for tools that know nothing of us."""

    @extend_schema(
        parameters=[EVENT], responses=_download_or_problem("text/plain", OpenApiTypes.STR) | {409: ProblemSerializer}
    )
    def get(self, request: Request, number: str) -> HttpResponse:
        """A C2SP tlog-proof of the first event, or of the one named; its bytes are the ``entry`` in the proof."""
        claim = _claim(number, by=_user(request))
        try:
            placed = log.place(subject_of(claim), entry=_event(request))
        except log.NoSuchRecord:
            raise exceptions.NotFound(NO_SUCH_EVENT) from None
        except log.NotSealed as error:
            raise Refused(str(error)) from None
        return _download(placed.text.encode(), "text/plain; charset=utf-8", f"{number}.tlog-proof")


def _user(request: Request) -> User:
    assert isinstance(request.user, User)
    return request.user


def _claim(number: str, *, by: User) -> Claim:
    return generics.get_object_or_404(Claim.objects.visible_to(by).select_related("policy", "party"), number=number)


def _policy_of(number: str, *, by: User) -> Policy:
    return generics.get_object_or_404(Policy.objects.visible_to(by).select_related("party"), number=number)


def _event(request: Request) -> uuid.UUID | None:
    """The event asked for, or None for all. Raises NotFound for what is no id."""
    try:
        return uuid.UUID(request.query_params["event"]) if "event" in request.query_params else None
    except ValueError:
        raise exceptions.NotFound(NO_SUCH_EVENT) from None


def _policy(given: dict[str, Any], *, by: User) -> Policy:
    policy = Policy.objects.visible_to(by).filter(number=given["policy"]).order_by("pk").first()
    if policy is None:
        raise _invalid("policy", "You have no policy with this number.")
    if given["currency"] != policy.currency:
        raise _invalid("currency", f"Amounts under this policy are in {policy.currency}.")
    return policy


def _idempotency_key(request: Request) -> str:
    key = request.headers.get("Idempotency-Key", "")
    if not (0 < len(key) <= 64 and key.isascii() and key.isprintable()):
        raise _invalid("Idempotency-Key", "Send this header with 1 to 64 visible ASCII characters of your choice.")
    return key


def _invalid(field: str, sentence: str) -> serializers.ValidationError:
    return serializers.ValidationError({field: [sentence]})


def _received(uploads: Sequence[UploadedFile]) -> list[files.Received]:
    return [files.receive(upload) for upload in uploads]


def _shown_owners(claim: Claim, user: Any) -> list[str] | None:
    """Whose facts the caller sees: compliance all, everyone else the claimant's and the house's."""
    return None if user.role == Role.COMPLIANCE else [claim.owner, vault.HOUSE]


def _download(content: bytes, media_type: str, name: str) -> HttpResponse:
    return HttpResponse(
        content, content_type=media_type, headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )
