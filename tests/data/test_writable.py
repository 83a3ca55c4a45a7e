"""What cannot be written is refused before the work, in one line, and nothing is left behind."""

import errno
import multiprocessing
import os
import socket
import stat
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

import pytest

from recbole_ext.data import atomic_write, dataset_folder, file_lock, locate, writable
from recbole_ext.errors import DataError, FileError, file_error
from tests.limits import file_size_limit

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="devices of Linux")


def left_behind(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*"))


# --- outputs --------------------------------------------------------------------------------


def test_what_can_be_written_is_left_as_it_is(tmp_path):
    (tmp_path / "old").write_text("old")
    for name in ("old", "new", "n" * 200):
        writable.check_file(tmp_path / name, "--html")
    writable.check_file(Path("relative"), "--html")
    writable.check_folder(tmp_path, "--output")
    writable.check_folder(tmp_path / "not" / "yet" / "there", "--output")
    writable.check_folder(Path("relative"), "--output")
    assert left_behind(tmp_path) == ["old"]
    assert (tmp_path / "old").read_text() == "old"


FILES = {
    "a folder": ("folder", "is a directory; name a file instead of a folder"),
    "nothing": ("", "is a directory"),
    "no folder": ("no/page.html", r"no folder .*no; make it first"),
    "below a file": ("file/page.html", r"not a directory; a part of this path is a file"),
    "a long name": ("n" * 300, "file name too long; give a shorter name"),
    # as it stands it would fit, but not while it is being written
    "a name of 250": ("n" * 250, "file name too long; give a shorter name"),
    "a null character": ("a\0b", "a path has no NUL character"),
}


@pytest.mark.parametrize("case", FILES)
def test_a_file_that_cannot_be_written_is_refused(case, tmp_path):
    name, message = FILES[case]
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("old")
    with pytest.raises(FileError, match=message) as caught:
        writable.check_file(tmp_path / name if name else Path(), "--html")
    assert str(caught.value).startswith("--html: ")
    assert "\n" not in str(caught.value)
    assert left_behind(tmp_path) == ["file", "folder"]


@pytest.mark.parametrize("name", ["file", "file/below", "n" * 300, "a\0b"])
def test_a_folder_that_cannot_be_written_is_refused(name, tmp_path):
    (tmp_path / "file").write_text("old")
    with pytest.raises(FileError, match=r"^checkpoint_dir: ") as caught:
        writable.check_folder(tmp_path / name, "checkpoint_dir")
    if name == "file":
        assert "expected a folder, found the file" in str(caught.value)
    assert left_behind(tmp_path) == ["file"]


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="a folder that root cannot write")
def test_a_folder_that_no_right_opens(tmp_path):
    with pytest.raises(FileError, match=r"--output: cannot write to /proc/self: "):
        writable.check_file(Path("/proc/self/page.html"), "--output")
    with pytest.raises(FileError, match=r"--output: cannot write to /proc/self: "):
        writable.check_folder(Path("/proc/self/new"), "--output")


@pytest.mark.skipif(os.name != "posix", reason="limits of POSIX")
def test_a_full_disk_is_found_by_both_checks(tmp_path):
    with file_size_limit(100):
        with pytest.raises(FileError, match=r"--html: cannot write to .*: file too large; raise"):
            writable.check_file(tmp_path / "page.html", "--html")
        with pytest.raises(FileError, match=r"--report: cannot write to .*: file too large"):
            writable.check_folder(tmp_path / "new", "--report")
    assert left_behind(tmp_path) == []


@LINUX
def test_devices_are_written_to_and_not_replaced(tmp_path):
    null, full = device(tmp_path, "null", 3), device(tmp_path, "full", 7)
    writable.check_file(null, "--html")
    atomic_write.write_text(null, "page")
    with pytest.raises(FileError, match="full: no space left on device; free space there"):
        writable.check_file(full, "--html")
    with pytest.raises(OSError, match=r"No space left on device: '.*full'"):
        atomic_write.write_text(full, "page")
    for path in (null, full):
        assert stat.S_ISCHR(path.stat().st_mode)
        assert not list(path.parent.glob("*.part"))


def device(folder: Path, name: str, minor: int) -> Path:
    """A device of Linux in a folder of the test; never that of the machine."""
    try:
        os.mknod(folder / name, stat.S_IFCHR | 0o666, os.makedev(1, minor))
        (folder / name).open("wb").close()
    except OSError as error:
        pytest.skip(f"no right to make a device: {error}")
    return folder / name


