"""Against a server on loopback that does what servers do wrong."""

import hashlib
import os
import threading
import warnings
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from recbole_ext.data import file_lock
from recbole_ext.data.movielens import download
from recbole_ext.data.movielens.catalogue import RELEASES, find
from recbole_ext.errors import DataError
from tests.limits import file_size_limit

BODY = bytes(range(256)) * 2000  # 512,000 bytes
MD5 = hashlib.md5(BODY).hexdigest()


class Server:
    """Serves BODY; what it does wrong is set by a test.

    Attributes:
        cut_after: bytes after which each connection is closed, whatever was announced.
        ranges: whether it can go on in the middle.
        status: what it answers.
        announced: added to the true length.
        md5: text of the file of the checksum.
        asked: the Range header of each request for the file.
    """

    def __init__(self):
        self.cut_after, self.ranges, self.status, self.announced = None, True, None, 0
        self.md5 = f"MD5 (ml-100k.zip) = {MD5}\n"
        self.asked = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.answer(self)

            def log_message(self, *args):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.http.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.http.server_port}/ml-100k.zip"

    def answer(self, request):
        if request.path.endswith(".md5"):
            request.send_response(200)
            request.end_headers()
            request.wfile.write(self.md5.encode())
            return
        asked = request.headers.get("Range")
        self.asked.append(asked)
        if self.status:
            request.send_error(self.status)
            return
        start = int(asked[6:-1]) if asked and self.ranges else 0
        if start >= len(BODY):
            request.send_response(416)
            request.send_header("Content-Range", f"bytes */{len(BODY)}")
            request.end_headers()
            return
        request.send_response(206 if start else 200)
        request.send_header("Content-Length", str(len(BODY) - start + self.announced))
        request.end_headers()
        end = len(BODY) if self.cut_after is None else start + self.cut_after
        request.wfile.write(BODY[start:end])


@pytest.fixture
def server():
    found = Server()
    yield found
    found.http.shutdown()
    found.http.server_close()


def fetch(server, path, md5=MD5, **more):
    return download.download(server.url, path / "ml-100k.zip", md5, wait=0, **more)


def test_a_download_and_its_progress(server, tmp_path):
    told = []
    file = fetch(server, tmp_path / "new", progress=lambda *at: told.append(at))
    assert file.read_bytes() == BODY
    assert told[-1] == (len(BODY), len(BODY))
    assert [path.name for path in file.parent.iterdir()] == ["ml-100k.zip"]
    fetch(server, tmp_path / "new")  # it is there: nothing is asked for
    assert server.asked == [None]


def test_a_cut_connection_is_resumed_where_it_broke(server, tmp_path):
    server.cut_after = 100_000
    assert fetch(server, tmp_path).read_bytes() == BODY
    assert server.asked == [None, *(f"bytes={n}-" for n in range(100_000, 512_000, 100_000))]


def test_a_server_that_cannot_resume_is_asked_anew(server, tmp_path):
    (tmp_path / "ml-100k.zip.part").write_bytes(b"something else")
    server.ranges = False
    assert fetch(server, tmp_path).read_bytes() == BODY


def test_a_later_call_goes_on(server, tmp_path):
    server.cut_after = 0
    (tmp_path / "ml-100k.zip.part").write_bytes(BODY[:300_000])
    with pytest.raises(DataError, match=r"broke 5 times .* kept in .*\.part: give the command"):
        fetch(server, tmp_path)
    assert (tmp_path / "ml-100k.zip.part").stat().st_size == 300_000
    server.cut_after = None
    assert fetch(server, tmp_path).read_bytes() == BODY
    assert server.asked[-1] == "bytes=300000-"


def test_a_whole_part_is_only_checked(server, tmp_path):
    (tmp_path / "ml-100k.zip.part").write_bytes(BODY)
    assert fetch(server, tmp_path).read_bytes() == BODY


def test_a_part_that_is_too_long_is_dropped(server, tmp_path):
    (tmp_path / "ml-100k.zip.part").write_bytes(BODY + b"more")
    assert fetch(server, tmp_path).read_bytes() == BODY


