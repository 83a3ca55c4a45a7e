"""The page of the public names is what the source says."""

import ast
import re

import recbole_ext
import recbole_ext.data
import recbole_ext.testing
from recbole_ext import errors
from recbole_ext.inference.recommender import Recommender
from tests import api_page, pages

FILE = pages.ROOT / "docs" / "api.md"


def test_the_page_is_what_the_source_says():
    text = FILE.read_text(encoding="utf-8")
    assert text == api_page.page(), "python -m tests.api_page > docs/api.md"


def names_of(title: str) -> set[str]:
    section = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", api_page.page(), re.M | re.S)
    return set(re.findall(r"^- `(\w[\w.]*)", section.group(1), re.M))


def test_the_page_has_every_public_name():
    assert names_of("recbole_ext") == {*recbole_ext.__all__} - {"__version__"}
    assert names_of("recbole_ext.data") == {*recbole_ext.data._LAZY}
    assert names_of("recbole_ext.testing") >= {*recbole_ext.testing.__all__}
    kinds = {
        cls.__name__
        for cls in errors.UserError.__subclasses__()
        if cls.__module__ == errors.__name__
    }
    assert names_of("recbole_ext.errors") == {"UserError", *kinds}
    methods = {f"Recommender.{name}" for name in vars(Recommender) if not name.startswith("_")}
    assert names_of("recbole_ext.inference.recommender") == {"Recommender", *methods}


def test_an_entry_has_signature_and_sentence():
    (node,) = ast.parse(
        'def f(self, x: "int", *, k: int | None = 3) -> "A":\n    """One ``x``. Two.\n\n    M."""'
    ).body
    assert api_page._entry(node, "C.") == ["- `C.f(x: int, *, k: int | None=3) -> A`: One `x`."]
    (node,) = ast.parse('@property\ndef p(self) -> int:\n    """A number."""').body
    assert api_page._entry(node, "C.") == ["- `C.p: int`: A number."]


def test_every_entry_has_a_sentence():
    for line in api_page.page().splitlines():
        if line.startswith("- `"):
            assert re.search(r"`: .+\.$", line), line
