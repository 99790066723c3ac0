"""The log for auditors: what everybody may have, what only they may; nothing beyond the newest seal is shown."""

from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.urls import reverse
from knox.models import AuthToken

from anchoring import audit, config
from anchoring.bundles import bundle
from anchoring.models import Checkpoint, Cosignature, Tile
from anchoring.seal import sequencer
from tests.anchoring.log_world import a_chain, anchor_all, note, notes, register

pytestmark = pytest.mark.django_db
KEY = audit.AuditorKey("auditor.example", b"A" * 32)
FOR_EVER = "public, max-age=31536000, immutable"


@pytest.fixture(autouse=True)
def _an_auditor(settings) -> None:
    settings.AUDITOR_KEYS = [KEY.verifier_key]


@pytest.fixture
def log() -> int:
    """An anchored log of more than one tile; its size."""
    chain = a_chain()
    register(chain)
    notes(300)
    sequencer.close_now()
    anchor_all(chain)
    newest = Checkpoint.objects.order_by("-size").first()
    assert newest is not None
    return newest.size


def account(*, may: bool = True) -> dict[str, str]:
    """The headers of an account's program."""
    user = get_user_model().objects.create_user("auditor@example.org")
    if may:
        user.user_permissions.add(Permission.objects.get(codename="read_entries"))
    return {"Authorization": f"Bearer {AuthToken.objects.create(user)[1]}"}


def told(answer) -> tuple[int, str]:
    return answer.status_code, answer.content.decode().strip()


# --- For everybody ---


def test_the_newest_anchored_checkpoint_is_shown_with_its_cosignatures_for_moments(client, log) -> None:
    note()
    sequencer.sequence()
    answer = client.get("/log/checkpoint")
    own = Checkpoint.objects.get(size=log).note
    assert (answer.status_code, answer.content.decode()) == (200, own)
    assert answer.headers["Cache-Control"] == "public, max-age=5"
    line = KEY.cosign(own.split("\n\n")[0] + "\n", 1_800_000_000)
    client.post(f"/log/cosignature/{log}", f"{line}\n", content_type="text/plain", headers=account())
    assert client.get("/log/checkpoint").content.decode() == f"{own}{line}\n"


def test_before_an_anchor_there_is_no_checkpoint_to_look_at(client) -> None:
    note()
    sequencer.sequence()
    assert told(client.get("/log/checkpoint")) == (404, "No checkpoint is anchored yet.")