def test_a_wrong_length_is_found_out_by_the_checksum(server, tmp_path):
    server.announced = 10  # never arrives: all there is has, as the server says when asked again
    assert fetch(server, tmp_path / "long").read_bytes() == BODY
    server.announced = -10
    with pytest.raises(DataError, match=f"expected the md5 {MD5}, found"):
        fetch(server, tmp_path / "short")
    assert not (tmp_path / "short").exists()  # a folder that was made for it goes, too


def test_a_wrong_checksum_removes_the_download(server, tmp_path):
    with pytest.raises(DataError, match=rf"expected the md5 {'0' * 32}, found {MD5}"):
        fetch(server, tmp_path, md5="0" * 32)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_changes_has_its_checksum_beside_it(server, tmp_path):
    assert fetch(server, tmp_path, md5="").read_bytes() == BODY
    server.md5 = "<html>not found</html>"
    with pytest.raises(DataError, match=r"\.md5: expected a md5, found '<html>not found"):
        fetch(server, tmp_path, md5="")


@pytest.mark.parametrize(("status", "message"), [(404, "answered 404"), (503, "answered 503")])
def test_an_answer_that_is_no_file(status, message, server, tmp_path):
    server.status = status
    with pytest.raises(DataError, match=message):
        fetch(server, tmp_path)
    assert len(server.asked) == (5 if status == 503 else 1)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_no_broken_connection(server, tmp_path):
    with file_size_limit(100_000), pytest.raises(OSError, match="File too large") as caught:
        fetch(server, tmp_path)
    assert caught.value.filename == str(tmp_path / "ml-100k.zip.part")
    assert server.asked == [None]  # and not five times
    assert [path.name for path in tmp_path.iterdir()] == ["ml-100k.zip.part"]
    assert fetch(server, tmp_path).read_bytes() == BODY  # once there is room
    assert server.asked[1].startswith("bytes=")


def test_of_two_downloads_at_once_the_second_waits_for_the_first(server, tmp_path, monkeypatch):
    monkeypatch.setattr(file_lock, "WAIT", 0.01)
    arrived, may_go_on = threading.Event(), threading.Event()

    def slowly(here, whole):
        arrived.set()
        assert may_go_on.wait(30)

    first = threading.Thread(target=fetch, args=(server, tmp_path), kwargs={"progress": slowly})
    second = threading.Thread(target=fetch, args=(server, tmp_path))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        first.start()
        assert arrived.wait(30)
        second.start()
        second.join(0.2)
        assert second.is_alive()
        may_go_on.set()
        first.join(30)
        second.join(30)
    messages = [str(warning.message) for warning in caught]
    assert messages == [
        f"{tmp_path}/ml-100k.zip: another process is writing it now; waiting for it"
    ]
    assert (tmp_path / "ml-100k.zip").read_bytes() == BODY
    assert server.asked == [None]  # the second found it there
    assert [path.name for path in tmp_path.iterdir()] == ["ml-100k.zip"]


@pytest.mark.skipif(os.name != "posix", reason="pipes")
@pytest.mark.parametrize("name", ["ml-100k.zip", "ml-100k.zip.part"])
def test_a_pipe_in_the_place_of_a_download_stays(name, server, tmp_path):
    os.mkfifo(tmp_path / name)
    with pytest.raises(FileExistsError, match=f"{name}'"):
        fetch(server, tmp_path)
    assert ((tmp_path / name).is_fifo(), server.asked) == (True, [])


def test_no_server_at_all(tmp_path):
    with pytest.raises(DataError, match=r"the connection broke 5 times.*--from"):
        download.download("http://127.0.0.1:9/x.zip", tmp_path / "x.zip", MD5, wait=0)


def test_the_catalogue():
    assert find("ml-20m").ratings == 20_000_263
    assert all(len(r.md5) in (0, 32) for r in RELEASES.values())
    with pytest.raises(DataError, match="did you mean ml-20m"):
        find("ml20m")
    with pytest.raises(DataError, match="there are: ml-100k, ml-1m"):
        find("netflix")
