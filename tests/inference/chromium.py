"""A headless Chromium that tests drive through a pipe, by the DevTools protocol."""

import base64
import fcntl
import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

BINARY = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)

_FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--remote-debugging-pipe"),
)
_KEYS = {"ArrowDown": 40, "ArrowUp": 38, "ArrowLeft": 37, "ArrowRight": 39, "Enter": 13, "Tab": 9}
_KEYS |= {"Escape": 27, "+": 187}


class Chromium:
    """A browser with one page.

    Args:
        folder: of its profile.
    """

    def __init__(self, folder: Path) -> None:
        assert BINARY
        ends = [os.pipe(), os.pipe()]  # to the browser, from it
        numbers = [fcntl.fcntl(fd, fcntl.F_DUPFD, 20) for fd in (ends[0][0], ends[1][1])]

        def as_3_and_4() -> None:
            os.dup2(numbers[0], 3)
            os.dup2(numbers[1], 4)

        self._process = subprocess.Popen(
            [BINARY, *_FLAGS, f"--user-data-dir={folder}", "about:blank"],
            preexec_fn=as_3_and_4,
            close_fds=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for fd in (*numbers, ends[0][0], ends[1][1]):
            os.close(fd)
        self._in, self._out = os.fdopen(ends[0][1], "wb", 0), os.fdopen(ends[1][0], "rb")
        self._number, self._session, self._rest = 0, None, b""
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        attached = self.send("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        self.send("Page.enable")

    def close(self) -> None:
        """End the browser."""
        session, self._session = self._session, None
        if session is not None:
            self.send("Browser.close")
        self._in.close()
        self._out.close()
        self._process.wait(20)

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """The answer to a command of the protocol."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        self._in.write(json.dumps(message).encode() + b"\0")
        while True:
            answer = json.loads(self._read())
            if answer.get("id") == self._number:
                assert "error" not in answer, (method, answer["error"])
                return answer["result"]

    def _read(self) -> bytes:
        while b"\0" not in self._rest:
            part = os.read(self._out.fileno(), 2**20)
            assert part, "Chromium has ended"
            self._rest += part
        message, _, self._rest = self._rest.partition(b"\0")
        return message

    def open(
        self, page: Path, hash_: str = "", width: int = 1280, height: int = 900, dark: bool = False
    ) -> None:
        """Show a file, in a window of a size, in light or dark colours."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.send("Emulation.setEmulatedMedia", features=[scheme])
        self.send(
            "Emulation.setDeviceMetricsOverride",
            **{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False},
        )
        self.send("Page.navigate", url="about:blank")
        self.send("Page.navigate", url=page.absolute().as_uri() + hash_)
        self.wait("document.readyState === 'complete' && location.protocol === 'file:'")

    def wait(self, condition: str) -> None:
        """Until a condition in JavaScript is true."""
        end = time.monotonic() + 30
        while not self.run(condition):
            assert time.monotonic() < end, condition
            time.sleep(0.02)

    def run(self, expression: str) -> Any:
        """The value of an expression in JavaScript, as JSON."""
        answer = self.send(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def press(self, *keys: str) -> None:
        """Press and release keys, one after the other."""
        for key in keys:
            code = {"key": key, "code": key, "windowsVirtualKeyCode": _KEYS[key]}
            text = {"Enter": "\r"}.get(key, key if len(key) == 1 else "")
            self.send(
                "Input.dispatchKeyEvent", type="keyDown", **code, **({"text": text} if text else {})
            )
            self.send("Input.dispatchKeyEvent", type="keyUp", **code)

    def type(self, text: str) -> None:
        """Type into what has the focus."""
        self.send("Input.insertText", text=text)

    def picture(self, path: Path, whole: bool = False) -> None:
        """Write a png of the window, or of the whole page."""
        data = self.send("Page.captureScreenshot", captureBeyondViewport=whole)["data"]
        path.write_bytes(base64.b64decode(data))
