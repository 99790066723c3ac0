"""The TSA claims layout: what is read, what each rule refuses, what a row becomes."""

import hashlib
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claims.importers import tsa
from claims.importers.desk import Case
from tests.claims.importers import tsa_files as files

DAY = date(2026, 11, 1)


def case_of(line: str) -> Case:
    source = files.source_of(files.file_of([line]))
    (row,) = tsa.read_rows(source)
    assert tsa.broken_rule(row) is None
    return tsa.case_of(row, source=source, loss_on=DAY)


def test_rows_are_numbered_from_one_and_blank_lines_count_as_lines_only() -> None:
    rows = files.rows_of(files.file_of([files.APPROVED, "", "  ", files.SETTLED]))
    assert [(row.number, row.line) for row in rows] == [(1, 2), (2, 5)]


def test_a_quoted_cell_keeps_its_commas_and_amounts_become_cents() -> None:
    (row,) = files.rows_of(files.file_of([files.SETTLED]))
    assert row.cells["Item"] == "Shoes, belts"
    assert (row.claimed_minor, row.paid_minor) == (21_050, 6_000)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_both_line_ends_a_byte_order_mark_and_a_missing_last_line_end_are_read(end: str) -> None:
    content = b"\xef\xbb\xbf" + files.file_of([files.APPROVED, files.DENIED], end=end).rstrip()
    source = files.source_of(content)
    assert source.lines == 3
    assert [tsa.broken_rule(row) for row in tsa.read_rows(source)] == [None, None]


def test_the_key_is_the_hash_of_all_bytes_and_the_row() -> None:
    content = files.file_of([files.APPROVED])
    assert case_of(files.APPROVED).ref == f"tsa:{hashlib.sha256(content).hexdigest()}:1"


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "nothing that can be read"),
        (b"\n" + files.file_of([files.APPROVED]), "nothing that can be read"),
        (b"PK\x03\x04\x00\x00", "“PK\x03\x04\x00\x00” and 0 more"),
        (files.file_of([files.APPROVED], header=files.HEADER.replace(",", ";")), "and 0 more"),
        (files.file_of([files.APPROVED], header=files.HEADER + ",Date"), "“Airport.Code” and 9 more"),
        (files.file_of([files.APPROVED], header=files.HEADER.removesuffix(",Close.Amount")), "and 7 more"),
        (files.file_of([files.APPROVED], header=files.HEADER.replace("Item", "Thing")), "and 8 more"),
        (files.HEADER.encode("utf-16"), "names"),
    ],
)
def test_a_file_of_another_layout_is_refused_in_one_sentence(content: bytes, found: str) -> None:
    with pytest.raises(tsa.MalformedFile) as refused:
        files.source_of(content)
    assert str(refused.value).startswith("This is not a file of the TSA claims layout: the first line must name the 9")
    assert found in str(refused.value)


@pytest.mark.parametrize(("line", "rule"), files.BAD_LINES.items(), ids=range(len(files.BAD_LINES)))
def test_a_bad_row_breaks_its_rule_and_spares_its_neighbours(line: bytes, rule: str) -> None:
    rows = files.rows_of(files.file_of([files.APPROVED, line, files.SETTLED]))
    broken = [tsa.broken_rule(row) for row in rows]
    assert [found and found.code for found in broken] == [None, rule, None]


def test_every_rule_has_a_line_that_breaks_it() -> None:
    assert set(files.BAD_LINES.values()) == {rule.code for rule in tsa.RULES}


def test_the_largest_amounts_that_someone_may_decide_about_pass() -> None:
    lines = [
        "BOS,Boston,UAL,Property Damage,Checkpoint,Locks,2500000,Denied,0",
        "BOS,Boston,UAL,Property Damage,Checkpoint,Locks,10000000,Settled,2500000",
    ]
    assert [tsa.broken_rule(row) for row in files.rows_of(files.file_of(lines))] == [None, None]


