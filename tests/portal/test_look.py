"""The look keeps its promises: text that can be read, nothing inline, parts that say what they need."""

import re
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.conf import settings
from django.template.loader import render_to_string
from django.utils.timezone import datetime, timezone

from anchoring.stages import Stage

TEMPLATES = sorted((settings.BASE_DIR / "templates").rglob("*.html"))
TOKENS = (settings.BASE_DIR / "portal/static/portal/tokens.css").read_text()
LIGHT, DARK = TOKENS.split("@media")[:2]
SURFACES = ("paper", "sheet", "accent-wash", "wait-wash", "bad-wash")
NINE, TEN = (datetime(2026, 11, 23, hour, tzinfo=timezone.utc) for hour in (9, 10))


def _colours(block: str) -> dict[str, str]:
    return dict(re.findall(r"--([\w-]+): #([0-9a-f]{6});", block))


def _luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("block", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(
    ("ink", "surfaces"),
    [
        ("ink", SURFACES),
        ("ink-quiet", ("paper", "sheet", "sunken", "accent-wash", "wait-wash")),
        ("accent", ("paper", "sheet", "accent-wash")),
        ("on-accent", ("accent", "accent-strong")),
        ("bad", ("paper", "sheet", "bad-wash")),
        ("wait", ("paper", "sheet", "wait-wash")),
    ],
)
def test_text_has_a_contrast_of_seven(block: str, ink: str, surfaces: tuple[str, ...]) -> None:
    colours = _colours(block)
    assert {s: r for s in surfaces if (r := _contrast(colours[ink], colours[s])) < 7} == {}


@pytest.mark.parametrize("block", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("line", ["line-strong", "focus"])
def test_lines_that_carry_meaning_have_a_contrast_of_three(block: str, line: str) -> None:
    colours = _colours(block)
    assert {s: r for s in SURFACES if (r := _contrast(colours[line], colours[s])) < 3} == {}


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_carries_a_style_or_a_script_inside(path: Path) -> None:
    assert re.findall(r"<style|\sstyle=|<script(?![^>]*\ssrc=)|\son[a-z]+=|javascript:", path.read_text()) == []


@pytest.mark.parametrize("path", [p for p in TEMPLATES if p.name.startswith("_")], ids=lambda path: path.name)
def test_every_part_says_what_it_needs(path: Path) -> None:
    assert "Context" in path.read_text().partition("{% endcomment %}")[0]


def _stage(**reached: object) -> SimpleNamespace:
    nothing = {"sealed_at": None, "index": None, "anchored_at": None, "block_number": None, "late": False}
    return SimpleNamespace(**{"recorded_at": NINE, "chain_name": None, "explorer_url": None, **nothing, **reached})


def test_the_ladder_says_in_words_which_rungs_are_reached() -> None:
    climbs = [
        _stage(),
        _stage(sealed_at=NINE, index=4821),
        _stage(sealed_at=NINE, index=4821, anchored_at=TEN, block_number=12, chain_name="Sepolia"),
    ]
    pages = [render_to_string("_ladder.html", {"stage": stage}) for stage in climbs]
    assert [page.count("ladder__rung--reached") for page in pages] == [1, 2, 3]
    assert [page.count("Not yet") for page in pages] == [2, 1, 0]
    assert [page.count('aria-current="step"') for page in pages] == [1, 1, 1]
    assert all(before != after for before, after in pairwise(pages))


@pytest.mark.parametrize(
    ("chain_id", "words"), [(31337, "a test record, which proves nothing"), (1, "a public record")]
)
def test_an_anchor_on_a_local_chain_is_not_called_public(chain_id, words) -> None:
    reached = {"sealed_at": NINE, "index": 1, "anchored_at": TEN, "block_number": 12, "transaction": "0x" + "00" * 32}
    stage = Stage(recorded_at=NINE, chain_id=chain_id, late=False, **reached)
    assert f"stands in {words}" in render_to_string("_ladder.html", {"stage": stage})


def test_a_broken_sealing_promise_is_shown_not_hidden() -> None:
    late = {"stage": _stage(late=True)}
    assert "Sealing is delayed" in render_to_string("_ladder.html", late)
    assert "Sealing is delayed" in render_to_string("_ladder_mini.html", late)


def test_a_ladder_stops_asking_once_it_is_anchored() -> None:
    waiting, done = _stage(sealed_at=NINE, index=1), _stage(sealed_at=NINE, index=1, anchored_at=TEN)
    asks = ["hx-get" in render_to_string("_ladder_live.html", {"stage": s, "poll_url": "/x"}) for s in (waiting, done)]
    assert asks == [True, False]


def test_a_fingerprint_is_shown_in_groups_of_four() -> None:
    html = render_to_string("_fingerprint.html", {"value": "9f86d081884c7d65" * 4})
    assert re.findall(r"<span>([0-9a-f]+)</span>", html) == ["9f86", "d081", "884c", "7d65"] * 4


def test_an_email_is_plain_text_and_escapes_nothing() -> None:
    mail = render_to_string("email/base.txt", {"name": "Aoife O'Neill", "help_email": "help@touchstone.example"})
    assert mail.startswith("Hello Aoife O'Neill,\n")
    assert "Write to help@touchstone.example" in mail
