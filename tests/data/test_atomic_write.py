"""Every writer leaves the old content or the new one, whole, whenever its process ends."""

import errno
import hashlib
import os
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import IO

import pytest
import torch

from recbole_ext.data import atomic_write, dataset_folder, describe, interaction_file, splits
from recbole_ext.data.movielens import download
from recbole_ext.evaluator import protocols
from recbole_ext.patches.functions import dataset_cache
from recbole_ext.trainer import checkpoint
from tests import runs

BODY = b"the release"


def rows_of(folder: Path) -> interaction_file.InteractionFile:
    if not (folder / "source").exists():
        runs.write_ratings(folder / "source", "made")
    return interaction_file.read(folder / "source" / "made" / "made.inter")


def write_description(folder: Path) -> Path:
    describe.write_page(describe.describe(rows_of(folder)), "made", folder / "place" / "page.html")
    return folder / "place" / "page.html"


def write_manifest(folder: Path) -> Path:
    dataset_folder.write_manifest(folder / "place", "recbole-ext data get x")
    return folder / "place" / "manifest.json"


def write_settings(folder: Path) -> Path:
    dataset_folder.write_settings(folder / "place", "made", "why", {"topk": [10]})
    return folder / "place" / "made.yaml"


def write_download(folder: Path) -> Path:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", str(len(BODY)))
            self.end_headers()
            self.wfile.write(BODY)

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/x.zip"
    try:
        md5 = hashlib.md5(BODY).hexdigest()
        return download.download(url, folder / "place" / "x.zip", md5, wait=0)
    finally:
        server.shutdown()
        server.server_close()


def write_cache(folder: Path) -> Path:
    dataset_cache.keep({"frames": torch.arange(5)}, folder / "place" / "key.pt")
    return folder / "place" / "key.pt"


def write_checkpoint(folder: Path) -> Path:
    state = {"config": SimpleNamespace(final_config_dict={"seed": 1}), "state_dict": {}}
    checkpoint.save(state, folder / "place" / "model.pth", SimpleNamespace())
    return folder / "place" / "model.pth"


def write_split(folder: Path) -> Path:
    rows = rows_of(folder)
    parts = splits.random_split(len(rows), 0.2, 0.1, 1)
    splits.write_split(rows, parts, "split", folder / "place", "how", {})
    return folder / "place" / "split"


def write_leave_one_out(folder: Path) -> Path:
    protocols.leave_one_out(1, 1).write_dataset(rows_of(folder), folder / "place", "loo")
    return folder / "place" / "loo"


def write_grid(folder: Path) -> Path:
    protocols.grid(0.2, 0.1, 1).write_dataset(rows_of(folder), folder / "place", "grid")
    return folder / "place" / "grid"


FILES = [
    write_description,
    write_manifest,
    write_settings,
    write_download,
    write_cache,
    write_checkpoint,
]
FOLDERS = [write_split, write_leave_one_out, write_grid]
WRITERS = pytest.mark.parametrize("writer", FILES + FOLDERS, ids=lambda writer: writer.__name__)
Writer = Callable[[Path], Path]


@pytest.fixture
def old(tmp_path) -> Callable[[Writer], Path]:
    """Puts old content where a writer writes, and returns the place."""

    def put(writer: Writer) -> Path:
        (tmp_path / "place").mkdir()
        place = writer(tmp_path)
        if place.is_dir():
            (place / "old").write_text("old")
        else:
            place.write_text("old")
        return place

    return put


def content(place: Path) -> dict[str, bytes]:
    files = [place] if place.is_file() else sorted(place.rglob("*"))
    return {path.name: path.read_bytes() for path in files}


