"""Proofs checked without a node: well formed or not, lines 1 and 2."""

import base64
import json
from collections.abc import Iterator
from typing import Any

from tests.anchoring import verify_world as world
from tests.vectors.vector import Vector, changed, good_document, malformed, offline, put, raw

GOOD = world.finish(good_document())


def cases() -> Iterator[Vector]:
    yield from good()
    yield from bad_encodings()
    yield from bad_shapes()
    yield from bad_entries()
    yield from bad_disclosures()
    yield from bad_checkpoints()
    yield from line_1()
    yield from line_2()


def one(kind: str = "claim.submitted", facts: dict[str, Any] | None = None, **members: Any) -> dict[str, Any]:
    """A proof of a single entry, sealed with whatever is wrong about it."""
    return world.sealed([world.record(2, kind, facts or {"number": world.NUMBER}, **members)])


def log_entry(**members: Any) -> dict[str, Any]:
    data = {"chain_id": world.SEPOLIA, "genesis": world.word("genesis")}
    about = {"subject": world.subject("log", world.ORIGIN), "data": data, "fields": ...}
    return one("log.registered", {"number": "hidden"}, **{**about, **members})


def good() -> Iterator[Vector]:
    claims = world.alice_claims()
    yield offline("good", "ppnnn", good_document())
    yield Vector("good-offline-is-not-enough", GOOD, 3, "ppnnn")
    yield offline("good-number-not-shown", "ppnnn", world.sealed(claims, hide=("number",)))
    everything = tuple(name for claim in claims for name in claim.disclosures)
    yield offline("good-nothing-shown", "ppnnn", world.sealed(claims, hide=everything))
    yield offline("good-pending", "pwwww", world.pending(good_document(), 0, 1, 2))
    yield offline("good-partly-sealed", "pwnnn", world.pending(good_document(), 2))
    yield offline("good-sealed-not-anchored", "ppwww", put("anchor", ...))
    alone = world.sealed(claims[:1], leaves=[claims[0].text.encode()])
    yield offline("good-log-of-one-entry", "ppnnn", alone)
    text = world.checkpoint_text(world.log_of(claims))
    witnessed = world.note(text, world.WITNESS, world.STRANGER, world.LOG_KEY)
    yield offline("good-unknown-signatures-beside", "ppnnn", put("checkpoint", witnessed))
    both = world.note(text, world.LOG_KEY, world.NEXT_LOG_KEY)
    yield offline("good-both-log-keys", "ppnnn", put("checkpoint", both), trust=rotating())
    yield offline("good-next-log-key", "ppnnn", put("checkpoint", next_key()), trust=world.two_versions())
    nasty = {"number": world.NUMBER, "note": "\x1b[2J\u202e\u2028\x7f", "row.claim.x.y": -(2**53 - 1), "no": False}
    yield offline("good-terminal-injection", "ppnnn", one(facts=nasty))
    drop = log_entry()
    drop["entries"][0]["disclosures"] = []
    yield offline("good-entry-about-the-log", "ppnnn", drop)


def next_key() -> str:
    return world.note(world.checkpoint_text(world.log_of(world.alice_claims())), world.NEXT_LOG_KEY)


def rotating() -> bytes:
    keys = [{"from": 0, "key": world.LOG_KEY.key()}, {"from": 5, "key": world.NEXT_LOG_KEY.key()}]
    return world.trust(log_keys=keys)


