"""A file to import: decompressed and decoded while it is read."""

import bz2
import codecs
import contextlib
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

from recbole_ext.errors import DataError

Content = Literal["text", "json lines", "parquet", "feather"]
Progress = Callable[[int], None]  # bytes of the file on the disk, read since the last call

UTF_8 = "utf-8"

_DAMAGED = (
    *(EOFError, gzip.BadGzipFile, lzma.LZMAError, zlib.error, zipfile.BadZipFile),
    *(NotImplementedError, RuntimeError),
)


@dataclass(frozen=True)
class Source:
    """One file to import.

    Attributes:
        path: where it lies.
        label: how messages name it.
        content: what it holds.
        compression: "gz", "bz2", "xz", "zip", "zst"; "" for none.
        encoding: of text; that of its byte order mark, if it has one.
        member: of a zip, as the zip names it; "" for the only one.
    """

    path: Path
    label: str
    content: Content
    compression: str
    encoding: str
    member: str = ""

    @property
    def file_name(self) -> str:
        """The name of the table's file, without its folder."""
        return Path(self.member or self.path).name

    @property
    def origin(self) -> str:
        """The name of the file on the disk, and of the member inside it, for a manifest."""
        return (Path(self.path.name) / self.member).as_posix()

    @property
    def words(self) -> str:
        """``json lines, gz`` for a message."""
        return ", ".join([self.content, *([self.compression] if self.compression else [])])

    @contextmanager
    def open(self, progress: Progress = lambda n: None) -> Iterator[BinaryIO]:
        """The bytes of the file, decompressed.

        Args:
            progress: called with the bytes that were read from the disk.

        Raises:
            DataError: it is damaged, a workbook, or a zip in which no file is named and that does
                not have exactly one.
        """
        with self.path.open("rb") as file, self._errors():
            counted = io.BufferedReader(_Counted(file, progress), 2**18)
            with contextlib.closing(self._decompressed(counted)) as stream:
                yield stream

    @contextmanager
    def open_text(self, progress: Progress = lambda n: None) -> Iterator[BinaryIO]:
        """The text of the file as UTF-8 without a byte order mark.

        Raises:
            DataError: see ``open``; or it is not in its encoding, with the line. UTF-8 itself is
                left to the reader.
        """
        with self.open(progress) as stream, self._errors():
            yield io.BufferedReader(_Utf8(stream, self.encoding, self.label), 2**18)

    def _decompressed(self, file: BinaryIO) -> BinaryIO:
        if self.compression == "zip":
            archive = zipfile.ZipFile(file)
            return archive.open(_member(archive, self.member, self.label))  # type: ignore[return-value]
        return _decompressed(file, self.compression)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except _DAMAGED as error:
            raise self._damaged(error) from error
        except OSError as error:
            if error.errno is not None:
                raise
            raise self._damaged(error) from error

    def _damaged(self, error: Exception) -> DataError:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        what = f"{self.label}: the file is damaged or incomplete ({reason}); fetch it again"
        return DataError(what)


class _Counted(io.RawIOBase):
    """A file whose bytes are counted while they are read."""

    def __init__(self, file: BinaryIO, progress: Progress) -> None:
        self._file, self._progress = file, progress

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, place: int, whence: int = 0) -> int:
        return self._file.seek(place, whence)

    def readinto(self, buffer: Any) -> int:
        size = self._file.readinto(buffer)  # type: ignore[attr-defined]
        self._progress(size)
        return int(size)


class _Utf8(io.RawIOBase):
    """Text in any encoding as UTF-8, without the byte order mark."""

    def __init__(self, stream: BinaryIO, encoding: str, label: str) -> None:
        self._stream, self._encoding, self._label = stream, encoding, label
        self._decoder = codecs.getincrementaldecoder(encoding)() if encoding != UTF_8 else None
        self._plain = encoding == "utf-8-sig"
        self._rest = b""
        self._lines = 0
        if self._plain:
            self._decoder = None
            start = stream.read(3)
            self._rest = b"" if start == codecs.BOM_UTF8 else start

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        size = len(buffer)
        while not self._rest:
            data = self._stream.read(size)
            if self._decoder is None:
                self._rest = data
            else:
                self._rest = self._decoded(data)
            if not data:
                break
        taken, self._rest = self._rest[:size], self._rest[size:]
        buffer[: len(taken)] = taken
        return len(taken)

    def _decoded(self, data: bytes) -> bytes:
        assert self._decoder is not None
        try:
            text = self._decoder.decode(data, final=not data)
        except UnicodeDecodeError as error:
            whole = error.object[: error.start].decode(self._encoding, "ignore")
            line = self._lines + whole.count("\n") + 1
            raise DataError(
                f"{self._label}, line {line}: not text in the encoding {self._encoding}; say its "
                "encoding with --encoding"
            ) from error
        self._lines += text.count("\n")
        return text.encode(UTF_8)


def _decompressed(file: BinaryIO, compression: str) -> BinaryIO:
    if compression == "gz":
        return gzip.open(file)  # type: ignore[return-value]
    if compression == "bz2":
        return bz2.open(file)  # type: ignore[return-value]
    if compression == "xz":
        return lzma.open(file)  # type: ignore[return-value]
    if compression == "zst":
        import pyarrow

        return io.BufferedReader(pyarrow.CompressedInputStream(file, "zstd"))
    return file


def is_workbook(start: bytes) -> bool:
    """Whether a file begins as Excel's workbooks did until 2003; later ones are zips."""
    return start.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")


def workbook(label: str) -> DataError:
    """What is said of a workbook."""
    return DataError(f"{label}: an Excel workbook; save its sheet as csv, and import that")


def _member(archive: zipfile.ZipFile, name: str, label: str) -> zipfile.ZipInfo:
    members = [item for item in archive.infolist() if not item.is_dir()]
    members = [item for item in members if not item.filename.startswith("__MACOSX/")]
    names = [item.filename for item in members]
    if any(other.startswith("xl/") for other in names):
        raise workbook(label)
    here = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
    if name:
        if name not in names:
            raise DataError(f"{label}: no such file in this zip; found {here or 'none'}")
        return members[names.index(name)]
    if len(members) != 1:
        advice = f"; name one of them as {label}/{names[0]}" if names else ""
        raise DataError(
            f"{label}: expected a zip with one file in it, found {len(names)} ({here or 'none'})"
            f"{advice}"
        )
    return members[0]
