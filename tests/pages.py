"""The pages of the documentation as GitHub reads them: prose, code, links, anchors, commands."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
DOCS = sorted((ROOT / "docs").glob("*.md"))
# what a reader reaches from README, of which tests know the text
PAGES = [README, *DOCS, ROOT / "dataset" / "README.md", *sorted((ROOT / "configs").glob("*.md"))]

_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_PROGRAMS = ("recbole-ext", "run_recbole", "run_hyper", "python")


class Link(NamedTuple):
    """A relative link: the file that it leads to, and the heading in it ("" for none)."""

    text: str
    file: Path
    anchor: str


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def parts(text: str) -> Iterator[tuple[int, bool, str]]:
    """(number, whether it is code, line) of each line of a page.

    Code is what is between fences, and what four spaces begin after an empty line.
    """
    fenced, indented, before = False, False, ""
    for number, line in enumerate(text.splitlines(), 1):
        fence = line.startswith("```")
        if fence:
            fenced = not fenced
        starts = line.startswith("    ") and (indented or not before.strip())
        indented = not fenced and (starts or (indented and not line.strip()))
        yield number, fence or fenced or (indented and bool(line.strip())), line
        before = line


def prose(text: str) -> str:
    """A page without its code, also without `code` in a sentence; it has as many lines."""
    lines = ["" if is_code else line for _, is_code, line in parts(text)]
    return re.sub(r"`[^`\n]*`", "``", "\n".join(lines))


def code_blocks(text: str) -> list[str]:
    """The blocks of code of four spaces, without these."""
    blocks: list[list[str]] = []
    last = -1
    for number, is_code, line in parts(text):
        if is_code and line.startswith("    "):
            if number != last + 1:
                blocks.append([])
            blocks[-1].append(line[4:])
            last = number
    return ["\n".join(block) for block in blocks]


def anchors(text: str) -> set[str]:
    """The names by which GitHub links the headings of a page."""
    names: dict[str, int] = {}
    found = set()
    for heading in re.findall(r"^#+ (.*)$", prose_with_code_spans(text), re.MULTILINE):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
        name = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        count = names.get(name, 0)
        names[name] = count + 1
        found.add(f"{name}-{count}" if count else name)
    return found


def prose_with_code_spans(text: str) -> str:
    return "\n".join("" if is_code else line for _, is_code, line in parts(text))


def links(path: Path) -> list[Link]:
    """The relative links of a page, pictures among them."""
    relative = []
    for target in _LINK.findall(prose(path.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        relative.append(Link(target, (path.parent / file).resolve() if file else path, anchor))
    return relative


def commands(text: str) -> list[list[str]]:
    """The words of each command of ours, or of ``python -m``, in a page's code."""
    found = []
    for _, is_code, line in parts(text):
        if not is_code:
            continue
        for command in re.split(r" (?:&&|\|) ", line.strip().removeprefix("$ ").rstrip("\\")):
            first = command.split(" ", 1)[0]
            if first in _PROGRAMS or re.match(r"RECBOLE_EXT_DISABLE=\S+ run_recbole ", command):
                words = shlex.split(command, comments=True)
                found.append(words[1:] if "=" in words[0] else words)
    return found
