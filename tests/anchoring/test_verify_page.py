"""The verifier page as it is served: the same bytes everywhere, nothing from outside, and a CSP that says so."""

import base64
import hashlib
import re
from pathlib import Path

import pytest
from django.conf import settings

from anchoring.verify_page import verify_page

PAGE = verify_page().content.decode()
STATIC = Path(settings.BASE_DIR / "anchoring/static/anchoring")


def directives(rules: str) -> dict[str, str]:
    return {name: values for name, _, values in (rule.strip().partition(" ") for rule in rules.split(";"))}


def own_rules() -> str:
    (found,) = re.findall(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)">', PAGE)
    return found


def inline(tag: str) -> str:
    (found,) = re.findall(rf"<{tag}>(.*?)</{tag}>", PAGE, re.DOTALL)
    return found


def hash_of(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def test_the_page_and_the_file_to_keep_are_the_same_bytes(client) -> None:
    shown, kept = client.get("/verify/"), client.get("/verify.html")
    assert shown.content == kept.content == verify_page().content
    assert [answer.headers.get("Content-Disposition") for answer in (shown, kept)] == [
        None, 'attachment; filename="verify.html"',
    ]  # fmt: skip
    assert {answer.headers["Content-Type"] for answer in (shown, kept)} == {"text/html; charset=utf-8"}


def test_whoever_has_the_page_already_is_not_sent_it_again(client) -> None:
    etag = client.get("/verify/").headers["ETag"]
    assert client.get("/verify/", headers={"If-None-Match": etag}).status_code == 304


def test_the_page_permits_its_own_styles_and_script_by_their_hashes_and_nothing_else() -> None:
    assert directives(own_rules()) == {
        "default-src": "'none'",
        "script-src": hash_of(inline("script")),
        "style-src": hash_of(inline("style")),
        "img-src": "data:",
        "connect-src": "'self' https: http://127.0.0.1:* http://localhost:*",
        "form-action": "'none'",
        "base-uri": "'none'",
        "require-trusted-types-for": "'script'",
    }


def test_the_answer_s_header_says_the_same_and_forbids_frames(client) -> None:
    sent = client.get("/verify/").headers["Content-Security-Policy"]
    assert directives(sent) == {**directives(own_rules()), "frame-ancestors": "'none'"}


def test_other_pages_keep_the_site_s_own_rules(client, db) -> None:
    client.get("/verify/")
    assert "sha256-" not in client.get("/check/").headers["Content-Security-Policy"]


def test_nothing_in_the_page_leads_outside() -> None:
    without_rules = PAGE.replace(own_rules(), "")
    assert re.findall(r"(?<!/)//[a-z0-9\[][^\s]*", re.sub(r"^\s*//.*$", "", without_rules, flags=re.MULTILINE)) == []
    assert re.findall(r"\bsrc=|@import|[\s:,]url\(", without_rules) == []
    assert sorted(set(re.findall(r'href="([^"]*)"', without_rules))) == ["/check/", "/verify.html", "data:,"]


def test_the_page_holds_the_verifier_whole_as_the_vectors_test_it() -> None:
    assert (STATIC / "verify.js").read_text() in inline("script")


def test_nothing_from_a_file_can_become_markup() -> None:
    """Text goes in as text: the script never writes HTML, makes code of text, or touches what outlives the page."""
    forbidden = (
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|localStorage|cookie|import\("
    )
    assert re.findall(forbidden, inline("script")) == []


def test_without_javascript_the_page_says_what_to_use_instead() -> None:
    (said,) = re.findall(r'<div class="box" id="without-script">(.*?)</div>', PAGE, re.DOTALL)
    assert "python3 verify.py" in said
    assert '<form id="form" hidden' in PAGE


def test_the_page_that_explains_checking_names_it_first_with_its_fingerprint(client, db) -> None:
    shown = client.get("/check/").content.decode()
    digest, groups = hashlib.sha256(verify_page().content).hexdigest(), re.findall(r"<span>([0-9a-f]{4})</span>", shown)
    assert shown.index('href="/verify/"') < shown.index('href="/verify.py"')
    assert digest in "".join(groups)


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_nothing_can_be_sent_to_the_page(client, method: str) -> None:
    assert getattr(client, method)("/verify/").status_code == 405
