"""Downloading a release: resumed after a broken connection, checked, and whole or not there."""

import re
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from recbole_ext.data import file_lock
from recbole_ext.data.atomic_write import (
    errors_of,
    existing_folder,
    move_into_place,
    refuse_special,
)
from recbole_ext.data.dataset_folder import md5_of
from recbole_ext.errors import DataError

if TYPE_CHECKING:
    import requests

TRIES = 5
TIMEOUT = 30  # seconds without a byte
_PIECE = 2**18

Progress = Callable[[int, int], None]  # bytes that are here, bytes in all (0: not known)


def download(
    url: str,
    to: Path,
    md5: str = "",
    progress: Progress = lambda here, whole: None,
    wait: float = 1.0,
) -> Path:
    """Fetch ``url`` into the file ``to``, unless that exists.

    What has arrived lies in ``<to>.part`` until it is whole and its checksum is right; a later
    call goes on from there. A broken connection is tried again, ``TRIES`` times without a byte
    of progress. While another process fetches the same file, this one waits.

    Args:
        url: of the file.
        to: where to.
        md5: what it must be; "" reads it from ``<url>.md5``, as GroupLens publishes it.
        progress: called after each piece with the bytes that are here and the bytes in all.
        wait: seconds before the first new try; doubled each time.

    Raises:
        DataError: the server does not have it or cannot be reached, or what came is not the
            published file.
    """
    import requests

    session = requests.Session()
    session.headers["Accept-Encoding"] = "identity"  # the bytes of the file, to be resumed
    with existing_folder(to.parent), file_lock.turn(to):
        md5 = md5 or _published_md5(session, f"{url}.md5")
        if not (to.is_file() and md5_of(to) == md5):
            _fetch(session, url, to, md5, progress, wait)
    return to


def _fetch(
    session: "requests.Session", url: str, to: Path, md5: str, progress: Progress, wait: float
) -> None:
    """The download itself; see ``download``."""
    import requests

    part = to.with_name(f"{to.name}.part")
    for file in (to, part):
        refuse_special(file)
    failures = 0
    while True:
        before = part.stat().st_size if part.is_file() else 0
        try:
            _go_on(session, url, part, before, progress)
            break
        except (requests.ConnectionError, requests.Timeout, _CutError) as error:
            gained = part.is_file() and part.stat().st_size > before
            failures = 1 if gained else failures + 1
            if failures >= TRIES:
                raise DataError(
                    f"{url}: the connection broke {TRIES} times ({error}); what has arrived is "
                    f"kept in {part}: give the command again to go on, or --from a file that "
                    "you have downloaded another way"
                ) from error
            time.sleep(wait * 2 ** (failures - 1))
        except requests.RequestException as error:
            raise DataError(f"{url}: {error}") from error
    part_md5 = md5_of(part)
    if part_md5 != md5:
        part.unlink()
        raise DataError(
            f"{url}: the download is not the published file: expected the md5 {md5}, found "
            f"{part_md5}; it has been removed, try again"
        )
    move_into_place(part, to)


class _CutError(Exception):
    """The body ended before its announced length."""


def _published_md5(session: "requests.Session", url: str) -> str:
    import requests

    try:
        answer = session.get(url, timeout=TIMEOUT)
        answer.raise_for_status()
    except requests.RequestException as error:
        raise DataError(f"{url}: no checksum to be had: {error}") from error
    md5 = re.search(r"\b[0-9a-f]{32}\b", answer.text)
    if md5 is None:
        raise DataError(f"{url}: expected a md5, found {answer.text[:60]!r}")
    return md5.group()


def _go_on(
    session: "requests.Session",
    url: str,
    part: Path,
    here: int,
    progress: Progress,
) -> None:
    """Append what is missing to ``part``; a server that cannot go on starts it anew."""
    headers = {"Range": f"bytes={here}-"} if here else {}
    with session.get(url, headers=headers, stream=True, timeout=TIMEOUT) as answer:
        if answer.status_code == 416 and here:  # nothing is missing, or another file stood here
            if answer.headers.get("Content-Range", "").endswith(f"/{here}"):
                return
            part.unlink()
            raise _CutError("what had arrived was longer than the file")
        if answer.status_code >= 500:
            raise _CutError(f"the server answered {answer.status_code}")
        if answer.status_code not in (200, 206):
            raise DataError(
                f"{url}: the server answered {answer.status_code} {answer.reason}; see "
                "https://grouplens.org/datasets/movielens/ and use --from FILE.zip"
            )
        if answer.status_code == 200:
            here = 0
        length = int(answer.headers.get("Content-Length") or 0)
        whole = here + length if length else 0
        with errors_of(part), part.open("ab" if here else "wb") as stream:
            for piece in _pieces(answer):
                stream.write(piece)
                here += len(piece)
                progress(here, whole)
        if whole and here < whole:
            raise _CutError(f"{here} of {whole} bytes arrived")


def _pieces(answer: "requests.Response") -> Iterator[bytes]:
    """The body of an answer as it arrives; a full disk is not a broken connection.

    Raises:
        _CutError: the connection broke.
    """
    from urllib3.exceptions import HTTPError

    try:
        yield from answer.raw.stream(_PIECE, decode_content=False)
    except (HTTPError, OSError, zlib.error) as error:
        raise _CutError(str(error)) from error
