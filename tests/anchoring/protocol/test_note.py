"""Signed notes: published ones open, and no change to a byte of one passes for it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchoring.keys import SigningKey, verify_ed25519
from anchoring.protocol.note import NoteInvalid, Verifier, key_id, open_note, sign_note, split_note
from anchoring.protocol.scalars import from_base64, to_base64
from tests.anchoring.protocol.mutations import every_byte_changed, every_byte_dropped_or_doubled, every_cut
from tests.anchoring.protocol.world import LOG_KEY, NEXT_LOG_KEY, ORIGIN, STRANGER_KEY, is_refused, is_text_refused

TEXT = "A promise.\nIt has two lines.\n"
NOTE = sign_note(TEXT, [LOG_KEY])


def opens(note, *keys):
    return open_note(note, [key.verifier for key in keys or [LOG_KEY]], verify_ed25519)


def is_note_refused(note, *keys):
    return is_refused(opens, note, *keys)


# What others published: the example of Go's note package, an example of another implementation, and a head of the
# Go checksum database, signed by its operators.

PUBLISHED = [
    (
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n",
        "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n",
    ),
    (
        "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "This is an example message.\n",
        "— example.com/foo "
        "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n",
    ),
    (
        "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8",
        "go.sum database tree\n6476701\nmb8QLQIs0Z0yP5Cstq6guj87oXWeC9gEM8oVikmm9Wk=\n",
        "— sum.golang.org "
        "Az3grsLX85Gz+s1SiTbgkuqxgItqFq7gsMUEyVnrsa9LM7Us9S+1xbFIGu95949rj4nPRYfvimWEPWL+o3GeoWwOoAw=\n",
    ),
]


@pytest.mark.parametrize(("key", "text", "line"), PUBLISHED)
def test_published_notes_open(key, text, line):
    verifier = Verifier.parse(key)
    opened = open_note(text + "\n" + line, [verifier], verify_ed25519)
    assert opened.text == text
    assert [(signature.name, signature.key_id) for signature in opened.signatures] == [(verifier.name, verifier.key_id)]


def test_the_published_key_signs_the_published_bytes():
    private = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
    key = SigningKey(name="PeterNeumann", seed=from_base64("+".join(private.split("+")[4:]), size=33)[1:])
    vkey, text, line = PUBLISHED[0]
    assert (key.verifier_key, sign_note(text, [key])) == (vkey, text + "\n" + line)


# Our own.


def test_a_signed_note_opens_to_its_text():
    assert opens(NOTE).text == TEXT
    blob = LOG_KEY.verifier.key_id + LOG_KEY.sign(TEXT.encode())
    assert f"{TEXT}\n— insurer.example/log {to_base64(blob)}\n" == NOTE


def test_a_text_may_hold_empty_lines_and_end_in_one():
    for text in ("\n", "a\n\nb\n", "a\n\n", "\n\n\n", "è subito sera.\n", "— insurer.example/log AAAA\n"):
        assert opens(sign_note(text, [LOG_KEY])).text == text


def test_during_rotation_either_key_opens_the_note():
    note = sign_note(TEXT, [LOG_KEY, NEXT_LOG_KEY])
    assert [len(opens(note, *keys).signatures) for keys in ([LOG_KEY], [NEXT_LOG_KEY], [LOG_KEY, NEXT_LOG_KEY])] == [
        1,
        1,
        2,
    ]


def test_a_note_without_a_known_signature_is_refused():
    with pytest.raises(NoteInvalid, match="no signature by a known key"):
        opens(sign_note(TEXT, [STRANGER_KEY]))
    with pytest.raises(NoteInvalid, match="no signature by a known key"):
        open_note(NOTE, [], verify_ed25519)


def test_a_stranger_under_our_name_is_not_us():
    imposter = SigningKey(name=ORIGIN, seed=b"X" * 32)
    assert is_note_refused(sign_note(TEXT, [imposter]))


def test_a_line_that_only_borrows_our_key_id_is_a_wrong_signature():
    blob = LOG_KEY.verifier.key_id + STRANGER_KEY.sign(TEXT.encode())
    with pytest.raises(NoteInvalid, match="is wrong"):
        opens(f"{TEXT}\n— {ORIGIN} {to_base64(blob)}\n")


def test_one_wrong_known_signature_spoils_the_note_though_another_is_good():
    good, bad = sign_note(TEXT, [LOG_KEY]), sign_note("Another.\n", [NEXT_LOG_KEY])
    mixed = good + bad.partition("\n\n")[2]
    assert opens(mixed).text == TEXT
    assert is_note_refused(mixed, LOG_KEY, NEXT_LOG_KEY)


def test_the_same_key_given_twice_is_one_key():
    assert len(opens(NOTE, LOG_KEY, LOG_KEY).signatures) == 1


def test_every_single_byte_change_is_refused():
    assert all(is_text_refused(opens, damaged) for damaged in every_byte_changed(NOTE.encode()))


def test_every_byte_dropped_or_doubled_is_refused():
    assert all(is_text_refused(opens, damaged) for damaged in every_byte_dropped_or_doubled(NOTE.encode()))


def test_no_beginning_of_a_note_is_one():
    assert all(is_text_refused(opens, part) for part in every_cut(NOTE.encode()))


def test_only_a_strangers_line_may_change_unnoticed():
    """It is ignored by rule: whoever does not know the stranger cannot tell what the line should be."""
    note = sign_note(TEXT, [LOG_KEY, STRANGER_KEY]).encode()
    strangers = note.rindex("— ".encode())
    for damaged in every_byte_changed(note):
        if not is_text_refused(opens, damaged):
            assert damaged[:strangers] == note[:strangers]
            assert opens(damaged.decode()) == opens(note.decode())


LINE = NOTE.partition("\n\n")[2]
BLOB = LINE.split(" ")[2].rstrip("\n")


@pytest.mark.parametrize(
    "note",
    [
        "",
        "\n",
        "\n\n",
        TEXT,
        TEXT + "\n",
        TEXT + LINE,
        TEXT + "\n" + LINE.rstrip("\n"),
        TEXT + "\n" + LINE + "\n",
        TEXT + "\n" + LINE + "junk\n",
        TEXT + "\n" + LINE.replace("— ", "- "),
        TEXT + "\n" + LINE.replace("— ", "—"),
        TEXT + "\n" + LINE.replace("— ", "—  "),
        TEXT + "\n" + LINE.replace("— ", "—\u00a0"),
        TEXT + "\n" + LINE.replace("\n", " \n"),
        TEXT + "\n" + LINE.replace("\n", "\r\n"),
        TEXT + "\n" + LINE.replace("=", ""),
        TEXT + "\n" + LINE.replace("=", "=="),
        TEXT + "\n" + f"— {ORIGIN} \n",
        TEXT + "\n" + f"— {ORIGIN} AAAA\n" + LINE,
        TEXT + "\n" + f"— {ORIGIN} AAAAAA==\n" + LINE,
        TEXT + "\n" + f"—  {BLOB}\n" + LINE,
        TEXT + "\n" + f"— a+b {BLOB}\n" + LINE,
        TEXT + "\n" + f"— a\u2003b {BLOB}\n" + LINE,
        TEXT + "\n" + f"— a\u2028b {BLOB}\n" + LINE,
        TEXT.replace(" ", "\t") + "\n" + LINE,
        TEXT.replace("\n", "\r\n") + "\r\n" + LINE,
        "\x00" + NOTE,
        "\ufeff" + NOTE,
        "\ud800" + NOTE,
        TEXT.replace("\n", "\u2028") + "\n\n" + LINE,
        TEXT.replace("\n", "\x85") + "\n\n" + LINE,
    ],
)
def test_traps_of_lines_and_spaces_are_refused(note):
    assert is_note_refused(note)


def unknown_lines(count):
    return f"— x {to_base64(bytes(68))}\n" * count


def test_a_note_has_at_most_100_signatures():
    assert opens(NOTE + unknown_lines(99)).text == TEXT
    assert is_note_refused(NOTE + unknown_lines(100))
    assert is_note_refused(TEXT + "\n" + "\n" * 10_000_000)


def test_a_note_has_at_most_100000_bytes():
    def note(size):
        return f"{'x' * size}\n\n— y {to_base64(bytes(68))}\n"

    spare = 100_000 - len(note(0).encode())
    assert len(split_note(note(spare))[1]) == 1
    assert is_refused(split_note, note(spare + 1))
    assert is_refused(split_note, note(spare).replace("x", "ü", 1))


@given(st.text())
def test_random_texts_are_refused_with_the_one_error(text):
    assert is_note_refused(text)


@given(st.text())
def test_whatever_can_be_signed_opens_again(text):
    try:
        note = sign_note(text + "\n", [LOG_KEY, STRANGER_KEY])
    except (AssertionError, ValueError):
        return
    assert opens(note).text == text + "\n"


# Verifier keys.


def test_a_verifier_key_is_read_and_written():
    text = LOG_KEY.verifier_key
    assert text == f"{ORIGIN}+{key_id(ORIGIN, LOG_KEY.public).hex()}+{to_base64(bytes([1]) + LOG_KEY.public)}"
    assert str(Verifier.parse(text)) == text
    assert Verifier.parse(text) == LOG_KEY.verifier


def test_a_cosigners_key_has_another_id():
    verifier = Verifier(name="auditor.example", public_key=STRANGER_KEY.public, type=4)
    assert Verifier.parse(str(verifier)) == verifier
    assert verifier.key_id != key_id("auditor.example", STRANGER_KEY.public)


def test_no_single_byte_of_a_verifier_key_may_change():
    assert all(
        is_text_refused(Verifier.parse, damaged) for damaged in every_byte_changed(LOG_KEY.verifier_key.encode())
    )
    assert all(is_text_refused(Verifier.parse, part) for part in every_cut(LOG_KEY.verifier_key.encode()))


def verifier_key(name=ORIGIN, type=1, public=LOG_KEY.public):
    return f"{name}+{key_id(name, public, type).hex()}+{to_base64(bytes([type]) + public)}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "+",
        "++",
        verifier_key(name=""),
        verifier_key(name="a b"),
        verifier_key(name="a\u2003b"),
        verifier_key(name="a\nb"),
        verifier_key(name="a\x00b"),
        verifier_key(name="a+b"),
        verifier_key(type=0),
        verifier_key(type=2),
        verifier_key(type=255),
        verifier_key(public=bytes(31)),
        verifier_key(public=bytes(33)),
        verifier_key(public=b""),
        verifier_key() + "\n",
        " " + verifier_key(),
        verifier_key() + "+",
        verifier_key().upper(),
        "\ud800" + verifier_key(),
    ],
)
def test_other_texts_are_no_verifier_keys(text):
    assert is_refused(Verifier.parse, text)


def test_two_keys_of_one_name_and_id_are_not_guessed_between(monkeypatch):
    monkeypatch.setattr(Verifier, "key_id", property(lambda self: b"same"))
    with pytest.raises(NoteInvalid, match="share an id"):
        opens(NOTE, LOG_KEY, NEXT_LOG_KEY)
