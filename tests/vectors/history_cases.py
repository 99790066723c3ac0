"""Histories: lines 6 and 7, lower bounds, cosignatures; and each attack on completeness, the ones that succeed too."""

import copy
from collections.abc import Iterator
from typing import Any

from tests.anchoring import event_world
from tests.anchoring import history_world as h
from tests.anchoring import verify_world as world
from tests.vectors.vector import Change, Vector, changed, malformed, put

TEXTS = h.with_state(h.texts_of(world.alice_claims()))
ALICES = ("--subject", h.NAMED)
BOBS = ("--subject", f"claim:{h.BOB_CLAIM}")
COMPLETE = ("--require", "1,2,6,7")
OTHER_LOG = world.subject("log", "other.example/log")


def cases() -> Iterator[Vector]:
    yield from good()
    yield from anchored_by_event()
    yield from attacks()
    yield from bad_states()
    yield from bad_maps()
    yield from absence()
    yield from named()
    yield from cosigned()
    yield from lower_bounds()
    yield from bad_shapes()


def history(
    name: str, lines: str, document: dict[str, Any] | Change, *, about: tuple[str, ...] = ALICES, **members: Any
) -> Vector:
    """Checked without a node: lines 1, 2, 6 and 7 are required."""
    built = changed(document, h.complete()) if callable(document) else document
    exit_code = 1 if "f" in lines else 0 if {lines[line - 1] for line in (1, 2, 6, 7)} == {"p"} else 3
    return Vector(name, world.finish(built), exit_code, lines, arguments=(*COMPLETE, *about), **members)


def asked(name: str, lines: str, document: dict[str, Any], rpc: world.ANSWERS, **members: Any) -> Vector:
    """Checked through a node: all but line 5 are required."""
    exit_code = 1 if "f" in lines else 0 if set(lines[:4] + lines[5:]) == {"p"} else 3
    return Vector(name, world.finish(document), exit_code, lines, rpc=rpc, **{"arguments": ALICES, **members})


def good() -> Iterator[Vector]:
    yield history("history-good", "ppnnnpp", h.complete())
    yield asked("history-good-through-a-node", "ppppppp", h.complete(), h.answers(TEXTS))
    yield Vector("history-good-offline-is-not-enough", world.finish(h.complete()), 3, "ppnnnpp", arguments=ALICES)
    hidden = h.complete()
    for entry in hidden["entries"]:
        entry["disclosures"] = []
    yield history("history-good-nothing-shown", "ppnnnpp", hidden)
    alone = h.complete(world.alice_claims()[:1], h.with_state([world.alice_claims()[0].text]))
    yield history("history-good-one-subject-alone", "ppnnnpp", alone)
    many = [world.record(2 + n, "claim.evidence_added", {"n": n}) for n in range(7)]
    yield history("history-good-of-seven", "ppnnnpp", h.complete(many))
    late = world.alice_claims()
    swapped = h.with_state([late[1].text, late[0].text, late[2].text])
    yield history("history-good-sealed-in-another-order-than-recorded", "ppnnnpp", h.complete(late, swapped))


def anchored_by_event() -> Iterator[Vector]:
    """The anchor's format changes nothing about histories and lower bounds."""
    file = h.with_event(h.complete(), TEXTS)
    told = h.answers_about_event(file, TEXTS)
    yield asked("history-event-through-a-node", "ppppppp", file, told)
    given = ("--block-hash", event_world.block_hash(file["anchor"]))
    yield Vector("history-event-block-hash", world.finish(file), 0, "ppppnpp", arguments=(*ALICES, *given))
    older = h.with_state(h.texts_of(world.alice_claims()[:2]))
    behind = h.with_event(h.complete(world.alice_claims()[:2], older), older)
    newer = h.answers_about_event(behind, older, **{h.HEAD_CALL: world.word("a newer head")})
    yield asked("history-event-older-than-the-newest", "ppppppp", behind, newer)
    texts = h.bounded_texts()
    bounded = h.with_event(h.bounded(), texts)
    yield asked("bound-event-through-a-node", "ppppppp", bounded, h.answers_about_event(bounded, texts))
    honest, forgetful = _map_without_the_last()
    late = h.with_event(forgetful, honest)
    by_hash = (*given[:1], event_world.block_hash(late["anchor"]))
    yield Vector(
        "history-event-lacks-what-a-receipt-promised", world.finish(late), 1, "ppppnfn", arguments=by_hash,
        receipt=_receipt_of(2),
    )  # fmt: skip


