"""The page of `recbole-ext explore`: one file that shows what a model recommends, without network.

The data is JSON with arrays in base64 (page_arrays.py), the rest of the page is in ``page/``. Ids
and titles reach the page as JSON without ``<``, ``>`` and ``&``, and JavaScript sets them as text;
a content security policy allows no request, and no script but the page's own.
"""

import base64
import hashlib
from dataclasses import dataclass
from pathlib import Path

from recbole_ext.data.atomic_write import write_text
from recbole_ext.inference import page_content
from recbole_ext.inference.page_arrays import Content
from recbole_ext.inference.page_content import Progress
from recbole_ext.inference.recommender import Recommender

_PARTS = Path(__file__).with_name("page")
_SCRIPTS = ("data.js", "new_person.js", "search.js", "map.js", "views.js", "page.js")


@dataclass(frozen=True)
class Summary:
    """The size of a page, and what it leaves out.

    Attributes:
        n_users, n_items: in it.
        n_bytes: its size.
        missing: a sentence for each part that this model's page does not have.
    """

    n_users: int
    n_items: int
    n_bytes: int
    missing: list[str]


def write(recommender: Recommender, path: Path, progress: Progress = iter) -> Summary:
    """Write the page of a model, whole or not at all.

    Args:
        recommender: the model.
        path: where.
        progress: wraps the loop over users while their reasons are computed.

    Raises:
        DataError: the data set has too many items for a page.
        SettingError: the model predicts values that are no numbers.
    """
    page_content.check_size(recommender)
    content = page_content.content(recommender, progress)
    text = page(content)
    write_text(path, text)
    return Summary(
        len(content["users"]), len(content["items"]), len(text.encode("utf-8")), _missing(content)
    )


def page(content: Content) -> str:
    """The page with what ``page_content.content`` has, as text."""
    import jinja2

    style, template, *scripts = (
        (_PARTS / name).read_text(encoding="utf-8")
        for name in ("explore.css", "explore.html.j2", *_SCRIPTS)
    )
    script = "\n".join(['(() => {\n"use strict";', *scripts, "})();\n"])
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
    of_page = jinja2.Template(template, autoescape=True)
    return of_page.render(content=content, style=style, script=script, digest=digest) + "\n"


def _missing(content: Content) -> list[str]:
    missing = {
        "reasons": content["reasons"].get("none"),
        "similar items, map": content["similar"].get("none"),
        "new people": content["newPerson"].get("reason"),
    }
    return [f"without {part}: {reason}" for part, reason in missing.items() if reason]
