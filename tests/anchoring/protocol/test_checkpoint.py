"""The checkpoint's three lines."""

import pytest

from anchoring.keys import verify_ed25519
from anchoring.protocol.checkpoint import Checkpoint, format_checkpoint, parse_checkpoint
from anchoring.protocol.note import open_note
from tests.anchoring.protocol.mutations import every_byte_changed, every_byte_dropped_or_doubled, every_cut
from tests.anchoring.protocol.world import CHECKPOINT, CHECKPOINT_NOTE, LOG_KEY, is_refused, is_text_refused

ROOT = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="
PUBLISHED = f"example.com/behind-the-sofa\n20852163\n{ROOT}\n"


def read(note):
    return parse_checkpoint(open_note(note, [LOG_KEY.verifier], verify_ed25519).text)


def test_the_specifications_example_is_read_and_written():
    checkpoint = parse_checkpoint(PUBLISHED)
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20852163)
    assert checkpoint.root.hex() == "0ac5186a91863e8e1d90c808014aa89bf5da8e3ee1d9f07630f0378f68f1ab62"
    assert format_checkpoint(checkpoint) == PUBLISHED


def test_a_signed_checkpoint_is_read_and_no_single_byte_may_change():
    assert read(CHECKPOINT_NOTE) == CHECKPOINT
    note = CHECKPOINT_NOTE.encode()
    assert all(is_text_refused(read, damaged) for damaged in every_byte_changed(note))
    assert all(is_text_refused(read, damaged) for damaged in every_byte_dropped_or_doubled(note))
    assert all(is_text_refused(read, part) for part in every_cut(note))


def test_every_text_that_is_read_is_written_the_same():
    for damaged in every_byte_changed(PUBLISHED.encode()):
        if not is_text_refused(parse_checkpoint, damaged):
            assert format_checkpoint(parse_checkpoint(damaged.decode())).encode() == damaged


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n\n",
        PUBLISHED.rstrip("\n"),
        PUBLISHED + "\n",
        PUBLISHED + "extension\n",
        "\n" + PUBLISHED,
        PUBLISHED.replace("\n", "\r\n"),
        PUBLISHED.replace("\n", "\u2028"),
        f"\n1\n{ROOT}\n",
        f"a b\n1\n{ROOT}\n",
        f"a+b\n1\n{ROOT}\n",
        f"a\n01\n{ROOT}\n",
        f"a\n-1\n{ROOT}\n",
        f"a\n+1\n{ROOT}\n",
        f"a\n1_0\n{ROOT}\n",
        f"a\n٣\n{ROOT}\n",
        f"a\n\n{ROOT}\n",
        f"a\n9223372036854775808\n{ROOT}\n",
        f"a\n{'9' * 5000}\n{ROOT}\n",
        f"a\n1\n{ROOT[:-1]}\n",
        f"a\n1\n{ROOT[:-2]}J=\n",
        f"a\n1\n{ROOT} \n",
        "a\n1\n\n",
        "a\n1\nAAAA\n",
    ],
)
def test_other_texts_are_refused(text):
    assert is_refused(parse_checkpoint, text)


def test_an_origin_that_no_key_can_be_named_after_is_refused():
    assert is_refused(format_checkpoint, Checkpoint(origin="two words", size=1, root=bytes(32)))


@pytest.mark.parametrize(
    "checkpoint", [Checkpoint("a", -1, bytes(32)), Checkpoint("a", 2**63, bytes(32)), Checkpoint("a", 1, b"")]
)
def test_impossible_heads_are_a_programmers_mistake(checkpoint):
    with pytest.raises(AssertionError):
        format_checkpoint(checkpoint)