def attacks() -> Iterator[Vector]:
    """The table of docs/protocol.md §11, row by row. Those with an exit of 0 or 3 are not stopped."""
    later = world.alice_claims()[1].text.replace("05T09", "06T09")
    yield history("attack-entry-edited", "pfnnnfp", put("entries.1.entry", later))
    rewritten = h.with_state(h.texts_of(world.alice_claims()[:2]))
    edited = h.complete(world.alice_claims()[:2], rewritten, cosigned=False)
    yield asked("attack-log-rewritten-after-anchoring", "ppfpppn", edited, h.answers(TEXTS))
    yield history("attack-entry-left-out", "ppnnnfp", lambda d: d["entries"].pop(1))
    yield history("attack-last-entry-left-out", "ppnnnfp", lambda d: d["entries"].pop(2))
    yield history("attack-entry-replaced", "ppnnnfp", _replaced())
    older = h.with_state(h.texts_of(world.alice_claims()[:2]))
    newer = h.answers(older, **{h.HEAD_CALL: world.word("a newer head")})
    yield asked("attack-older-history", "ppppppp", h.complete(world.alice_claims()[:2], older), newer)
    yield history("attack-another-records-history", "ppnnnfp", h.complete(), about=BOBS)
    plain = world.sealed(world.alice_claims())
    yield history("attack-no-history", "ppnnnnn", plain)
    yield history("attack-earlier-map-of-the-same-anchor", "ppnnnfp", _two_states())
    yield history("attack-other-value-under-the-same-root", "ppnnnfp", _other_value())
    honest, file = _map_without_the_last()
    yield history("attack-map-that-does-not-follow", "ppnnnpn", file)
    yield asked("attack-map-that-does-not-follow-through-a-node", "ppppppn", file, h.answers(honest))
    yield asked(
        "attack-map-that-does-not-follow-before-a-receipt", "pppppfn", file, h.answers(honest), arguments=(),
        receipt=_receipt_of(2),
    )  # fmt: skip
    unwritten = h.complete(world.alice_claims()[:2])
    yield history("attack-entry-never-written", "ppnnnpp", unwritten)


def _replaced() -> dict[str, Any]:
    """Four entries in the log, three in its map; the file shows the fourth for the third."""
    four = [*world.alice_claims(), world.record(10, "claim.paid", {"paid": 1})]
    texts = h.texts_of(four)
    listed = [text for text in texts if text != four[3].text]
    state = h.state_of(listed, size=len(texts))
    document = h.complete([four[0], four[1], four[3]], [*texts, state])
    honest = h.history_of([*listed, state], h.alices())
    document["history"] |= {"leaf": honest["leaf"], "path": honest["path"]}
    return document


def _two_states() -> dict[str, Any]:
    """Two state entries follow each other; the file proves from the first."""
    texts = h.with_state(TEXTS)
    document = h.complete(world.alice_claims(), texts)
    leaves = [text.encode() for text in texts]
    earlier = h.history_of(TEXTS, h.alices())
    return {**document, "history": {**earlier, "state": h.place_of(TEXTS[-1], leaves)}}


def _other_value() -> dict[str, Any]:
    """The value is that of the entries shown, the path that of the map, which lists one more."""
    document = h.complete()
    del document["entries"][2]
    two = h.complete(world.alice_claims()[:2])["history"]["leaf"]
    document["history"]["leaf"] = two
    return document


def _map_without_the_last() -> tuple[list[str], dict[str, Any]]:
    """The insurer's own map forgets alice's last entry; tree, signature and anchor are as they must be."""
    texts = h.texts_of(world.alice_claims())
    forgetful = [text for text in texts if text != world.alice_claims()[2].text]
    state = h.state_of(forgetful, size=len(texts))
    document = h.complete(world.alice_claims()[:2], [*texts, state], cosigned=False)
    found = h.history_of([*forgetful, state], h.alices())
    document["history"] |= {"leaf": found["leaf"], "path": found["path"]}
    return [*texts, state], document


def _receipt_of(place: int) -> bytes:
    leaf = world.b64(world.sha256(b"\x00" + world.alice_claims()[place].text.encode()))
    return world.note(world.receipt_text(leaf=leaf), world.RECEIPT_KEY).encode()