def test_a_checkpoint_by_its_size_is_what_the_log_signed_and_never_changes(client, log) -> None:
    answer = client.get(f"/log/checkpoint/{log}")
    assert answer.content.decode() == Checkpoint.objects.get(size=log).note
    assert answer.headers["Cache-Control"] == FOR_EVER
    again = client.get(f"/log/checkpoint/{log}", headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    for address in (f"/log/checkpoint/{log + 1}", "/log/checkpoint/0", f"/log/checkpoint/0{log}"):
        assert client.get(address).status_code == 404


def test_tiles_are_shown_whole_and_by_width_and_never_change(client, log) -> None:
    full = client.get("/log/tile/0/000")
    assert full.content == bytes(Tile.objects.get(level=0, n=0).hashes)
    assert (full.headers["Cache-Control"], full.headers["Content-Type"]) == (FOR_EVER, "application/octet-stream")
    hashes = bytes(Tile.objects.get(level=0, n=1).hashes)
    width = log - 256
    assert client.get(f"/log/tile/0/001.p/{width}").content == hashes
    assert client.get("/log/tile/0/001.p/3").content == hashes[:96]
    assert client.get("/log/tile/1/000.p/1").content == bytes(Tile.objects.get(level=1, n=0).hashes)
    again = client.get("/log/tile/0/000", headers={"If-None-Match": full.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/001", "tile/0/001.p/{beyond}", "tile/0/001.p/0", "tile/0/001.p/256", "tile/0/1", "tile/0/x000/001",
        "tile/0/002.p/1", "tile/1/000", "tile/1/000.p/2", "tile/2/000.p/1", "tile/64/000", "tile/00/000",
        "tile/0/000.p/01", "tile/63/x999/x999/x999/x999/x999/999", "tile/0/x999/x999/x999/x999/x999/999", "tile/0/",
        "tile/0/000/",
    ],
)  # fmt: skip
def test_what_the_signed_log_does_not_have_is_not_found(client, log, path) -> None:
    assert client.get(f"/log/{path.format(beyond=log - 255)}").status_code == 404


def test_what_is_sequenced_and_not_signed_yet_is_not_shown(client, log) -> None:
    note()
    sequencer._sequence_batch()
    assert client.get(f"/log/tile/0/001.p/{log - 255}").status_code == 404
    assert client.get(f"/log/tile/entries/001.p/{log - 255}", headers=account()).status_code == 404


@pytest.mark.parametrize("address", ["/log/checkpoint", "/log/tile/0/000", "/audit.py"])
def test_what_is_public_needs_no_sign_in_and_no_cookie(client, log, address) -> None:
    answer = client.get(address)
    assert (answer.status_code, client.head(address).status_code, client.post(address).status_code) == (200, 200, 405)
    assert (dict(answer.cookies), "Cookie" in answer.headers.get("Vary", "")) == ({}, False)


def test_the_auditors_program_is_served_byte_for_byte(client) -> None:
    assert client.get("/audit.py").content == Path(audit.__file__).read_bytes()


# --- For auditors ---


def test_an_auditor_reads_bundles_of_entries_which_no_cache_may_keep(client, log) -> None:
    headers = account()
    answer = client.get("/log/tile/entries/000", headers=headers)
    assert answer.content == bundle(0)
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert client.get(f"/log/tile/entries/001.p/{log - 256}", headers=headers).content == bundle(1, log - 256)
    assert client.get("/log/tile/entries/001", headers=headers).status_code == 404
    assert client.get("/log/tile/entries/x000/000", headers=headers).status_code == 404


@pytest.mark.parametrize(("verb", "address"), [("get", "/log/tile/entries/000"), ("post", "/log/cosignature/1")])
def test_who_shows_no_auditors_token_is_refused(client, log, verb, address) -> None:
    ask = getattr(client, verb)
    assert told(ask(address)) == (401, "Give an auditor's token: Authorization: Bearer …")
    assert ask(address).headers["WWW-Authenticate"] == 'Bearer realm="log"'
    for token in ("", "Bearer", "Bearer nonsense", "Bearer \u00e9", f"Bearer {'a' * 64}"):
        assert ask(address, headers={"Authorization": token}).status_code == 401
    assert told(ask(address, headers=account(may=False))) == (
        403, "This account may not read entries: that is for auditors.",
    )  # fmt: skip


def test_a_signed_in_session_is_no_token(client, log) -> None:
    user = get_user_model().objects.create_superuser("ada@example.org", "a long password")
    client.force_login(user)
    assert client.get("/log/tile/entries/000").status_code == 401


def test_an_account_that_was_closed_is_refused(client, log) -> None:
    headers = account()
    get_user_model().objects.update(is_active=False)
    assert client.get("/log/tile/entries/000", headers=headers).status_code == 401


def test_a_cosignature_is_taken_once_and_a_wrong_one_with_the_reason_refused(client, log) -> None:
    headers = account()
    text = Checkpoint.objects.get(size=log).note.split("\n\n")[0] + "\n"
    line = KEY.cosign(text, 1_800_000_000)

    def send(body: str | bytes, size: int = log) -> tuple[int, str]:
        return told(client.post(f"/log/cosignature/{size}", body, content_type="text/plain", headers=headers))

    auditor = "+".join(KEY.verifier_key.split("+")[:2])
    kept = f"The cosignature of {auditor} stands under checkpoint {log}."
    assert send("") == (400, "The line was not taken: not a signature line.")
    assert send(b"\xff") == (400, "The line was not taken: it is not UTF-8.")
    assert send("x" * 2_001) == (400, "A cosignature line has at most 2,000 bytes.")
    assert send(line, log + 7) == (404, f"There is no checkpoint of size {log + 7}.")
    assert Cosignature.objects.count() == 0
    assert [send(f"{line}\n"), send(line)] == [(200, kept)] * 2
    assert Cosignature.objects.get().line == line


def test_the_program_audits_the_site_itself(live_server, log, tmp_path, capsys) -> None:
    token = account()["Authorization"].removeprefix("Bearer ")
    (tmp_path / "token").write_text(token)
    (tmp_path / "key").write_text(KEY.text)
    site = f"{live_server.url}/log"
    code = audit.main(
        ["run", site, "--log-key", config.log_key().verifier_key, "--key", str(tmp_path / "key"), "--state",
         str(tmp_path / "state"), "--token-file", str(tmp_path / "token"), "--keep", str(tmp_path / "kept"), "--post",
         f"{site}/cosignature/{{size}}"]
    )  # fmt: skip
    assert code == 0, capsys.readouterr().err
    assert Cosignature.objects.get().checkpoint_id == log


def test_the_addresses_have_their_names() -> None:
    named = [
        reverse("log-checkpoint"),
        reverse("log-checkpoint-of", args=["7"]),
        reverse("log-cosignature", args=["7"]),
    ]
    assert named == ["/log/checkpoint", "/log/checkpoint/7", "/log/cosignature/7"]
