"""Setting a paper with typst: tagged PDF from a template and data; the same data gives the same bytes.

What people typed reaches the template as JSON, never as template code. The fonts inside typst draw Latin, Greek,
Cyrillic, Hebrew and Arabic the same on every machine; for other scripts the machine's own fonts are asked too.
"""

import json
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

from django.contrib.staticfiles import finders

_FOLDER: Final = Path(__file__).parent
ACCESSIBLE: Final = "ua-1"  # ISO 14289-1: tagged, titled, every character drawn
ARCHIVED: Final = "a-3a"  # ISO 19005-3: nothing outside is needed to show it, files may be attached

Standard = Literal["ua-1", "a-3a", "2.0"]
_NONE_KEEPS_BOXES: Final[dict[tuple[Standard, ...], Standard | None]] = {
    (ACCESSIBLE,): None,
    (ACCESSIBLE, ARCHIVED): "2.0",  # so that what is attached keeps its relationship (ISO 32000-2)
}
"""What is kept to when a character is drawn as a box, which both standards forbid."""


def typeset(
    template: str,
    paper: Mapping[str, Any],
    *,
    at: datetime,
    undrawn: Mapping[str, Any],
    standards: tuple[Standard, ...] = (ACCESSIBLE,),
    attached: Mapping[str, str] | None = None,
) -> bytes:
    """Set the paper; first with typst's own fonts, then with the machine's too, last with boxes for what none draws.

    ``paper`` is the template's data; ``undrawn`` is added to it the last way, to say what the boxes stand for.
    ``attached`` are further inputs of the template, given to it as they are. ``at`` is the document's date.
    """
    import typst  # noqa: PLC0415 - 80 MB of code that only this needs

    def compiled(data: object, *, kept_to: Any, own_fonts_only: bool) -> bytes:
        made: bytes = typst.compile(
            (_FOLDER / "house.typ").read_bytes() + (_FOLDER / template).read_bytes(),
            sys_inputs={"data": json.dumps(data), "wordmark": _wordmark(), **(attached or {})},
            ignore_system_fonts=own_fonts_only, pdf_standards=kept_to, timestamp=int(at.timestamp()),
        )  # fmt: skip
        return made

    data = _drawable(dict(paper))
    for own_fonts_only in (True, False):
        try:
            return compiled(data, kept_to=list(standards), own_fonts_only=own_fonts_only)
        except typst.TypstError as error:
            if "could not be displayed" not in error.message:
                raise
    return compiled(data | dict(undrawn), kept_to=_NONE_KEEPS_BOXES[standards], own_fonts_only=False)


def groups_of_four(fingerprint: str) -> list[str]:
    """A fingerprint as people compare it."""
    return [fingerprint[at : at + 4] for at in range(0, len(fingerprint), 4)]


def moment(at: datetime) -> str:
    """A time as the papers print it."""
    return f"{at.astimezone(UTC):%-d %B %Y, %H:%M} UTC"


def _drawable(value: Any) -> Any:
    """Without what is no character: controls, halves of surrogates, unassigned and private code points."""
    if isinstance(value, dict):
        return {key: _drawable(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_drawable(inner) for inner in value]
    return "".join(map(_or_box, value)) if isinstance(value, str) else value


def _or_box(character: str) -> str:
    kept = character == "\n" or unicodedata.category(character) not in ("Cc", "Cs", "Cn", "Co")
    return character if kept else "\ufffd"


def _wordmark() -> str:
    path = finders.find("portal/wordmark.svg")
    assert path is not None, "the wordmark lies among the static files"
    return Path(path).read_text(encoding="utf-8")