def bad_states() -> Iterator[Vector]:
    """Sealed as they stand, so that only line 6 has a reason."""

    def stated(name: str, **data: Any) -> Vector:
        texts = h.texts_of(world.alice_claims())
        return history(f"history-state-{name}", "ppnnnfp", h.complete(texts=h.with_state(texts, **data)))

    yield stated("covers-one-less", size=7)
    yield stated("covers-itself", size=9)
    yield stated("with-another-root", map_root="ab" * 32)
    foreign = h.texts_of(world.alice_claims())
    foreign.append(h.state_of(foreign).replace(world.subject("log", world.ORIGIN), OTHER_LOG))
    yield history("history-state-of-another-log", "ppnnnfp", h.complete(texts=foreign))
    yield history("history-state-wrong-index", "ppnnnfp", put("history.state.index", 7))
    yield history("history-state-beyond-the-log", "ppnnnfp", put("history.state.index", 9))
    yield history("history-state-path-changed", "ppnnnfp", put("history.state.path.0", world.b64(bytes(32))))
    yield history("history-state-path-empty", "ppnnnfp", put("history.state.path", []))
    another = h.state_of(h.texts_of(world.alice_claims()), block=None)
    yield history("history-state-not-the-sealed-one", "ppnnnfp", put("history.state.entry", another))


def bad_maps() -> Iterator[Vector]:
    steps = h.complete()["history"]["path"]
    flipped = world.b64(world.sha256(b"another"))
    for name, change in {
        "sibling-changed": put("history.path.0.sibling", flipped),
        "sibling-above-changed": put("history.path.1.sibling", flipped),
        "position-changed": put("history.path.0.position", 3),
        "siblings-swapped": put(
            "history.path",
            [{**steps[0], "sibling": steps[1]["sibling"]}, {**steps[1], "sibling": steps[0]["sibling"]}],
        ),
        "step-left-out": put("history.path", steps[1:]),
        "top-step-left-out": put("history.path", steps[:1]),
        "step-too-many": put("history.path", [{"position": 255, "sibling": flipped}, *steps]),
        "path-empty": put("history.path", []),
        "count-changed": put("history.leaf.count", 4),
        "last-changed": put("history.leaf.last", 7),
        "mini-root-changed": put("history.leaf.mini_root", "ab" * 32),
        "subject-changed": put("history.leaf.subject", h.alices().hex()[:-1] + "0"),
    }.items():
        yield history(f"history-map-{name}", "ppnnnfp", change)
    yield history("history-map-leaf-without-entries", "ppnnnfp", put("entries", []))


def absence() -> Iterator[Vector]:
    yield history("absence-good", "ppnnnpp", h.absent())
    texts = h.with_state(h.texts_of([]) + [entry.text for entry in h.bob_claims()[2:]])
    yield asked("absence-good-through-a-node", "ppppppp", h.absent(), h.answers(texts))
    yield history("absence-good-in-an-empty-log", "ppnnnpp", h.empty_map())
    there = {**h.complete([], TEXTS), "history": h.history_of(TEXTS, bytes.fromhex(world.subject(record=h.BOB_CLAIM)))}
    yield history("absence-of-one-who-is-there", "ppnnnfp", there, about=BOBS)
    yield history("absence-of-one-whose-bits-lead-elsewhere", "ppnnnfp", there)
    empty = {**there, "history": {"path": [], "state": there["history"]["state"]}}
    yield history("absence-in-a-map-that-is-not-empty", "ppnnnfp", empty)
    hollow = h.complete([], h.with_state(h.texts_of([]), map_root=world.sha256(b"").hex()))
    del hollow["history"]["leaf"]
    hollow["history"]["path"] = []
    yield history("absence-in-an-empty-map-of-some-subjects", "ppnnnfp", hollow)
    shown = {**h.complete(), "history": {**h.complete()["history"], **_elsewhere()}}
    yield history("absence-beside-entries", "ppnnnfp", shown)


def _elsewhere() -> dict[str, Any]:
    """Leaf and path of another subject of the same map, to which alice's bits do not lead."""
    other = h.history_of(TEXTS, bytes.fromhex(world.subject(record=h.BOB_CLAIM)))
    return {"leaf": other["leaf"], "path": other["path"]}


