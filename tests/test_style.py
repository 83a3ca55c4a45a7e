"""A short list of words and phrases that a reader has to guess, and what to write instead."""

import ast
import re
from collections.abc import Iterator

import click
import pytest

from recbole_ext.cli import hyper, main, run
from tests import pages

# phrase (a regular expression, whatever its case) -> write instead
PHRASES = {
    r"of no difference": "p: paired Wilcoxon test against ...",
    r"adds? up in another order": "sums are computed in another order",
    r"(is|are|was|were) told\b|\btold (of|from|in|with|where)\b": "is reported; come from",
    r"loops are arrays": "loops are vectorised",
    r"\bmend(s|ed|ing)?\b": "fix, correct",
    r"\ba run can go\b": "no errors",
    r"(where|what) nobody reads|by somebody": "unused; used",
    r"\bgo(es)? on where\b": "continue(s) from",
    r"\bpass(es|ed)? over\b": "skip, ignore",
    r"without a word": "silently",
    r"goes? round\b": "name what it does",
    r"\bone's own\b": "your own",
    r"\bspeaks? for\b": "explain, contribute to",
    r"\bat the most\b": "at most",
    r"what (is|was) known of\b": "the features, the vectors of",
    r"\bwhat .{1,40} (is|are) of\b": "the source, the identity of",
    r"(is|are) there already": "already exists",
    r"to be called once": "call only after",
    r"\b0 for no such\b": "0 switches it off",
    r"judged by the score": "at least one validation",
    r"that only grow": "append-only",
    r"\bdeal(s|t)? (it )?out\b": "split",
    r"\btakes? .{0,20} for similar\b": "considers similar",
    r"\bis no trap\b": "say what happens",
    r"\bknows what it is of\b": "records where it comes from",
    r"\bends? elsewhere\b": "changes the result",
    r"\bon luck\b|\bwas luck\b|by luck": "arbitrary, random",
}


def problems(text: str) -> list[str]:
    """The lines of a text with a phrase of the table; a phrase may go over the end of a line."""
    found = []
    one_line = re.sub(r"\s+", " ", text)
    for phrase, instead in PHRASES.items():
        for match in re.finditer(phrase, one_line, re.IGNORECASE):
            around = one_line[max(match.start() - 40, 0) : match.end() + 20]
            found.append(f"...{around}... (write: {instead})")
    return found


@pytest.mark.parametrize("path", pages.PAGES, ids=pages.name_of)
def test_pages(path):
    assert problems(pages.prose_with_code_spans(path.read_text(encoding="utf-8"))) == []


def helps(command: click.Command, name: str) -> Iterator[tuple[str, str]]:
    """(name, help text) of a command and of all below it."""
    yield name, command.get_help(click.Context(command, info_name=name))
    if isinstance(command, click.Group):
        for word, inner in command.commands.items():
            yield from helps(inner, f"{name} {word}")


COMMANDS = [
    *helps(main.main, "recbole-ext"),
    *helps(run.main, "run_recbole"),
    *helps(hyper.main, "run_hyper"),
]


@pytest.mark.parametrize(("name", "text"), COMMANDS, ids=[name for name, _ in COMMANDS])
def test_help_texts(name, text):
    assert problems(text) == []


def options(command: click.Command) -> Iterator[click.Option]:
    yield from (param for param in command.params if isinstance(param, click.Option))
    if isinstance(command, click.Group):
        for inner in command.commands.values():
            yield from options(inner)


def test_an_option_says_what_it_is_in_a_noun_or_a_verb():
    """Not "Of the first process.", but "Port of the first process."."""
    for command in (main.main, run.main, hyper.main):
        for option in options(command):
            text = option.help or ""
            assert text, option.name
            assert not re.match(r"(Of|In|At|By|The same|Also|That|Which) ", text), (
                option.name,
                text,
            )


SOURCES = sorted(
    path
    for suffix in ("py", "yaml", "j2", "txt", "js")
    for path in (pages.ROOT / "recbole_ext").rglob(f"*.{suffix}")
)


@pytest.mark.parametrize("path", SOURCES, ids=pages.name_of)
def test_comments_docstrings_and_messages(path):
    text = re.sub(r"\n *# ?", "\n", path.read_text(encoding="utf-8"))  # comments go over lines
    assert problems(text) == []


def test_the_table_finds_its_phrases():
    for text in (
        "p is of no difference to the first line",
        "Mistakes are told at once",
        "Its loops are arrays",
        "an empty line is passed\nover",
        "what a number is of",
        "Results that only grow",
    ):
        assert problems(text), text
    assert problems("Errors are reported early. A run continues from its last epoch.") == []


FUNCTIONS = [
    (pages.name_of(path), node)
    for path in sorted((pages.ROOT / "recbole_ext").rglob("*.py"))
    if "patches" not in path.parts  # their arguments are those of the function that they wrap
    for node in ast.parse(path.read_text(encoding="utf-8")).body
    if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
]


def test_functions_of_three_or_more_parameters_explain_them():
    """Commands do so in the help of their options; "see ``name``" leads to another docstring."""
    for module, node in FUNCTIONS:
        n_parameters = len(node.args.args) + len(node.args.kwonlyargs)
        docstring = ast.get_docstring(node) or ""
        if n_parameters >= 3 and not node.decorator_list and "see ``" not in docstring:
            assert "Args:" in docstring, f"{module}: {node.name}"
