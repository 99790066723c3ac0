"""The figures for Prometheus: who may read them, and that each says what the rows say."""

import re
from datetime import date, timedelta
from functools import partial

import pytest
import yaml
from django.conf import settings as settings_
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from anchoring import anchors, fsck, networks, schedule
from anchoring.models import Attempt, Confirmation, Retraction, Sender, State, Tick
from anchoring.seal import sequencer
from tests.anchoring.log_world import a_chain, a_route, anchor_all, note, notes, register, tick

pytestmark = pytest.mark.django_db
EXPRESSION = re.compile(r"(touchstone_\w+)(\{[^}]*\})?")
TOKEN = "t0ken-of-thirty-two-characters-x"


def scrape(client) -> dict[str, float]:
    """Every sample as ``name{labels}`` and its value."""
    answer = client.get("/metrics")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    return {
        sample.name + ("{" + ",".join(sample.labels.values()) + "}" if sample.labels else ""): sample.value
        for family in text_string_to_metric_families(answer.content.decode())
        for sample in family.samples
    }


def anchored():
    """A chain that holds the log, of size 3."""
    chain = a_chain()
    register(chain)
    note()
    anchor_all(chain)
    return chain


def scheduled(chain, **rules) -> None:
    """One run of the schedule on that chain."""
    route = a_route(chain, **rules)
    schedule.tick("anchor", partial(anchors.tick, route), health=route.chain.health)


# --- Who may read them -----------------------------------------------------------------------------------------------


def test_whoever_knows_the_token_reads_them_and_nobody_else(client, settings) -> None:
    settings.METRICS_TOKEN, settings.PRODUCTION = TOKEN, True
    answers = {
        given: client.get("/metrics", headers={"Authorization": given} if given else {})
        for given in ("", f"Bearer {TOKEN}", f"Bearer {TOKEN}x", f"bearer {TOKEN}", TOKEN, "Bearer ", "Bearer töken")
    }
    assert {given: answer.status_code for given, answer in answers.items()} == {
        "": 401, f"Bearer {TOKEN}": 200, f"Bearer {TOKEN}x": 401, f"bearer {TOKEN}": 200, TOKEN: 401, "Bearer ": 401,
        "Bearer töken": 401,
    }  # fmt: skip
    refused = answers[""]
    assert (refused.headers["WWW-Authenticate"], refused.content) == (
        'Bearer realm="metrics"', b"Give METRICS_TOKEN as a bearer token.\n",
    )  # fmt: skip


def test_without_a_token_there_are_none_in_production(client, settings) -> None:
    settings.METRICS_TOKEN, settings.PRODUCTION = "", True
    assert client.get("/metrics").status_code == 404
    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404


@pytest.mark.parametrize(("address", "status"), [("127.0.0.1", 200), ("::1", 200), ("192.0.2.7", 404), ("", 404)])
def test_without_a_token_this_computer_alone_reads_them_in_development(client, settings, address, status) -> None:
    settings.METRICS_TOKEN = ""
    assert client.get("/metrics", REMOTE_ADDR=address).status_code == status


def test_they_are_only_read(client) -> None:
    assert client.post("/metrics").status_code == 405


def test_a_reader_that_asks_for_open_metrics_gets_them(client) -> None:
    answer = client.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert answer.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
    assert answer.content.endswith(b"# EOF\n")


# --- What they say ---------------------------------------------------------------------------------------------------


def test_an_empty_log_has_figures_too(client) -> None:
    told = scrape(client)
    assert {name: value for name, value in told.items() if value} == {
        "touchstone_anchoring_state{unregistered}": 1, "touchstone_fee_limit_gwei": 1000,
    }  # fmt: skip
    assert (told["touchstone_log_size"], told["touchstone_retractions_total"]) == (0, 0)


def test_a_log_that_is_anchored(client) -> None:
    chain = anchored()
    scheduled(chain)
    told = scrape(client)
    paid, attempt, sender = Confirmation.objects.get(), Attempt.objects.get(), Sender.objects.get()
    assert {name: told[f"touchstone_{name}"] for name in (
        "log_size", "log_confirmed_size", "waiting_records{seal}", "waiting_records{anchor}", "waiting_seconds{seal}",
        "waiting_seconds{anchor}", "receipts_broken", "step_problem{anchor}", "anchoring_state{well}",
        "anchoring_state{halted}", "anchor_attempts", "anchor_offer_gwei", "retractions_total", "key_balance_gwei",
        "anchors_left", "endpoint_up{memory,anchor}", "endpoint_failures{memory,anchor}",
    )} == {
        "log_size": 3, "log_confirmed_size": 3, "waiting_records{seal}": 0, "waiting_records{anchor}": 0,
        "waiting_seconds{seal}": 0, "waiting_seconds{anchor}": 0, "receipts_broken": 0, "step_problem{anchor}": 0,
        "anchoring_state{well}": 1, "anchoring_state{halted}": 0, "anchor_attempts": 0, "anchor_offer_gwei": 0,
        "retractions_total": 0, "key_balance_gwei": chain.balance(bytes(attempt.sender)) // 10**9,
        "anchors_left": sender.balance_gwei // sender.anchor_gwei, "endpoint_up{memory,anchor}": 1,
        "endpoint_failures{memory,anchor}": 0,
    }  # fmt: skip
    spent = (paid.gas_price / 1e9, paid.gas_used * paid.gas_price / 1e9)
    assert (told["touchstone_anchor_fee_gwei"], told["touchstone_anchor_cost_gwei"]) == spent