def fail(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def interrupt(patch: pytest.MonkeyPatch, moment: str, action: Callable[..., None]) -> None:
    """Act in the middle of a file, before it is on the disk, or before it is renamed."""
    real_open = Path.open

    def write_half(path: Path, mode: str = "r", *args: object, **options: object) -> IO:
        if mode[0] in "xw" and not path.name.startswith(".output."):  # which is a probe
            with real_open(path, "wb") as stream:
                stream.write(b"half of the new")
            action()
        return real_open(path, mode, *args, **options)

    if moment == "write":
        patch.setattr(Path, "open", write_half)
    else:
        patch.setattr(os, moment, action)


MOMENTS = pytest.mark.parametrize("moment", ["write", "fsync", "replace"])


@WRITERS
@MOMENTS
def test_a_failure_leaves_the_old_content_and_nothing_else(
    moment, writer, old, tmp_path, monkeypatch
):
    place = old(writer)
    before = content(place)
    with monkeypatch.context() as patch:
        interrupt(patch, moment, fail)
        with pytest.raises(OSError, match="No space left"):
            writer(tmp_path)
    assert content(place) == before
    parts = [] if writer is not write_download else ["x.zip.part"]  # which a later call resumes
    assert sorted(path.name for path in place.parent.iterdir()) == sorted([place.name, *parts])


@pytest.mark.skipif(os.name != "posix", reason="fork")
@WRITERS
@MOMENTS
def test_a_kill_leaves_the_old_content(moment, writer, old, tmp_path, monkeypatch):
    place = old(writer)
    before = content(place)
    child = os.fork()
    if child == 0:
        interrupt(monkeypatch, moment, lambda *_: os._exit(9))
        try:
            writer(tmp_path)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    assert content(place) == before


@WRITERS
def test_the_content_is_on_the_disk_before_it_is_renamed(writer, old, tmp_path, monkeypatch):
    place = old(writer)
    before = content(place)
    synced: set[int] = set()
    renamed: list[str] = []
    fsync, replace = os.fsync, os.replace

    def record_fsync(descriptor: int) -> None:
        synced.add(os.fstat(descriptor).st_ino)
        fsync(descriptor)

    def record_replace(source: Path, target: Path) -> None:
        if Path(target) == place:
            files = [Path(source), *Path(source).rglob("*")]
            assert {file.stat().st_ino for file in files} <= synced
            renamed.append(place.name)
            synced.clear()
        replace(source, target)

    monkeypatch.setattr(os, "fsync", record_fsync)
    monkeypatch.setattr(os, "replace", record_replace)
    writer(tmp_path)
    assert renamed == [place.name]
    if os.name == "posix":  # and so is the new name, after that
        assert place.parent.stat().st_ino in synced
    assert content(place) != before


def write_half_a_file(path: Path) -> None:
    with atomic_write.atomic_write(path) as stream:
        stream.write(b"half of the new")
        stream.flush()
        assert path.read_text() == "old"
        raise ZeroDivisionError


def write_half_a_folder(path: Path) -> None:
    with atomic_write.atomic_folder(path) as folder:
        (folder / "file").write_text("half of the new")
        raise ZeroDivisionError


def test_an_error_in_the_block_leaves_the_old_file(tmp_path):
    atomic_write.write_text(tmp_path / "file", "old")
    with pytest.raises(ZeroDivisionError):
        write_half_a_file(tmp_path / "file")
    assert content(tmp_path) == {"file": b"old"}


def test_an_error_in_the_block_leaves_the_old_folder(tmp_path):
    path = tmp_path / "folder"
    path.mkdir()
    (path / "file").write_text("old")
    with pytest.raises(ZeroDivisionError):
        write_half_a_folder(path)
    assert content(path) == {"file": b"old"}
    assert [entry.name for entry in tmp_path.iterdir()] == ["folder"]


def fail_in(folder: Path, file: Path | None = None) -> None:
    with atomic_write.existing_folder(folder):
        if file is not None:
            file.touch()
        raise ZeroDivisionError


def test_a_folder_that_was_made_goes_with_what_fails_unless_it_holds_something(tmp_path):
    (tmp_path / "old").mkdir()
    with pytest.raises(ZeroDivisionError):
        fail_in(tmp_path / "old" / "new" / "newer")
    assert sorted(tmp_path.rglob("*")) == [tmp_path / "old"]
    with pytest.raises(ZeroDivisionError):
        fail_in(tmp_path / "old")
    assert (tmp_path / "old").is_dir()
    with pytest.raises(ZeroDivisionError):
        fail_in(tmp_path / "a" / "b", tmp_path / "a" / "part")
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["part"]
    with atomic_write.existing_folder(tmp_path / "x" / "y"):
        pass
    assert (tmp_path / "x" / "y").is_dir()


def test_a_folder_takes_the_place_of_the_old_one_or_gives_it_back(tmp_path, monkeypatch):
    path = tmp_path / "folder"
    path.mkdir()
    (path / "file").write_text("old")
    replace = os.replace

    def fail_at_the_second(source: Path, target: Path) -> None:
        if target == path and (source / "new").exists():
            fail()
        replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", fail_at_the_second)
        with pytest.raises(OSError, match="No space"), atomic_write.atomic_folder(path) as folder:
            (folder / "new").write_text("new")
    assert content(path) == {"file": b"old"}
    with atomic_write.atomic_folder(path) as folder:
        (folder / "new").write_text("new")
    assert content(path) == {"new": b"new"}
    assert [entry.name for entry in tmp_path.iterdir()] == ["folder"]