@pytest.mark.skipif(os.name != "posix", reason="pipes")
def test_pipes_and_sockets_are_refused_and_stay(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the name of a socket is short
    os.mkfifo("pipe")
    server = socket.socket(socket.AF_UNIX)
    server.bind("socket")
    Path("link").symlink_to("pipe")
    for name in ("pipe", "socket", "link"):
        with pytest.raises(FileError, match=f"--html: {name}: expected a file, found a pipe or a"):
            writable.check_file(Path(name), "--html")
        with pytest.raises(OSError, match=f"No such device or address: '{name}'"):
            atomic_write.write_text(Path(name), "page")  # it does not wait for a reader
        Path("new").write_text("new")
        with pytest.raises(FileExistsError, match=name) as caught:
            atomic_write.move_into_place(Path("new"), Path(name))
        assert str(file_error(caught.value)) == (
            f"{name}: file exists; move away what is there, or name another place"
        )
    with (
        pytest.raises(NotADirectoryError, match="pipe"),
        atomic_write.atomic_folder(Path("pipe")),
    ):
        pass
    server.close()
    assert (Path("pipe").is_fifo(), Path("socket").is_socket()) == (True, True)
    assert left_behind(tmp_path) == ["link", "new", "pipe", "socket"]


@pytest.mark.skipif(os.name != "posix", reason="pipes")
def test_a_pipe_that_is_read_is_written_to(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    atomic_write.write_text(tmp_path / "pipe", "page")
    assert os.read(reader, 10) == b"page"
    os.close(reader)
    assert (tmp_path / "pipe").is_fifo()


@pytest.mark.skipif(os.name != "posix", reason="symbolic links")
def test_a_symbolic_link_stays_and_its_target_is_written(tmp_path):
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "old").write_text("old")
    for name in ("old", "new"):
        link = tmp_path / f"{name} link"
        link.symlink_to(Path("far") / name)
        writable.check_file(link, "--html")
        atomic_write.write_text(link, "page")
        assert (link.is_symlink(), (tmp_path / "far" / name).read_text()) == (True, "page")
    (tmp_path / "folder").symlink_to("far")
    with atomic_write.atomic_folder(tmp_path / "folder") as folder:
        (folder / "file").write_text("new")
    assert (tmp_path / "folder").is_symlink()
    assert left_behind(tmp_path) == ["far", "file", "folder", "new link", "old link"]
    for name, target in (("one", "other"), ("other", "one"), ("lost", "no/page")):
        (tmp_path / name).symlink_to(target)
    with pytest.raises(FileError, match="one: too many levels of symbolic links; correct the"):
        writable.check_file(tmp_path / "one", "--html")
    with pytest.raises(OSError, match=r"Too many levels of symbolic links: '.*one'"):
        atomic_write.write_text(tmp_path / "one", "page")
    with pytest.raises(FileError, match=r"no folder .*no; make it first"):
        writable.check_file(tmp_path / "lost", "--html")
    assert (tmp_path / "one").is_symlink()


@LINUX
@pytest.mark.parametrize("output", ["file", "pipe"])
def test_the_output_of_a_process_is_written_to_in_order(output, tmp_path):
    """/dev/stdout: a file that the shell has opened, or a pipe; by a link of this test."""
    (tmp_path / "stdout").symlink_to("/proc/self/fd/1")
    lines = (
        "from pathlib import Path; from recbole_ext.data import atomic_write, writable",
        f"path = Path({str(tmp_path / 'stdout')!r}); print('before')",
        "writable.check_file(path, '--html'); atomic_write.write_text(path, 'page\\n')",
        "print('after')",
    )
    command = [sys.executable, "-c", "; ".join(lines)]
    if output == "pipe":
        text = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    else:
        with (tmp_path / "out").open("w") as stream:
            subprocess.run(command, stdout=stream, check=True)
        text = (tmp_path / "out").read_text()
    assert text == "before\npage\nafter\n"
    assert (tmp_path / "stdout").is_symlink()


@pytest.mark.skipif(os.name != "posix", reason="limits of POSIX")
def test_a_write_that_fails_names_its_file_and_leaves_the_old_one(tmp_path):
    (tmp_path / "page").write_text("old")
    with file_size_limit(100), pytest.raises(OSError, match="File too large") as caught:
        atomic_write.write_text(tmp_path / "page", "x" * 1000)
    assert str(file_error(caught.value)) == (
        f"{tmp_path / 'page'}: file too large; raise the limit of file sizes (ulimit -f), or write "
        "to another disk"
    )
    assert (tmp_path / "page").read_text() == "old"
    with (
        file_size_limit(100),
        pytest.raises(OSError, match="File too large") as caught,
        atomic_write.atomic_folder(tmp_path / "folder") as folder,
    ):
        (folder / "part").write_text("x" * 1000)
    assert str(file_error(caught.value)).startswith(f"{tmp_path / 'folder'}: file too large; ")
    assert left_behind(tmp_path) == ["page"]


def test_an_error_of_the_system_in_a_line():
    error = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "saved/x.pth")
    assert str(file_error(error)) == (
        "saved/x.pth: no space left on device; free space there, or write to another disk"
    )
    assert str(file_error(error, "other")).startswith("other: no space left")
    assert str(file_error(OSError(errno.ENOSPC, ""))).startswith("no space left on device; ")
    assert str(file_error(OSError(errno.EBUSY, "", "x"))).startswith("x: device or resource busy")
    assert file_error(ConnectionResetError(errno.ECONNRESET, "reset")) is None
    assert file_error(BrokenPipeError(errno.EPIPE, "pipe")) is None