def test_what_an_anchor_cost_is_told_once_the_node_said(client) -> None:
    anchored()
    confirmation = Confirmation.objects.get()
    second = {field.attname: getattr(confirmation, field.attname) for field in Confirmation._meta.fields}
    Retraction.objects.create(confirmation=confirmation, block_hash=b"x" * 32, at=timezone.now())
    Confirmation.objects.create(**second | {"id": None, "nth": 2, "gas_used": 50_000, "gas_price": 1_500_000_000})
    told = scrape(client)
    assert (told["touchstone_anchor_fee_gwei"], told["touchstone_anchor_cost_gwei"]) == (1.5, 75_000)
    assert told["touchstone_retractions_total"] == 1


def test_the_lag_is_of_what_people_recorded_and_not_of_the_log_s_own_entries(client) -> None:
    anchored()
    note(at=timezone.now() - timedelta(minutes=10))
    told = scrape(client)
    assert (told["touchstone_waiting_records{seal}"], told["touchstone_waiting_records{anchor}"]) == (1, 0)
    assert 600 <= told["touchstone_waiting_seconds{seal}"] < 660
    sequencer.sequence()
    told = scrape(client)
    assert told["touchstone_log_size"] - told["touchstone_log_confirmed_size"] == 2
    assert (told["touchstone_waiting_records{seal}"], told["touchstone_waiting_records{anchor}"]) == (0, 1)
    assert 600 <= told["touchstone_waiting_seconds{anchor}"] < 660
    assert told["touchstone_anchoring_state{due}"] == 1


def test_an_anchor_under_way_is_told_with_its_attempts_and_offer(client) -> None:
    chain = anchored()
    chain.automine = False
    note()
    sequencer.sequence()
    tick(chain)
    told = scrape(client)
    assert (told["touchstone_anchor_attempts"], told["touchstone_anchor_offer_gwei"]) == (1, 3)
    assert 0 <= told["touchstone_anchor_under_way_seconds"] < 60
    assert told["touchstone_anchoring_state{sent}"] == 1


def test_a_step_that_cannot_go_on_and_the_endpoint_that_is_silent_are_told(client) -> None:
    chain = anchored()
    scheduled(chain)
    Tick.objects.update(went_well_at=timezone.now() - timedelta(hours=1))
    chain.down = True
    scheduled(chain)
    told = scrape(client)
    assert (told["touchstone_step_problem{anchor}"], told["touchstone_anchoring_state{silent}"]) == (1, 1)
    assert 3600 <= told["touchstone_step_success_age_seconds{anchor}"] < 3660
    assert 0 <= told["touchstone_step_run_age_seconds{anchor}"] < 60
    endpoint = [told[f"touchstone_endpoint_{what}{{memory,anchor}}"] for what in ("up", "failures")]
    assert endpoint == [0, 1]


def test_broken_promises_are_counted_with_a_place_and_without(client, settings) -> None:
    settings.SEAL_WITHIN_SECONDS = 60
    note(at=timezone.now() - timedelta(minutes=5))
    sequencer._sequence_batch()
    note(at=timezone.now() - timedelta(minutes=5))
    note()
    assert scrape(client)["touchstone_receipts_broken"] == 2
    sequencer.sequence()
    assert scrape(client)["touchstone_receipts_broken"] == 0


def test_the_days_until_the_chain_s_end_are_told_where_an_end_was_announced(client, settings) -> None:
    settings.CHAIN = "hoodi"
    end = networks.by_name("hoodi").end_of_life
    assert scrape(client)["touchstone_network_end_of_life_days{hoodi}"] == (end - date.today()).days


def alerts() -> list[dict]:
    """The rules in docs/operations/monitoring.md."""
    page = (settings_.BASE_DIR / "docs" / "operations" / "monitoring.md").read_text(encoding="utf-8")
    blocks = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)]
    [scrape_config] = [block for block in blocks if "scrape_configs" in block]
    assert scrape_config["scrape_configs"][0]["metrics_path"] == reverse("metrics")
    [rules] = [block for block in blocks if "groups" in block]
    return rules["groups"][0]["rules"]


def test_every_metric_and_label_that_an_alert_in_the_documents_names_is_one_that_we_give(client, settings) -> None:
    settings.CHAIN = "hoodi"
    scheduled(anchored())
    fsck.scan()
    given = {(name.split("{")[0]) for name in scrape(client)}
    labelled = set(scrape(client))
    named = {(found[1], found[2] or "") for rule in alerts() for found in EXPRESSION.finditer(rule["expr"])}
    assert {name for name, _ in named} - given == set()
    wanted = {f"{name}{{{value}}}" for name, selector in named for value in re.findall(r'="(\w+)"', selector)}
    assert wanted - labelled == set()
    assert len(named) == 19


def test_every_alert_says_what_it_means_and_names_itself_once() -> None:
    rules = alerts()
    assert [rule["alert"] for rule in rules if not rule["annotations"]["summary"].endswith((".", "it."))] == []
    assert len({rule["alert"] for rule in rules}) == len(rules) == 16


def test_a_scrape_costs_the_same_however_long_the_log_is(client) -> None:
    chain = anchored()
    scheduled(chain)
    costs = []
    for count in (1, 30):
        notes(count)
        anchor_all(chain)
        with CaptureQueriesContext(connection) as captured:
            scrape(client)
        costs.append(len(captured))
    assert (costs, State.objects.count()) == ([21, 21], 3)
