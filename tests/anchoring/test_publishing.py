"""``export_log``: the log as static files, which an auditor's or anybody's program reads as it reads the site."""

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from anchoring import config, publishing
from anchoring.keys import verify_ed25519
from anchoring.models import Checkpoint, Tile
from anchoring.protocol.note import open_note
from anchoring.protocol.tiles import append
from anchoring.seal import sequencer
from tests.anchoring.log_world import a_chain, anchor_all, note, notes, register

pytestmark = pytest.mark.django_db


@pytest.fixture
def chain():
    """Of an anchored log of 302 entries and its state leaf."""
    chain = a_chain()
    register(chain)
    notes(301)
    anchored(chain)
    return chain


def anchored(chain) -> int:
    sequencer.close_now()
    anchor_all(chain)
    newest = publishing.newest_checkpoint()
    assert newest is not None
    return newest.size


@pytest.fixture
def folder(tmp_path) -> Path:
    return tmp_path / "log"


def exported(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_checkpoint_and_every_tile_are_written_as_they_are_served(chain, client, folder, capsys) -> None:
    call_command("export_log", str(folder))
    size = publishing.newest_checkpoint().size
    files = exported(folder)
    assert sorted(files) == ["checkpoint", "tile/0/000", f"tile/0/001.p/{size - 256}", "tile/1/000.p/1"]
    assert files == {path: client.get(f"/log/{path}").content for path in files}
    open_note(files["checkpoint"].decode(), [config.log_key().verifier], verify_ed25519)
    assert capsys.readouterr().out == (
        f"Checkpoint {size:,} is in {folder}: 3 tiles written now, the others were there.\n"
    )


def test_the_exported_tiles_alone_have_the_checkpoints_root(chain, folder) -> None:
    call_command("export_log", str(folder), verbosity=0)
    size = publishing.newest_checkpoint().size
    leaves = (folder / "tile/0/000").read_bytes() + (folder / f"tile/0/001.p/{size - 256}").read_bytes()
    grown = append(size=0, tiles={}, leaves=[leaves[at : at + 32] for at in range(0, len(leaves), 32)])
    assert (grown.size, grown.root) == (size, bytes(Checkpoint.objects.get(size=size).root))


def test_a_tile_that_is_there_is_never_written_again_and_what_is_new_is_added(chain, folder) -> None:
    call_command("export_log", str(folder), verbosity=0)
    before = {path: (folder / path).stat().st_mtime_ns for path in exported(folder)}
    note()
    size = anchored(chain)
    call_command("export_log", str(folder), verbosity=0)
    after = {path: (folder / path).stat().st_mtime_ns for path in exported(folder)}
    assert sorted(set(after) - set(before)) == [f"tile/0/001.p/{size - 256}"]
    assert [path for path in before if after[path] != before[path]] == ["checkpoint"]


def test_an_export_that_stopped_goes_on_where_it_was(chain, folder) -> None:
    checkpoint = publishing.newest_checkpoint()
    (folder / "tile/0").mkdir(parents=True)
    (folder / "tile/0/000").write_bytes(bytes(Tile.objects.get(level=0, n=0).hashes))
    assert list(publishing.export_log(folder, checkpoint)) == [False, True, True]
    assert list(publishing.export_log(folder, checkpoint)) == [False] * 3


def test_before_an_anchor_there_is_nothing_to_export(folder) -> None:
    note()
    sequencer.sequence()
    with pytest.raises(CommandError, match="No checkpoint is anchored yet: there is nothing to export."):
        call_command("export_log", str(folder))
    assert exported(folder) == {}


def test_a_folder_that_is_a_file_is_named(chain, folder) -> None:
    folder.mkdir()
    (folder / "file").write_text("")
    with pytest.raises(CommandError, match="The log cannot be written into .*/file: Not a directory"):
        call_command("export_log", str(folder / "file"))


@pytest.mark.parametrize("size", [1, 255, 256, 257, 65_536, 65_537, 131_073])
def test_the_tiles_of_a_size_are_what_its_paths_are_read_from(size) -> None:
    made = dict(publishing.tile_paths(size))
    assert len(made) == len(publishing.tile_paths(size))
    widths = {level: sum(width for (at, _), width in made.items() if at == level) for level in range(3)}
    assert [widths[level] for level in range(3)] == [size, size // 256, size // 65_536]