def bad_encodings() -> Iterator[Vector]:
    yield raw("malformed-empty", b"")
    yield raw("malformed-only-a-brace", b"{")
    yield raw("malformed-truncated", GOOD[:-1])
    yield raw("malformed-half", GOOD[: len(GOOD) // 2])
    yield raw("malformed-byte-order-mark", b"\xef\xbb\xbf" + GOOD)
    yield raw("malformed-utf-16", GOOD.decode().encode("utf-16"))
    yield raw("malformed-not-utf-8", GOOD.replace(b"claim", b"cla\xff", 1))
    yield raw("malformed-final-newline", GOOD + b"\n")
    yield raw("malformed-white-space", GOOD.replace(b":", b": ", 1))
    yield raw("malformed-second-document", GOOD + b"{}")
    yield raw("malformed-doubled-member", b'{"anchor":null,' + GOOD[1:])
    yield raw(
        "malformed-unsorted", json.dumps(dict(reversed(json.loads(GOOD).items())), separators=(",", ":")).encode()
    )
    yield raw("malformed-float", GOOD.replace(b'"index":3', b'"index":3.0'))
    yield raw("malformed-exponent", GOOD.replace(b'"index":3', b'"index":3e0'))
    yield raw("malformed-nan", GOOD.replace(b'"index":3', b'"index":NaN'))
    yield raw("malformed-minus-zero", GOOD.replace(b'"index":3', b'"index":-0'))
    yield raw("malformed-integer-beyond-53-bits", GOOD.replace(b'"index":3', b'"index":9007199254740992'))
    yield raw("malformed-integer-of-thousands-of-digits", GOOD.replace(b'"index":3', b'"index":' + b"9" * 5000))
    yield raw("malformed-escaped-solidus", GOOD.replace(b"proof-of-record/v1", rb"proof-of-record\/v1"))
    yield raw("malformed-needless-escape", GOOD.replace(b"proof-of-record/v1", rb"proof-of-record/\u00761"))
    yield raw("malformed-lone-surrogate", GOOD.replace(b"proof-of-record/v1", rb"\ud800"))
    yield raw("malformed-key-not-ascii", GOOD.replace(b'"format"', '"förmat"'.encode()))
    yield raw("malformed-list", b"[]")
    yield raw("malformed-deep", b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}")
    yield raw("malformed-checksum", GOOD.replace(b'"index":3', b'"index":4'))
    yield raw("malformed-checksum-upper-case", _checksum(str.upper))
    yield raw("malformed-no-checksum", world.canonical(good_document()))


def _checksum(change: Any) -> bytes:
    document = json.loads(GOOD)
    return world.canonical({**document, "checksum": change(document["checksum"])})


def bad_shapes() -> Iterator[Vector]:
    yield malformed("malformed-unknown-format", put("format", "proof-of-record/v2"))
    yield malformed("malformed-unknown-member", put("comment", "paid"))
    yield malformed("malformed-null-member", put("anchor", None))
    yield malformed("malformed-nested-nine-deep", put("comment", [[[[[[[[]]]]]]]]))
    yield malformed("malformed-no-entries", {**good_document(), "entries": []})
    yield malformed("malformed-entries-not-a-list", put("entries", {}))
    yield malformed("malformed-entries-out-of-order", lambda document: document["entries"].reverse())
    yield malformed("malformed-entry-doubled", lambda d: d["entries"].append(d["entries"][2]))
    yield malformed("malformed-index-without-path", put("entries.0.path", ...))
    yield malformed("malformed-path-without-index", put("entries.0.index", ...))
    yield malformed("malformed-index-negative", put("entries.0.index", -1))
    yield malformed("malformed-index-true", put("entries.0.index", True))
    yield malformed("malformed-index-text", put("entries.0.index", "3"))
    yield malformed("malformed-path-of-65", put("entries.0.path", [world.b64(bytes(32))] * 65))
    yield malformed("malformed-path-hash-of-31-bytes", put("entries.0.path.0", world.b64(bytes(31))))
    yield malformed("malformed-path-hash-spare-bits", put("entries.0.path.0", "A" * 42 + "B="))
    yield malformed("malformed-path-hash-newline", put("entries.0.path.0", world.b64(bytes(32)) + "\n"))
    yield malformed("malformed-index-without-checkpoint", _without("checkpoint", "anchor"))
    yield malformed("malformed-anchor-without-checkpoint", _anchored_nothing())
    yield malformed("malformed-checkpoint-without-index", _checkpoint_of_nothing())
    yield malformed("malformed-anchor-with-another-formats-members", put("anchor.format", "eth-receipt-mpt/v1"))
    yield malformed("malformed-anchor-format-without-version", put("anchor.format", "eth-locator"))
    yield malformed("malformed-anchor-format-version-0", put("anchor.format", "eth-locator/v0"))
    yield malformed("malformed-anchor-format-a-number", put("anchor.format", 1))
    yield malformed("malformed-anchor-without-format", put("anchor.format", ...))
    yield malformed("malformed-anchor-lacks-member", put("anchor.log_id", ...))
    yield malformed("malformed-anchor-own-code-hash", put("anchor.code_hash", world.word("any")))
    yield malformed("malformed-anchor-upper-case", put("anchor.contract", world.CONTRACT.upper().replace("X", "x")))
    yield malformed("malformed-anchor-short-hash", put("anchor.block_hash", "0x12"))
    yield malformed("malformed-anchor-block-text", put("anchor.block_number", str(world.BLOCK)))


def _without(*names: str) -> dict[str, Any]:
    return {name: value for name, value in good_document().items() if name not in names}


def _anchored_nothing() -> dict[str, Any]:
    return {**world.pending(good_document(), 0, 1, 2), "anchor": dict(world.ANCHOR)}


def _checkpoint_of_nothing() -> dict[str, Any]:
    return {**world.pending(good_document(), 0, 1, 2), "checkpoint": good_document()["checkpoint"]}


def bad_entries() -> Iterator[Vector]:
    """Each is sealed as it stands, so that only its form is wrong."""
    yield malformed("malformed-entry-version-2", one(v=2))
    yield malformed("malformed-entry-version-true", one(v=True))
    yield malformed("malformed-entry-unknown-member", one(name="alice"))
    yield malformed("malformed-entry-without-time", one(at=...))
    yield malformed("malformed-entry-time-without-microseconds", one(at="2026-11-02T09:14:07Z"))
    yield malformed("malformed-entry-time-with-offset", one(at="2026-11-02T09:14:07.123456+00:00"))
    yield malformed("malformed-entry-30-february", one(at="2026-02-30T09:14:07.123456Z"))
    yield malformed("malformed-entry-leap-second", one(at="2026-11-02T09:14:60.123456Z"))
    yield malformed("malformed-entry-arabic-digits", one(at="٢026-11-02T09:14:07.123456Z"))
    yield malformed("malformed-entry-id-upper-case", one(id=world.uuid("x").upper()))
    yield malformed("malformed-entry-id-without-hyphens", one(id=world.uuid("x").replace("-", "")))
    yield malformed("malformed-entry-kind-without-dot", one("claim"))
    yield malformed("malformed-entry-kind-upper-case", one("claim.Submitted"))
    yield malformed("malformed-entry-kind-newline", one("claim.submitted\n"))
    yield malformed("malformed-entry-subject-short", one(subject="ab" * 31))
    yield malformed("malformed-entry-no-fields", one(fields={}))
    yield malformed("malformed-entry-fields-missing", one(fields=...))
    yield malformed("malformed-entry-data-instead", one(fields=..., data={}))
    yield malformed("malformed-entry-fields-and-data", log_entry(fields={"a": world.b64url(bytes(32))}))
    yield malformed("malformed-entry-data-nested", log_entry(data={"a": {}}))
    yield malformed("malformed-entry-data-true", log_entry(data={"a": True}))
    yield malformed("malformed-entry-data-of-65", log_entry(data={f"a{place}": place for place in range(65)}))
    yield malformed("malformed-entry-digest-short", one(fields={"number": world.b64url(bytes(31))}))
    yield malformed("malformed-entry-digest-padded", one(fields={"number": world.b64url(bytes(32)) + "="}))
    yield malformed("malformed-entry-digest-spare-bits", one(fields={"number": "A" * 42 + "B"}))
    yield malformed("malformed-entry-digest-base64", one(fields={"number": world.b64(b"\xff" * 32)}))
    yield malformed("malformed-entry-field-name-upper-case", one(fields={"Number": world.b64url(bytes(32))}))
    yield malformed("malformed-entry-field-name-of-201", one(fields={"a" * 201: world.b64url(bytes(32))}))
    many = {f"a{place}": world.b64url(bytes(32)) for place in range(1400)}
    yield malformed("malformed-entry-too-long", _unshown(one(fields=many)))
    text = world.alice_claims()[0].text
    yield malformed("malformed-entry-white-space", put("entries.0.entry", text.replace(":", ": ", 1)))
    yield malformed("malformed-entry-newline", put("entries.0.entry", text + "\n"))
    yield malformed("malformed-entry-doubled-member", put("entries.0.entry", '{"at":1,' + text[1:]))
    yield malformed("malformed-entry-empty", put("entries.0.entry", ""))
    yield malformed("malformed-entry-an-object", put("entries.0.entry", json.loads(text)))


def _unshown(document: dict[str, Any]) -> dict[str, Any]:
    document["entries"][0]["disclosures"] = []
    return document


def bad_disclosures() -> Iterator[Vector]:
    def first(name: str, array: Any) -> Vector:
        text = world.b64url(array if isinstance(array, bytes) else world.canonical(array))
        return malformed(name, put("entries.0.disclosures.0", text))

    salt = world.b64url(bytes(16))
    yield first("malformed-disclosure-of-two", [salt, "amount_minor"])
    yield first("malformed-disclosure-of-four", [salt, "amount_minor", 1, 1])
    yield first("malformed-disclosure-an-object", {"amount_minor": 1})
    yield first("malformed-disclosure-white-space", f'["{salt}", "amount_minor", 1]'.encode())
    yield first("malformed-disclosure-float", f'["{salt}","amount_minor",1.5]'.encode())
    yield first("malformed-disclosure-lone-surrogate", rf'["{salt}","amount_minor","\ud800"]'.encode())
    yield first("malformed-disclosure-value-a-list", [salt, "amount_minor", [1]])
    yield first("malformed-disclosure-value-an-object", [salt, "amount_minor", {}])
    yield first("malformed-disclosure-salt-short", [world.b64url(bytes(15)), "amount_minor", 1])
    yield first("malformed-disclosure-salt-spare-bits", ["A" * 21 + "B", "amount_minor", 1])
    yield first("malformed-disclosure-name-upper-case", [salt, "Amount", 1])
    shown = good_document()["entries"][0]["disclosures"]
    yield malformed("malformed-disclosure-padded", put("entries.0.disclosures.0", shown[0] + "="))
    yield malformed("malformed-disclosure-empty", put("entries.0.disclosures.0", ""))
    yield malformed("malformed-disclosure-a-number", put("entries.0.disclosures.0", 1))
    yield malformed("malformed-disclosures-unsorted", put("entries.0.disclosures", shown[::-1]))
    yield malformed("malformed-disclosure-doubled", put("entries.0.disclosures", [shown[0], *shown]))


def bad_checkpoints() -> Iterator[Vector]:
    def signed(name: str, text: str) -> Vector:
        return malformed(name, put("checkpoint", world.note(text, world.LOG_KEY)))

    def written(name: str, old: str, new: str) -> Vector:
        return malformed(name, put("checkpoint", good.replace(old, new)))

    text = world.checkpoint_text(world.log_of(world.alice_claims()))
    good = world.note(text, world.LOG_KEY)
    yield signed("malformed-checkpoint-extension-line", text + "extension\n")
    yield signed("malformed-checkpoint-without-root", "".join(text.splitlines(keepends=True)[:2]))
    yield signed("malformed-checkpoint-size-leading-zero", text.replace("\n9\n", "\n09\n"))
    yield signed("malformed-checkpoint-size-plus", text.replace("\n9\n", "\n+9\n"))
    yield signed("malformed-checkpoint-size-arabic", text.replace("\n9\n", "\n٩\n"))
    yield signed("malformed-checkpoint-size-2-to-63", text.replace("\n9\n", f"\n{2**63}\n"))
    yield signed("malformed-checkpoint-root-31-bytes", f"{world.ORIGIN}\n9\n{world.b64(bytes(31))}\n")
    yield signed("malformed-checkpoint-carriage-return", text.replace("\n9\n", "\n9\r\n"))
    yield signed("malformed-checkpoint-next-line-character", text.replace("\n9\n", "\n9\x85"))
    yield written("malformed-checkpoint-without-empty-line", "\n\n", "\n")
    yield written("malformed-checkpoint-hyphen-for-dash", "\u2014", "-")
    yield written("malformed-checkpoint-two-spaces", "\u2014 ", "\u2014  ")
    yield malformed("malformed-checkpoint-without-final-newline", put("checkpoint", good[:-1]))
    yield malformed("malformed-checkpoint-without-signatures", put("checkpoint", text + "\n"))
    yield malformed("malformed-checkpoint-signature-too-short", put("checkpoint", f"{text}\n\u2014 x AAAAAA==\n"))
    yield malformed("malformed-checkpoint-signature-not-base64", put("checkpoint", good[:-2] + "*\n"))
    crowd = world.note(text, world.LOG_KEY, *[world.WITNESS] * 100)
    yield malformed("malformed-checkpoint-101-signatures", put("checkpoint", crowd))
    yield malformed("malformed-checkpoint-a-number", put("checkpoint", 9))


def line_1() -> Iterator[Vector]:
    other = world.disclose("other", "amount_minor", 125000)
    yield offline("record-other-salt", "fpnnn", put("entries.0.disclosures.0", other))
    richer = world.disclose("2 claim.submitted", "amount_minor", 999000)
    yield offline("record-other-value", "fpnnn", put("entries.0.disclosures.0", richer))
    unknown = world.disclose("2 claim.submitted", "amount", 125000)
    yield offline("record-field-not-in-the-entry", "fpnnn", put("entries.0.disclosures.0", unknown))
    lent = world.alice_claims()[0].disclosures["amount_minor"]
    yield offline("record-disclosure-of-another-entry", "fpnnn", put("entries.2.disclosures", [lent]))
    swapped = {"note": world.b64url(world.sha256(world.disclose("x", "number", world.NUMBER).encode()))}
    under = one(fields=swapped)
    yield offline("record-digest-under-another-name", "fpnnn", under)
    strangers = [
        *world.alice_claims()[:1],
        world.record(5, "claim.taken", {"a": 1}, subject=world.subject("policy")),
    ]
    yield offline("record-two-subjects", "fpnnn", world.sealed(strangers))
    numbers = [*world.alice_claims()[:1], world.record(5, "claim.taken", {"number": "CLM-2026-000999-X"})]
    yield offline("record-two-numbers", "fpnnn", world.sealed(numbers))
    yield offline("record-number-not-a-text", "fpnnn", one(facts={"number": 123}))
    yield offline("record-data-entry-with-disclosure", "fpnnn", log_entry())


def line_2() -> Iterator[Vector]:
    yield from _wrong_paths()
    yield from _wrong_signatures()


def _wrong_paths() -> Iterator[Vector]:
    path = good_document()["entries"][1]["path"]
    flipped = world.b64(bytes([base64.b64decode(path[0])[0] ^ 1]) + base64.b64decode(path[0])[1:])
    yield offline("sealed-path-hash-changed", "pfnnn", put("entries.1.path.0", flipped))
    yield offline("sealed-path-hashes-swapped", "pfnnn", put("entries.1.path", [path[1], path[0], *path[2:]]))
    yield offline("sealed-path-too-short", "pfnnn", put("entries.1.path", path[:-1]))
    yield offline("sealed-path-too-long", "pfnnn", put("entries.1.path", [*path, path[0]]))
    yield offline("sealed-path-of-64", "pfnnn", put("entries.1.path", [world.b64(bytes(32))] * 64))
    yield offline("sealed-path-empty", "pfnnn", put("entries.1.path", []))
    yield offline("sealed-wrong-index", "pfnnn", put("entries.1.index", 4))
    yield offline("sealed-index-beyond-the-log", "pfnnn", put("entries.1.index", 9))
    yield offline("sealed-index-largest", "pfnnn", put("entries.1.index", 2**53 - 1))
    later = world.alice_claims()[1].text.replace("05T09", "06T09")
    yield offline("sealed-entry-time-changed", "pfnnn", put("entries.1.entry", later))
    renamed = world.alice_claims()[1].text.replace("claim.taken", "claim.decided")
    yield offline("sealed-entry-kind-changed", "pfnnn", put("entries.1.entry", renamed))
    elsewhere = changed(put("checkpoint", world.note(world.checkpoint_text([b"a", b"b"]), world.LOG_KEY)))
    yield offline("sealed-another-tree", "pfnnn", elsewhere)
    empty = world.note(world.checkpoint_text([]), world.LOG_KEY)
    yield offline("sealed-empty-tree", "pfnnn", put("checkpoint", empty))
    foreign = log_entry(subject=world.subject("log", "another.example/log"))
    foreign["entries"][0]["disclosures"] = []
    yield offline("sealed-entry-about-another-log", "pfnnn", foreign)


def _wrong_signatures() -> Iterator[Vector]:
    leaves = world.log_of(world.alice_claims())
    text = world.checkpoint_text(leaves)

    def signed(name: str, *signers: world.Signer, text: str = text, **members: Any) -> Vector:
        return offline(name, "pfnnn", put("checkpoint", world.note(text, *signers)), **members)

    def line(name: str, signature: bytes) -> Vector:
        blob = base64.b64decode(world.LOG_KEY.line(text).split()[2])
        wrong = f"{text}\n\u2014 {world.ORIGIN} {world.b64(blob[:4] + signature)}\n"
        return offline(name, "pfnnn", put("checkpoint", wrong))

    good = world.LOG_KEY.private.sign(text.encode())
    s = int.from_bytes(good[32:], "little")
    yield line("sealed-signature-changed", bytes([good[0] ^ 1]) + good[1:])
    yield line("sealed-signature-malleable", good[:32] + (s + ORDER).to_bytes(32, "little"))
    yield line("sealed-signature-short", good[:-1])
    yield line("sealed-signature-long", good + b"\x00")
    yield line("sealed-signature-of-zeros", bytes(64))
    yield signed("sealed-by-a-stranger", world.STRANGER)
    yield signed("sealed-by-a-receipt-key", world.RECEIPT_KEY)
    yield signed("sealed-by-an-auditor-only", world.AUDITOR)
    yield signed("sealed-under-another-origin", world.LOG_KEY, text=world.checkpoint_text(leaves, "other.example/log"))
    renamed = world.Signer("other.example/log", "log key of 2026")
    yield signed("sealed-by-the-right-key-under-another-name", renamed)
    yield signed("sealed-key-expired-at-this-size", world.LOG_KEY, trust=world.two_versions())
    early = world.trust(log_keys=[{"from": 10, "key": world.LOG_KEY.key()}])
    yield signed("sealed-key-not-yet-valid-at-this-size", world.LOG_KEY, trust=early)
    forged = world.note(text, world.LOG_KEY) + world.NEXT_LOG_KEY.line("another text\n")
    yield offline("sealed-one-good-one-bad-signature", "pfnnn", put("checkpoint", forged), trust=rotating())
    root = world.note(text, world.LOG_KEY).replace(text, world.checkpoint_text([*leaves[:-1], b"forged"]))
    yield offline("sealed-root-changed", "pfnnn", put("checkpoint", root))
    size = world.note(text, world.LOG_KEY).replace("\n9\n", "\n8\n")
    yield offline("sealed-size-changed", "pfnnn", put("checkpoint", size))


ORDER = 2**252 + 27742317777372353535851937790883648493
