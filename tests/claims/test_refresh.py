"""A proof downloaded while pending: the same address gives the anchored one afterwards, and verify.py fetches it."""

import json
import re
import subprocess
import sys
import urllib.request
from html import unescape
from pathlib import Path

import pytest
from django.conf import settings as configured
from django.test import Client
from django.urls import reverse
from knox.models import AuthToken

from anchoring import verify
from anchoring.seal import sequencer
from anchoring.trust import trust_file
from tests import people
from tests.anchoring.log_world import a_chain, register, tick

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def chain():
    """A chain on which the log is registered."""
    made = a_chain()
    register(made)
    return made


@pytest.fixture
def cover(alice, carol):
    return people.insured(alice, officer=carol)


@pytest.fixture
def claim(alice, cover):
    return people.file_claim(alice, cover)


@pytest.fixture
def site(live_server, settings) -> str:
    """The portal, served: its address is what its pages print."""
    settings.SITE_URL = live_server.url
    return live_server.url


@pytest.fixture
def folder(tmp_path, site, alice) -> Path:
    """What alice has on her computer: the verifier and the keys, as the portal gives them, and a key of her own."""
    for name in ("verify.py", "trust.json"):
        (tmp_path / name).write_bytes(fetched(f"{site}/{name}"))
    (tmp_path / "key.txt").write_text(AuthToken.objects.create(alice)[1] + "\n", encoding="ascii")
    return tmp_path


def anchor(chain) -> None:
    """Everything recorded so far, sealed and anchored."""
    sequencer.sequence()
    tick(chain)
    for _ in range(40):
        chain.mine()
    tick(chain)


def fetched(url: str, **headers: str) -> bytes:
    """What a program gets there."""
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=30) as response:
        return response.read()


def with_token(folder: Path) -> dict[str, str]:
    return {"Authorization": f"Token {(folder / 'key.txt').read_text(encoding='ascii').strip()}"}


def signed_in(user) -> dict[str, str]:
    """The session cookie of a browser in which the user has signed in."""
    client = Client()
    client.force_login(user)
    return {"Cookie": f"{configured.SESSION_COOKIE_NAME}={client.cookies[configured.SESSION_COOKIE_NAME].value}"}


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The downloaded verifier, alone in its folder, without site packages."""
    return subprocess.run(
        [sys.executable, "-I", "verify.py", *arguments], cwd=folder, capture_output=True, text=True, timeout=60
    )


def stands(content: bytes) -> list[str]:
    """Lines 1 to 3 of the file: record, sealed, anchored."""
    return [line.status for line in verify.verify(content, trust_file()).lines[:3]]


@pytest.mark.parametrize("kind", ["claim", "policy"])
def test_a_pending_file_from_the_api_is_replaced_by_the_anchored_one(kind, folder, site, claim, cover, chain) -> None:
    number = claim.number if kind == "claim" else cover.number
    url, file = site + reverse(f"api-{kind}-proof", args=[number]), folder / f"{number}.proof.json"
    pending = fetched(url, **with_token(folder))
    file.write_bytes(pending)
    assert stands(pending) == ["passed", "pending", "pending"]
    before = run(folder, file.name, "--trust", "trust.json", "--refresh", url, "--token-file", "key.txt")
    assert (before.returncode, "your file is the newest version" in before.stdout) == (3, True)
    anchor(chain)
    (folder / "trust.json").write_bytes(fetched(f"{site}/trust.json"))
    after = run(folder, file.name, "--trust", "trust.json", "--refresh", url, "--token-file", "key.txt")
    assert "your file was replaced by the newest version" in after.stdout, after.stdout + after.stderr
    assert (stands(file.read_bytes()), file.read_bytes()) == (
        ["passed"] * 3, fetched(url, **with_token(folder)),
    )  # fmt: skip
    block_hash = re.search(r"compare hash (0x[0-9a-f]{64})", after.stdout)[1]
    done = run(folder, file.name, "--trust", "trust.json", "--block-hash", block_hash)
    assert done.returncode == 0, done.stdout


def test_the_command_that_the_page_shows_works_as_it_stands(alice, folder, site, claim, chain) -> None:
    page, download = site + reverse("claim", args=[claim.number]), site + reverse("claim-proof", args=[claim.number])
    cookie = signed_in(alice)
    file = folder / f"{claim.number}.proof.json"
    file.write_bytes(fetched(download, **cookie))
    shown = unescape(
        re.search(r"<code>python3 verify\.py ([^<]*--refresh[^<]*)</code>", fetched(page, **cookie).decode())[1]
    )
    anchor(chain)
    (folder / "trust.json").write_bytes(fetched(f"{site}/trust.json"))
    done = run(folder, *shown.split())
    assert "your file was replaced by the newest version" in done.stdout, done.stdout + done.stderr
    assert stands(file.read_bytes()) == ["passed"] * 3


def test_the_page_s_own_address_gives_the_anchored_file_afterwards(alice, site, claim, chain) -> None:
    address, cookie = site + reverse("claim-proof", args=[claim.number]), signed_in(alice)
    assert stands(fetched(address, **cookie)) == ["passed", "pending", "pending"]
    sequencer.sequence()
    assert stands(fetched(address, **cookie)) == ["passed", "passed", "pending"]
    anchor(chain)
    assert stands(fetched(address, **cookie)) == ["passed"] * 3


def test_the_page_s_address_without_its_cookie_changes_nothing_and_says_what_is_missing(
    alice, folder, site, claim
) -> None:
    address = site + reverse("claim-proof", args=[claim.number])
    file = folder / f"{claim.number}.proof.json"
    held = fetched(address, **signed_in(alice))
    file.write_bytes(held)
    sequencer.sequence()
    said = run(folder, file.name, "--trust", "trust.json", "--refresh", address, "--token-file", "key.txt").stdout
    assert "your file is unchanged" in said and "the address may need --token-file" in said
    assert file.read_bytes() == held


def test_the_file_of_one_event_is_brought_up_to_date_by_its_own_address(folder, site, claim, chain) -> None:
    url = site + reverse("api-claim-proof", args=[claim.number])
    event = json.loads(json.loads(fetched(url, **with_token(folder)))["entries"][0]["entry"])["id"]
    file = folder / "one.proof.json"
    file.write_bytes(fetched(f"{url}?event={event}", **with_token(folder)))
    anchor(chain)
    (folder / "trust.json").write_bytes(fetched(f"{site}/trust.json"))
    done = run(
        folder, file.name, "--trust", "trust.json", "--refresh", f"{url}?event={event}", "--token-file", "key.txt"
    )
    assert "your file was replaced" in done.stdout, done.stdout + done.stderr
    assert (stands(file.read_bytes()), len(json.loads(file.read_bytes())["entries"])) == (["passed"] * 3, 1)


def test_another_s_key_changes_nothing(bob, folder, site, claim, chain) -> None:
    url, file = site + reverse("api-claim-proof", args=[claim.number]), folder / "it.proof.json"
    held = fetched(url, **with_token(folder))
    file.write_bytes(held)
    anchor(chain)
    (folder / "key.txt").write_text(AuthToken.objects.create(bob)[1], encoding="ascii")
    said = run(folder, file.name, "--trust", "trust.json", "--refresh", url, "--token-file", "key.txt").stdout
    assert "answered with HTTP status 404" in said
    assert file.read_bytes() == held
