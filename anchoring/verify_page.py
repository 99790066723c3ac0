"""The verifier page: one HTML file that holds its styles and scripts, and names them by their hashes."""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles import finders
from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe

STYLES = ("portal/tokens.css", "anchoring/verify_page.css")
SCRIPTS = ("anchoring/verify.js", "anchoring/verify_page.js")


@dataclass(frozen=True)
class VerifyPage:
    """The page's bytes, and the directives under which a browser may run them (those of its own <meta> element)."""

    content: bytes
    directives: Mapping[str, list[str]]


@cache
def verify_page() -> VerifyPage:
    """The same bytes until the program is started anew; some milliseconds the first time."""
    styles, scripts = _joined(STYLES), _joined(SCRIPTS)
    directives = _directives(styles, scripts)
    context = {
        "rules": mark_safe("; ".join(f"{name} {' '.join(values)}" for name, values in directives.items())),  # noqa: S308
        "styles": _element("style", styles),
        "script": _element("script", scripts),
        "product_name": settings.PRODUCT_NAME,
    }
    return VerifyPage(render_to_string("anchoring/verify_page.html", context).encode(), directives)


def _directives(styles: str, scripts: str) -> dict[str, list[str]]:
    """Nothing but the two elements; and a node that the reader names, which may stand anywhere or on their computer."""
    return {
        "default-src": ["'none'"],
        "script-src": [_hash(scripts)],
        "style-src": [_hash(styles)],
        "img-src": ["data:"],
        "connect-src": ["'self'", "https:", "http://127.0.0.1:*", "http://localhost:*"],
        "form-action": ["'none'"],
        "base-uri": ["'none'"],
        "require-trusted-types-for": ["'script'"],
    }


def _joined(names: tuple[str, ...]) -> str:
    """The static files one after the other."""
    return "\n".join(Path(str(finders.find(name))).read_text() for name in names)


def _element(tag: str, text: str) -> SafeString:
    """The text as an inline element; it must hold nothing that would end or twist it."""
    assert f"</{tag}" not in text.lower() and "<!--" not in text
    return mark_safe(f"<{tag}>{text}</{tag}>")  # noqa: S308  # our own files


def _hash(text: str) -> str:
    """CSP 3 §2.3.1: a hash source of an inline element's text."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