def named() -> Iterator[Vector]:
    yield history("named-nobody", "ppnnnnp", h.complete(), about=())
    told = h.answers(TEXTS)
    yield Vector("named-nobody-nothing-more-asked", world.finish(h.complete()), 0, "pppppnp", rpc=told)
    yield history("named-by-a-receipt", "ppnnnpp", h.complete(), about=(), receipt=_receipt_of(0))
    yield history("named-by-a-receipt-of-a-later-entry", "ppnnnpp", h.complete(), about=(), receipt=_receipt_9())
    foreign = world.note(world.receipt_text(record=f"claim {h.BOB_CLAIM}"), world.RECEIPT_KEY).encode()
    yield history("named-by-a-receipt-of-another-record", "ppnnnfp", h.complete(), about=(), receipt=foreign)
    forged = world.note(world.receipt_text(), world.STRANGER).encode()
    yield unusable("named-by-a-forged-receipt", receipt=forged)
    yield unusable("named-by-no-receipt", receipt=world.finish(h.complete()))
    yield unusable("named-twice", "--subject", h.NAMED, receipt=_receipt_of(0))
    yield unusable("named-without-type", "--subject", world.ALICE_CLAIM)
    yield unusable("named-in-upper-case", "--subject", f"claim:{world.ALICE_CLAIM.upper()}")
    yield unusable("named-by-its-number", "--subject", f"claim:{world.NUMBER}")
    yield unusable("named-with-a-type-of-two-words", "--subject", f"claim.x:{world.ALICE_CLAIM}")
    log = ("--subject", f"log:{world.ORIGIN}")
    yield history("named-the-log-itself", "ppnnnfp", h.complete(), about=log)
    states = h.with_state(h.with_state(h.texts_of([])))
    of_log = h.complete([world.Recorded(states[-2], {})], states)
    of_log["history"] = h.history_of(states, bytes.fromhex(world.subject("log", world.ORIGIN)))
    yield history("history-good-of-the-log-itself", "ppnnnpp", of_log, about=log)


def _receipt_9() -> bytes:
    leaf = world.b64(world.sha256(b"an entry that is not sealed yet"))
    return world.note(world.receipt_text(leaf=leaf), world.RECEIPT_KEY).encode()


def unusable(name: str, *arguments: str, **members: Any) -> Vector:
    return Vector(name, world.finish(h.complete()), 2, arguments=arguments, **members)


def cosigned() -> Iterator[Vector]:
    text = world.checkpoint_text([text.encode() for text in TEXTS])
    log_line = world.note(text, world.LOG_KEY)

    def under(name: str, lines: str, *more: str, note: str = log_line, **members: Any) -> Vector:
        return history(f"cosigned-{name}", lines, put("checkpoint", note + "".join(more)), **members)

    good, other = h.cosignature(text), world.Signer("other-auditor.example", "another auditor")
    both = world.trust(auditors=[world.AUDITOR.key(4), other.key(4)])
    yield under("by-nobody", "ppnnnpn")
    yield under("by-two-auditors", "ppnnnpp", good, h.cosignature(text, other), trust=both)
    yield under("by-an-auditor-and-a-stranger", "ppnnnpp", good, h.cosignature(text, other))
    yield under("by-a-stranger", "ppnnnpn", h.cosignature(text, other))
    yield under(
        "by-a-strangers-key-under-the-auditors-name", "ppnnnpn", h.cosignature(text, other, name="auditor.example")
    )
    yield under("by-the-auditors-key-as-a-plain-signature", "ppnnnpn", world.AUDITOR.line(text))
    yield under("with-nobody-in-trust", "ppnnnpn", good, trust=world.trust(auditors=[]))
    yield under("another-tree", "pfnnnpf", h.cosignature(world.checkpoint_text([b"a", b"b"])))
    yield under("at-another-time", "pfnnnpf", _altered(good, 11))
    yield under("signature-changed", "pfnnnpf", _altered(good, 40))
    yield under("signature-short", "pfnnnpf", _resized(good, -1))
    yield under("signature-long", "pfnnnpf", _resized(good, 1))
    yield under("without-a-signature", "pfnnnpf", _resized(good, -64))
    yield under("one-good-one-bad", "pfnnnpf", good, _altered(h.cosignature(text, other), 40), trust=both)
    yield under("but-not-signed-by-the-log", "pfnnnpp", good, note=f"{text}\n")
    as_log = h.cosignature(text, world.Signer(world.ORIGIN, "an auditor"))
    yield under("under-the-logs-name", "ppnnnpn", as_log)


def _blob(line: str) -> tuple[str, bytes]:
    head, _, blob = line.strip().rpartition(" ")
    return head, world.base64.b64decode(blob)


def _altered(line: str, place: int) -> str:
    head, blob = _blob(line)
    return f"{head} {world.b64(blob[:place] + bytes([blob[place] ^ 1]) + blob[place + 1 :])}\n"


def _resized(line: str, by: int) -> str:
    head, blob = _blob(line)
    return f"{head} {world.b64(blob + bytes(by) if by > 0 else blob[:by])}\n"


