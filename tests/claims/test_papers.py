"""The policy document: complete, the same for the same data, and never confused by a name."""

import io
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from pypdf import PdfReader

from claims import papers
from tests import people

pytestmark = pytest.mark.django_db
FINGERPRINT = "0123456789abcdef" * 4
HOSTILE = [
    "#panic(1)", "*bold* _it_ $x^2$ `raw` <label> @ref", '"]}) #import "x"', "\\u{41} // comment /* open",
    "Robert'); DROP TABLE", "a" * 200,
]  # fmt: skip
ANY_SCRIPT = [
    "Łucja Ångström-Đặng", "Ελένη Παπαδοπούλου", "Жанна Ильина", "אָבִי כהן", "محمد العربي", "हिन्दी नाम", "山田太郎",
    "김민준", "สมชาย", "😀", "\x00\x07\u200d\ufffe", "\ud800",
]  # fmt: skip


def document(quote, holder: str = "Alice Adams", issued_at: datetime | None = None):
    return papers.policy_document(
        number="POL-2026-000123-K", holder=holder, quote=quote, issued_at=issued_at or timezone.now(),
        trust_fingerprint=FINGERPRINT,
    )  # fmt: skip


def words(content: bytes) -> str:
    return " ".join(" ".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages).split())


def test_the_document_says_everything_the_contract_rests_on(alice) -> None:
    quote = people.quote_for(alice)
    text = words(document(quote).content)
    assert "POL-2026-000123-K" in text and "Alice Adams" in text
    assert "€54.49" in text and "Insurance premium tax, 20 %" in text
    missing = [clause.ref for clause in quote.product.clauses if " ".join(clause.text.split()) not in text]
    assert missing == []
    assert [coverage.name for coverage in quote.product.coverages if coverage.name not in text] == []
    assert [question.text for question in quote.product.questions if question.text not in text] == []
    assert " ".join(["0123", "4567", "89ab", "cdef"] * 4) in text
    assert "Page 1 of" in text


def test_the_same_data_gives_the_same_bytes_and_any_other_data_others(alice) -> None:
    quote, at = people.quote_for(alice), timezone.now()
    first = document(quote, issued_at=at)
    assert document(quote, issued_at=at) == first
    assert document(quote, "Alice Adamsen", issued_at=at).sha256 != first.sha256
    assert document(quote, issued_at=at + timedelta(minutes=1)).sha256 != first.sha256


def test_the_document_is_tagged_titled_and_in_a_language(alice) -> None:
    root = PdfReader(io.BytesIO(document(people.quote_for(alice)).content))
    catalogue = root.trailer["/Root"]
    assert bool(catalogue["/MarkInfo"]["/Marked"]) is True
    assert catalogue["/Lang"] == "en-GB"
    assert root.metadata.title == "Travel insurance POL-2026-000123-K"


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_what_looks_like_template_code_is_printed_as_it_is(alice, name) -> None:
    printed = words(document(people.quote_for(alice), name).content).replace(" ", "")
    assert name.replace(" ", "") in printed


@pytest.mark.parametrize("name", ANY_SCRIPT, ids=range(len(ANY_SCRIPT)))
def test_a_name_in_any_script_makes_a_document(alice, name) -> None:
    assert "POL-2026-000123-K" in words(document(people.quote_for(alice), name).content)


def test_a_name_that_no_font_can_draw_stands_there_in_unicode(alice) -> None:
    text = words(document(people.quote_for(alice), "\U00012000 Adams").content)
    assert "In Unicode: U+12000 U+0020 U+0041" in text


def facts(quote, at: datetime) -> dict[str, str]:
    return dict(papers._facts(quote, quote.product, at))


def test_cover_of_a_trip_to_come_begins_with_its_first_day_and_cancelling_at_once(alice) -> None:
    quote = people.quote_for(alice)
    quote.starts_at, quote.ends_at = datetime(2026, 12, 1, tzinfo=UTC), datetime(2026, 12, 8, tzinfo=UTC)
    assert facts(quote, datetime(2026, 11, 23, 16, 3, tzinfo=UTC)) == {
        "Issued": "23 November 2026, 16:03 UTC",
        "Cover begins": "With the start of 1 December 2026 (UTC); "
        "“Cancelling or cutting short” when this document was issued",
        "Cover ends": "With the end of 7 December 2026 (UTC)",
        "Right to step back": "None for a contract this short (clause 1.4)",
    }


def test_cover_bought_during_a_long_trip_says_when_waiting_and_the_right_to_step_back_end(alice) -> None:
    quote = people.quote_for(alice)
    quote.starts_at, quote.ends_at = datetime(2026, 11, 20, tzinfo=UTC), datetime(2027, 1, 8, tzinfo=UTC)
    assert facts(quote, datetime(2026, 11, 23, 16, 3, tzinfo=UTC)) == {
        "Issued": "23 November 2026, 16:03 UTC",
        "Cover begins": "When this document was issued",
        "Cover ends": "With the end of 7 January 2027 (UTC)",
        "Waiting period": "Until 26 November 2026, 16:03 UTC (clause 2.4)",
        "Right to step back": "Until 7 December 2026, 16:03 UTC (clause 1.4)",
    }
