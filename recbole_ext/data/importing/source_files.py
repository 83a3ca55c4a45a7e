"""Which files an import reads, and what each of them is: its first bytes say it, not its name."""

import codecs
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from recbole_ext.data.importing.sources import UTF_8, Content, Source, is_workbook, workbook
from recbole_ext.errors import DataError

STANDARD_INPUT = "-"
_OWN_FOLDER = "recbole-ext-import-"  # begins the name of the folder that keeps standard input

# The first bytes of a compressed file -> its name.
_COMPRESSED = {
    b"\x1f\x8b": "gz",
    b"BZh": "bz2",
    b"\xfd7zXZ\0": "xz",
    b"PK\x03\x04": "zip",
    b"PK\x05\x06": "zip",
    b"\x28\xb5\x2f\xfd": "zst",
}
_BINARY: dict[bytes, Content] = {b"PAR1": "parquet", b"ARROW1": "feather", b"FEA1": "feather"}
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
# How a published file begins that says its encoding nowhere: Book-Crossing, the titles of the
# Netflix prize and those of ml-1m (ml-10m's are utf-8).
_PUBLISHED = {
    b'"User-ID";"': "latin-1",
    b'"ISBN";"Book-Title"': "latin-1",
    b"1,2003,Dinosaur Planet": "latin-1",
    b"1::Toy Story (1995)::Animation|Children's|": "latin-1",
}


def sources_of(paths: Sequence[Path], encoding: str = UTF_8) -> list[Source]:
    """The files that are to be imported, in the order of their names in a folder.

    Args:
        paths: files, folders whose files are parts of one table, and files inside a zip, such as
            ``ml-25m.zip/ml-25m/ratings.csv``.
        encoding: of text without a byte order mark.

    Raises:
        DataError: there is no such file, it is empty, or of several kinds.
    """
    files = [file for path in paths for file in _files(path)]
    sources = [examine(file, encoding, _label(file / member), member) for file, member in files]
    kinds = {source.content: source for source in sources}
    if len(kinds) > 1:
        one, other = list(kinds.values())[:2]
        raise DataError(
            f"{other.label}: expected {one.content} as {one.label} is, found {other.content}; "
            "import them one after the other"
        )
    return sources


def _label(file: Path) -> str:
    return file.name if file.parent.name.startswith(_OWN_FOLDER) else str(file)


def _files(path: Path) -> list[tuple[Path, str]]:
    """The files of a path, each with the member of it, a zip, that is meant; "" for the file."""
    if path.is_dir():
        files = [file for file in sorted(path.iterdir()) if file.name[0] not in "._"]
        files = [file for file in files if file.is_file()]
        if not files:
            raise DataError(f"{path}: no file in this folder; name the files to import")
        return [(file, "") for file in files]
    if not path.is_file():
        if archive := next((parent for parent in path.parents if parent.is_file()), None):
            return [(archive, path.relative_to(archive).as_posix())]
        near = sorted(file.name for file in path.parent.glob("*"))[:8] if path.parent else []
        here = f"; found {', '.join(near)} there" if near else ""
        raise DataError(f"{path}: no such file{here}")
    return [(path, "")]


def examine(path: Path, encoding: str, label: str, member: str = "") -> Source:
    """What a file is.

    Args:
        path: the file.
        encoding: of text without a byte order mark.
        label: how messages name it.
        member: the file inside it, if it is a zip of several.

    Raises:
        DataError: it is empty, or the encoding is none that is known.
    """
    try:
        codecs.lookup(encoding)
    except LookupError as error:
        raise DataError(
            f"--encoding: expected an encoding such as utf-8 or latin-1, found {encoding!r}"
        ) from error
    with path.open("rb") as file:
        start = file.read(8)
    compression = next((of for mark, of in _COMPRESSED.items() if start.startswith(mark)), "")
    if member and compression != "zip":
        raise DataError(f"{label}: no such file; {path} is a file, but no zip with files in it")
    with Source(path, label, "text", compression, encoding, member).open() as stream:
        start = stream.read(2**16)
    if not start.strip():
        raise DataError(f"{label}: the file is empty; expected a table of users and items")
    if is_workbook(start):
        raise workbook(label)
    content: Content = next((of for mark, of in _BINARY.items() if start.startswith(mark)), "text")
    encodings = _MARKS | (_PUBLISHED if encoding == UTF_8 else {})
    encoding = next((of for mark, of in encodings.items() if start.startswith(mark)), encoding)
    if content == "text" and start.lstrip(codecs.BOM_UTF8 + b" \r\n\t")[:1] in (b"{", b"["):
        content = "json lines"
    if content in ("parquet", "feather") and compression:
        raise DataError(f"{label}: {content} inside {compression}; unpack it first")
    return Source(path, label, content, compression, encoding, member)


@contextmanager
def with_standard_input(paths: Sequence[str]) -> Iterator[list[Path]]:
    """The paths, with what comes by standard input kept in a temporary file for ``-``."""
    if STANDARD_INPUT not in paths:
        yield [Path(path) for path in paths]
        return
    with tempfile.TemporaryDirectory(prefix=_OWN_FOLDER) as folder:
        file = Path(folder) / "standard input"
        with file.open("xb") as stream:
            shutil.copyfileobj(sys.stdin.buffer, stream, 2**20)
        yield [file if path == STANDARD_INPUT else Path(path) for path in paths]