def lower_bounds() -> Iterator[Vector]:
    yield history("bound-good", "ppnnnpp", h.bounded())
    texts = h.with_state([h.state_of([]), *h.texts_of(world.alice_claims())])
    yield asked("bound-good-through-a-node", "ppppppp", h.bounded(), h.answers(texts))
    silent = h.answers(texts)
    del silent[h.STATE_BLOCK_CALL]
    yield asked("bound-not-confirmed-changes-no-line", "ppppppp", h.bounded(), silent)
    moved = changed(put("not_before.path.0", world.b64(bytes(32))), h.bounded())
    yield history("bound-not-in-the-log", "pfnnnpp", moved)
    alone = copy.deepcopy(h.bounded())
    del alone["history"]
    yield history("bound-without-a-history", "ppnnnnp", alone)
    first = h.state_of([]).replace(world.subject("log", world.ORIGIN), OTHER_LOG)
    foreign = h.complete(texts=h.with_state([first, *h.texts_of(world.alice_claims())]))
    leaves = [first, *h.with_state([first, *h.texts_of(world.alice_claims())])[1:]]
    foreign["not_before"] = h.place_of(first, [text.encode() for text in leaves])
    yield history("bound-of-another-log", "pfnnnpp", foreign)


def bad_shapes() -> Iterator[Vector]:
    step = h.complete()["history"]["path"][0]
    yield malformed("malformed-entries-none-without-history", {**world.sealed(world.alice_claims()), "entries": []})
    for name, (path, value) in {
        "unknown-member": ("history.note", ""),
        "null": ("history", None),
        "without-state": ("history.state", ...),
        "without-path": ("history.path", ...),
        "path-without-leaf": ("history.leaf", ...),
        "leaf-count-0": ("history.leaf.count", 0),
        "leaf-count-text": ("history.leaf.count", "3"),
        "leaf-last-negative": ("history.leaf.last", -1),
        "leaf-mini-root-upper-case": ("history.leaf.mini_root", "AB" * 32),
        "leaf-subject-short": ("history.leaf.subject", "ab" * 31),
        "leaf-unknown-member": ("history.leaf.size", 1),
        "leaf-a-list": ("history.leaf", []),
        "step-unknown-member": ("history.path.0.side", 0),
        "step-a-list": ("history.path.0", [2, step["sibling"]]),
        "position-256": ("history.path.0.position", 256),
        "position-negative": ("history.path.1.position", -1),
        "position-true": ("history.path.0.position", True),
        "positions-rise": ("history.path", [{**step, "position": 0}, {**step, "position": 2}]),
        "positions-equal": ("history.path", [step, step]),
        "path-of-257": ("history.path", [step] * 257),
        "sibling-short": ("history.path.0.sibling", world.b64(bytes(31))),
        "state-without-index": ("history.state.index", ...),
        "state-index-text": ("history.state.index", "8"),
        "state-path-of-65": ("history.state.path", [world.b64(bytes(32))] * 65),
        "state-of-another-kind": ("history.state.entry", world.alice_claims()[0].text),
        "entry-without-index": ("entries.2", _without_place()),
        "entries-with-one-index": ("entries.1.index", 2),
    }.items():
        yield malformed(f"malformed-history-{name}", changed(put(path, value), h.complete()))
    without = h.complete()
    del without["checkpoint"], without["anchor"]
    yield malformed("malformed-history-without-checkpoint", without)
    for name, data in {
        "root-short": {"map_root": "ab"},
        "root-missing": {"map_root": ...},
        "size-negative": {"size": -1},
        "size-text": {"size": "8"},
        "subjects-missing": {"subjects": ...},
        "unknown-member": {"note": "x"},
        "block-without-hash": {"block_hash": ...},
        "block-without-chain": {"chain_id": ...},
        "chain-0": {"chain_id": 0},
        "block-hash-without-0x": {"block_hash": "ab" * 32},
        "block-number-text": {"block_number": "1"},
    }.items():
        texts = h.with_state(h.texts_of(world.alice_claims()), **data)
        yield malformed(f"malformed-state-{name}", h.complete(texts=texts))
    yield malformed("malformed-bound-without-block", h.bounded(block=None))
    yield malformed("malformed-bound-not-below", changed(put("not_before.index", 3), h.bounded()))
    yield malformed("malformed-bound-of-nothing-sealed", {**h.absent(), "not_before": h.bounded()["not_before"]})
    pending = {**world.pending(world.sealed(world.alice_claims()), 0, 1, 2), "not_before": h.bounded()["not_before"]}
    yield malformed("malformed-bound-of-a-pending-record", pending)


def _without_place() -> dict[str, Any]:
    entry = dict(h.complete()["entries"][2])
    del entry["index"], entry["path"]
    return entry