def test_a_row_that_is_not_text_still_tells_its_amounts() -> None:
    line = b"BOS,Boston,UAL,Property Damage,Checkpoint,Caf\xe9 table,20.10,Settled,-5"
    (row,) = files.rows_of(files.file_of([line]))
    assert (row.claimed_minor, row.paid_minor) == (2_010, -500)


def test_what_was_paid_in_full_is_accepted_without_a_reason() -> None:
    verdict = case_of(files.APPROVED).verdict
    assert (verdict.outcome, verdict.payable_minor) == ("accepted", 2_500)
    assert (verdict.reason_code, verdict.provision_ref) == ("", "")


def test_what_was_paid_in_part_rests_on_the_prior_decision_and_its_clause() -> None:
    verdict = case_of(files.SETTLED).verdict
    assert (verdict.outcome, verdict.payable_minor) == ("part_accepted", 6_000)
    assert (verdict.reason_code, verdict.provision_ref) == ("PRIOR_DECISION", "1.2")


def test_what_was_denied_is_declined_as_the_decision_of_the_handler_before() -> None:
    verdict = case_of(files.DENIED).verdict
    assert (verdict.outcome, verdict.payable_minor) == ("declined", 0)
    assert (verdict.reason_code, verdict.provision_ref) == ("PRIOR_DECISION", "1.2")
    assert verdict.rationale == (
        "This records the decision of the handler before us, who closed the claim as “Denied”. Nothing was paid."
    )


@pytest.mark.parametrize(
    ("kind", "cause"),
    [
        ("Passenger Property Loss", "airport_property_loss"),
        ("Property Damage", "airport_property_damage"),
        ("Passenger Theft", "airport_theft"),
        ("Employee Loss (MPCECA)", "airport_employee_loss"),
        ("Personal Injury", "airport_injury"),
        ("Motor Vehicle", "airport_vehicle_damage"),
    ],
)
def test_each_type_of_claim_has_its_cause(kind: str, cause: str) -> None:
    assert case_of(files.APPROVED.replace("Property Damage", kind)).cause_code == cause


def test_a_name_too_long_for_a_claims_line_is_cut_there_and_whole_in_the_description() -> None:
    long_name = "Cameras - Digital " * 20
    case = case_of(files.APPROVED.replace("Other", long_name))
    assert len(case.item.item) <= 200
    assert case.item.item.endswith("…")
    assert long_name.strip() in case.description


def test_the_description_says_what_was_made_up() -> None:
    text = case_of(files.SETTLED).description
    assert "The file names no person and no date: both were made up by the import." in text
    assert "Type: Passenger Theft. Place: Checkpoint. Airline: UAL. Closed as: Settled." in text


@given(st.binary(max_size=400))
def test_no_bytes_break_the_reader_and_what_passes_the_rules_adds_up(tail: bytes) -> None:
    source = files.source_of(files.file_of([]) + tail)
    for number, row in enumerate(tsa.read_rows(source), start=1):
        assert row.number == number
        if tsa.broken_rule(row) is None:
            tsa.case_of(row, source=source, loss_on=DAY)


@given(
    claimed=st.decimals(-10, 3_000_000, places=2),
    paid=st.decimals(-10, 3_000_000, places=2),
    status=st.sampled_from(["Approved", "Settled", "Denied"]),
)
def test_every_readable_row_is_either_refused_or_pays_what_the_file_paid(claimed, paid, status) -> None:
    line = f"BOS,Boston,UAL,Property Damage,Checkpoint,Locks,{claimed},{status},{paid}"
    source = files.source_of(files.file_of([line]))
    (row,) = tsa.read_rows(source)
    assert (row.claimed_minor, row.paid_minor) == (int(claimed * 100), int(paid * 100))
    if tsa.broken_rule(row) is None:
        case = tsa.case_of(row, source=source, loss_on=DAY)
        assert (case.item.claimed_minor, case.verdict.payable_minor) == (int(claimed * 100), int(paid * 100))
        assert 0 <= case.verdict.payable_minor <= case.item.claimed_minor