# --- names ----------------------------------------------------------------------------------

NO_NAMES = [
    *("../../evil", "/abs", "..", ".", "", " ", "a/b", "a\\b", "a\0b", "a\nb", "a\tb", "\udcff"),
    *("n" * 201, "é" * 101),
]


@pytest.mark.parametrize("name", NO_NAMES)
def test_a_name_that_is_no_folder_inside_data_path_is_refused(name, tmp_path):
    for refuse in (
        lambda: locate.check_name(name, "--name"),
        lambda: dataset_folder.check_new(tmp_path / "dataset", name),
    ):
        with pytest.raises(DataError, match=r"^--name: expected .*name") as caught:
            refuse()
        assert len(str(caught.value)) < 260
        assert "\n" not in str(caught.value)
    with (
        pytest.raises(DataError, match="--name: expected"),
        dataset_folder.new_folder(tmp_path / "dataset", name),
    ):
        pass
    with pytest.raises(DataError, match="dataset: expected"):
        locate.dataset_folder(name, tmp_path)
    assert left_behind(tmp_path) == []


@pytest.mark.parametrize("name", ["ml-100k", "a b", "Ä.ö_1", ".hidden", "..x", "n" * 200])
def test_other_names_are_names(name, tmp_path):
    assert locate.check_name(name) == name
    with dataset_folder.new_folder(tmp_path, name) as folder:
        dataset_folder.write_settings(folder, name, "why", {"topk": [10]})
        dataset_folder.write_manifest(folder, "recbole-ext data get x")
    assert left_behind(tmp_path) == sorted([name, f"{name}.yaml", "manifest.json"])


# --- two writers at once --------------------------------------------------------------------


def write_slowly(data_path: Path, text: str, began: "multiprocessing.Event") -> None:
    warnings.simplefilter("ignore")
    with dataset_folder.new_folder(data_path, "made") as folder:
        began.set()
        time.sleep(0.5)
        for part in ("one", "two"):
            (folder / part).write_text(text)
        dataset_folder.write_manifest(folder, "recbole-ext data get x")


def write_second(data_path: Path) -> None:
    with dataset_folder.new_folder(data_path, "made") as folder:
        assert (data_path / "made" / "two").read_text() == "first"  # whole, before this one begins
        (folder / "one").write_text("second")
        dataset_folder.write_manifest(folder, "recbole-ext data get x")


@pytest.mark.skipif(os.name != "posix", reason="fork")
def test_of_two_writers_the_second_waits_and_says_so(tmp_path):
    context = multiprocessing.get_context("fork")
    began = context.Event()
    first = context.Process(target=write_slowly, args=(tmp_path, "first", began))
    first.start()
    assert began.wait(30)
    with pytest.warns(UserWarning, match=r"made: another process is writing it now; waiting"):
        write_second(tmp_path)
    first.join()
    assert first.exitcode == 0
    assert left_behind(tmp_path) == ["made", "manifest.json", "one"]
    assert (tmp_path / "made" / "one").read_text() == "second"


def test_many_take_turns(tmp_path, monkeypatch):
    """Threads of one process, each with a lock file of its own: never two in the block."""
    monkeypatch.setattr(file_lock, "WAIT", 0.001)
    inside, most, entries = [0], [0], []

    def enter(number: int) -> None:
        for _ in range(5):
            with file_lock.turn(tmp_path / "made"):
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                time.sleep(0.001)
                inside[0] -= 1
                entries.append(number)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        threads = [threading.Thread(target=enter, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert (most[0], len(entries)) == (1, 30)
    assert left_behind(tmp_path) == []


def test_a_writer_that_dies_holds_nobody_up(tmp_path):
    (tmp_path / ".made.lock").touch()  # what it leaves
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with file_lock.turn(tmp_path / "made"):
            pass
    assert left_behind(tmp_path) == []


def test_a_lock_on_a_file_that_was_removed_is_no_lock(tmp_path, monkeypatch):
    """The process before removes its lock file between our opening and our locking of it."""
    real, files = file_lock.lock, []

    def lock(stream):
        if not files:
            (tmp_path / ".made.lock").unlink()
        files.append(os.fstat(stream.fileno()).st_nlink)
        real(stream)

    monkeypatch.setattr(file_lock, "lock", lock)
    with file_lock.turn(tmp_path / "made"):
        assert files == [0, 1]
        assert left_behind(tmp_path) == [".made.lock"]
