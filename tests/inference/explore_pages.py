"""Pages of `explore`, read in plain Python and numpy."""

import base64
import html.parser
import json
from pathlib import Path
from typing import Any

import numpy as np


class _Scripts(html.parser.HTMLParser):
    """The scripts of a page, as a browser takes them apart."""

    def __init__(self) -> None:
        super().__init__()
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag == "script":
            self.scripts.append((dict(attrs), ""))

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1] == "script" and self.scripts:
            attributes, text = self.scripts[-1]
            self.scripts[-1] = attributes, text + data

    def handle_endtag(self, tag: str) -> None:
        self.tags.append(f"/{tag}")


def parsed(page: Path) -> _Scripts:
    """The elements of a page."""
    parser = _Scripts()
    parser.feed(page.read_text(encoding="utf-8"))
    return parser


def content(page: Path) -> dict[str, Any]:
    """What a page holds."""
    (text,) = [text for attributes, text in parsed(page).scripts if attributes.get("id")]
    return json.loads(text)


def array(packed: dict[str, str]) -> np.ndarray:
    return np.frombuffer(base64.b64decode(packed["data"]), np.dtype(packed["type"]))


def matrix(quantised: dict[str, Any]) -> np.ndarray:
    """[rows, columns], from 16 bits."""
    steps = array(quantised["steps"]).astype(np.float64)
    scales = array(quantised["scales"]).astype(np.float64)
    if "starts" not in quantised:
        return steps.reshape(-1, quantised["columns"]) * scales[:, None]
    whole = np.zeros((len(scales), quantised["columns"]))
    rows = np.repeat(np.arange(len(scales)), np.diff(array(quantised["starts"]).astype(int)))
    whole[rows, array(quantised["at"])] = steps * scales[rows]
    return whole


def entries(table: dict[str, Any], row: int) -> slice:
    """Where the entries of one list are."""
    starts = array(table["starts"])
    return slice(int(starts[row]), int(starts[row + 1]))


def scores_by_items(person: dict[str, Any], items: list[int], ratings: list[float]) -> np.ndarray:
    """I-AutoRec with f = identity: the normal equations of the column, in the space of the items.

    min |r - H w - b|^2 + p |w|^2 from w = H' a has H H' a + p a + b = r and 1'a = 0.
    """
    hidden, biases = matrix(person["hidden"]), array(person["biases"]).astype(float)
    differences = np.array(ratings) - person["mean"] - biases[items]
    bias = 0.0
    if person["damping"] is not None:
        bias = differences.sum() / (len(items) + person["damping"])
    added = np.zeros(hidden.shape[1])
    if person["pattern"] is not None:
        added = matrix(person["pattern"])[items].sum(0) / np.sqrt(len(items))
    own, n = hidden[items], len(items)
    system = np.ones((n + 1, n + 1))
    system[:n, :n] = own @ own.T + person["penalty"] * np.eye(n)
    system[n, n] = 0.0
    target = (differences - bias) / person["deviation"]
    solution = np.linalg.solve(system, np.append(target - own @ added, 0.0))
    rebuilt = hidden @ (own.T @ solution[:n] + added) + solution[n]
    return person["deviation"] * rebuilt + person["mean"] + biases + bias


def scores_by_users(person: dict[str, Any], items: list[int], ratings: list[float]) -> np.ndarray:
    """U-AutoRec with sigmoids and f = identity: the row encoded and decoded."""
    biases = array(person["biases"]).astype(float)
    differences = np.array(ratings) - person["mean"] - biases[items]
    bias = 0.0
    if person["damping"] is not None:
        bias = differences.sum() / (len(items) + person["damping"])
    inputs = (differences - bias) / person["deviation"]
    units = array(person["inputBias"]) + inputs @ matrix(person["inputs"])[items]
    if person["masks"] is not None:
        units = units + person["maskScale"] * matrix(person["masks"])[items].sum(0)
    for layer in person["layers"]:
        units = matrix(layer["weights"]) @ (1 / (1 + np.exp(-units))) + array(layer["bias"])
    return person["deviation"] * units + person["mean"] + biases + bias


def scores_by_sum(person: dict[str, Any], items: list[int]) -> np.ndarray:
    """EASE and its like: the rows of the person's items."""
    offset = 0.0 if person["offset"] is None else array(person["offset"])
    return matrix(person["weights"])[items].sum(0) + offset
