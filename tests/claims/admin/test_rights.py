"""The desk opens to each role just what that role works on, and changes nothing by itself."""

import pytest
from django.contrib.auth import get_user_model
from django.urls import reverse

from anchoring.models import Entry
from claims.models import Claim, KycCase, Policy, Quote
from tests import people

pytestmark = pytest.mark.django_db

STAFF = ("carol", "dora", "erin", "grace", "frank", "uma")
LISTS = {
    "claims_claim": "dora erin grace frank",
    "claims_kyccase": "carol frank",
    "claims_policy": "dora erin frank uma",
    "claims_quote": "frank uma",
    "claims_claimpayment": "grace frank",
    "claims_premiumpayment": "grace frank",
    "claims_user": "ada",
    "anchoring_entry": "frank",
    "anchoring_checkpoint": "frank",
    "anchoring_anchor": "frank",
    "anchoring_registration": "frank",
}


@pytest.fixture
def ada(db):
    """The administrator, who has no business role."""
    user = get_user_model().objects.create_superuser("ada@example.com", people.PASSWORD, name="Ada")
    user.emailaddress_set.create(email=user.email, verified=True, primary=True)
    return user


@pytest.fixture
def everyone(carol, dora, erin, grace, frank, uma, ada):
    """Everyone who has a desk, by name."""
    return {"carol": carol, "dora": dora, "erin": erin, "grace": grace, "frank": frank, "uma": uma, "ada": ada}


@pytest.fixture
def claim(alice, carol) -> Claim:
    return people.file_claim(alice, people.insured(alice, officer=carol), 25_000)


def _answers(client, everyone, address: str) -> dict[str, int]:
    answers = {}
    for name, user in everyone.items():
        client.force_login(user)
        answers[name] = client.get(address).status_code
    return answers


def _expected(names: str, *, others: int, everyone) -> dict[str, int]:
    return {name: 200 if name in names.split() else others for name in everyone}


@pytest.mark.parametrize("name", LISTS)
def test_each_list_opens_to_its_readers_alone(client, everyone, claim, name: str) -> None:
    found = _answers(client, everyone, reverse(f"admin:{name}_changelist"))
    assert found == _expected(LISTS[name], others=403, everyone=everyone)


def test_the_first_page_opens_to_all_staff_and_lists_what_each_may_look_up(client, everyone, claim) -> None:
    assert set(_answers(client, everyone, reverse("admin:index")).values()) == {200}
    client.force_login(everyone["uma"])
    offered = client.get(reverse("admin:index")).context["app_list"]
    assert [model["object_name"] for app in offered for model in app["models"]] == ["Policy", "Quote"]


def test_each_case_opens_to_its_readers_alone(client, everyone, claim) -> None:
    quote = Quote.objects.get()
    cases = {
        ("claim", claim.pk): ("dora erin frank", 404),
        ("kyccase", KycCase.objects.get().pk): ("carol frank", 403),
        ("policy", Policy.objects.get().pk): ("dora erin frank uma", 403),
        ("quote", quote.pk): ("frank uma", 403),
    }
    for (model, pk), (readers, others) in cases.items():
        found = _answers(client, everyone, reverse(f"admin:claims_{model}_change", args=[pk]))
        expected = _expected(readers, others=403, everyone=everyone)
        assert found == expected | ({"grace": others} if model == "claim" else {}), model


def test_finance_sees_a_claim_once_it_is_decided(client, dora, grace, claim) -> None:
    client.force_login(grace)
    address = reverse("admin:claims_claim_change", args=[claim.pk])
    assert client.get(address).status_code == 404
    people.accept_in_full(claim, by=dora)
    assert client.get(address).status_code == 200


def test_unknown_and_malformed_ids_are_not_found(client, dora) -> None:
    client.force_login(dora)
    assert client.get("/staff/claims/claim/not-a-uuid/change/").status_code == 404
    assert client.get("/staff/claims/claim/00000000-0000-4000-8000-000000000000/change/").status_code == 404


def test_alice_has_no_desk_and_is_sent_to_the_one_sign_in_page_when_signed_out(client, alice) -> None:
    answer = client.get("/staff/claims/claim/")
    assert answer.url == "/staff/login/?next=/staff/claims/claim/"
    assert client.get(answer.url).url == "/accounts/login/?next=/staff/claims/claim/"
    client.force_login(alice)
    assert client.get("/staff/", follow=True).status_code == 403


def test_dora_signs_in_through_the_one_page_and_lands_where_she_wanted(client, dora) -> None:
    given = {"login": dora.email, "password": people.PASSWORD}
    answer = client.post("/accounts/login/?next=/staff/claims/claim/", given)
    assert answer.url == "/staff/claims/claim/"
    assert client.get("/staff/login/").url == "/staff/"
    assert client.get("/staff/password_change/").url == reverse("account_change_password")
    assert client.post("/staff/logout/").url == reverse("home")
    assert client.get("/staff/").status_code == 302


@pytest.mark.parametrize("model", ["claim", "kyccase", "policy", "quote", "claimpayment", "premiumpayment"])
def test_nobody_adds_changes_or_deletes_a_row(client, frank, dora, grace, claim, model: str) -> None:
    people.accept_in_full(claim, by=dora)
    rows = {
        "claim": claim,
        "kyccase": KycCase.objects.get(),
        "policy": Policy.objects.get(),
        "quote": Quote.objects.get(),
    }
    row = rows.get(model, claim)
    before, entries = list(type(row).objects.values()), Entry.objects.count()
    client.force_login(frank)
    pages = (("add", []), ("change", [row.pk]), ("delete", [row.pk]))
    found = {
        page: client.post(
            reverse(f"admin:claims_{model}_{page}", args=args), {"status": "paid", "post": "yes"}
        ).status_code
        for page, args in pages
    }
    assert found == {"add": 403, "change": 405, "delete": 403}
    asked = {"action": "delete_selected", "_selected_action": [str(row.pk)], "post": "yes"}
    client.post(reverse(f"admin:claims_{model}_changelist"), asked)
    assert (list(type(row).objects.values()), Entry.objects.count()) == (before, entries)


def test_the_libraries_lists_are_not_at_the_desk(client, ada) -> None:
    client.force_login(ada)
    offered = client.get(reverse("admin:index")).context["app_list"]
    assert [model["object_name"] for app in offered for model in app["models"]] == ["User"]
    for address in ("/staff/auth/group/", "/staff/account/emailaddress/", "/staff/knox/authtoken/"):
        assert client.get(address).status_code == 404


def test_a_case_s_history_is_on_its_page(client, dora, claim) -> None:
    client.force_login(dora)
    page = reverse("admin:claims_claim_change", args=[claim.pk])
    assert client.get(reverse("admin:claims_claim_history", args=[claim.pk])).url == page
