"""Links, anchors and commands of the pages; every page is reached from README."""

import importlib.util
import re
from pathlib import Path

import click
import pytest

from recbole_ext.cli import hyper, main, run, settings_words
from recbole_ext.config.version import __version__
from recbole_ext.registry import keys
from tests import pages

EACH = pytest.mark.parametrize("path", pages.PAGES, ids=pages.name_of)
PROGRAMS = {"recbole-ext": main.main, "run_recbole": run.main, "run_hyper": hyper.main}


# --- how a page is read ---------------------------------------------------------------------

PAGE = """# The `first` one: a 0/1 label

Text with a [link](other.md#part), `[no](link.md)`.

    $ recbole-ext doctor && run_recbole --model=BPR    # a comment
    echo [no](code.md)

## Two

```python
[no](fence.md)
```

- item

## Two
"""


def test_links_anchors_and_commands_of_a_page(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    assert pages.links(page) == [("other.md#part", (tmp_path / "other.md").resolve(), "part")]
    assert pages.anchors(PAGE) == {"the-first-one-a-01-label", "two", "two-1"}
    assert pages.commands(PAGE) == [["recbole-ext", "doctor"], ["run_recbole", "--model=BPR"]]
    assert pages.code_blocks(PAGE) == [
        "$ recbole-ext doctor && run_recbole --model=BPR    # a comment\necho [no](code.md)"
    ]
    assert len(pages.prose(PAGE).splitlines()) == len(PAGE.splitlines())
    assert "no" not in pages.prose(PAGE)


# --- links ----------------------------------------------------------------------------------


@EACH
def test_relative_links_and_anchors_resolve(path):
    for link in pages.links(path):
        assert link.file.is_file(), f"{pages.name_of(path)}: no file {link.text}"
        if link.anchor:
            names = pages.anchors(link.file.read_text(encoding="utf-8"))
            assert link.anchor in names, f"{pages.name_of(path)}: no heading {link.text}"


def test_every_page_is_reached_from_the_readme():
    reached: set[Path] = set()
    rest = [pages.README]
    while rest:
        path = rest.pop()
        if path in reached or path.suffix != ".md":
            continue
        reached.add(path)
        rest += [link.file for link in pages.links(path)]
    assert [pages.name_of(path) for path in pages.PAGES if path not in reached] == []


def test_the_contents_page_lists_every_page():
    listed = {link.file for link in pages.links(pages.ROOT / "docs" / "README.md")}
    assert [path.name for path in pages.DOCS if path not in listed] == ["README.md"]


def test_the_site_has_every_page():
    """MkDocs itself is not needed here; `.ci/docs` builds the site."""
    text = (pages.ROOT / ".ci" / "mkdocs.yml").read_text(encoding="utf-8")
    nav = re.findall(r": (\S+\.md)$", text.split("\nnav:\n")[1], re.M)
    report = "configs/benchmark/ml-100k-full/report.md"
    assert sorted(nav) == sorted([*map(pages.name_of, pages.PAGES), "CHANGELOG.md", report])


def test_the_version_is_the_same_everywhere():
    changelog = (pages.ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    citation = (pages.ROOT / "CITATION.cff").read_text(encoding="utf-8")
    newest = re.search(r"^## (\S+) \(\d{4}-\d\d-\d\d\)$", changelog, re.M)
    assert newest.group(1) == __version__
    assert re.search(r"^version: (\S+)$", citation, re.M).group(1) == __version__


def test_the_readme_is_short():
    assert len(pages.README.read_text(encoding="utf-8").splitlines()) <= 130


@EACH
def test_an_empty_line_stands_before_each_list_and_table(path):
    """GitHub reads them without one, MkDocs does not."""
    before = ""
    for number, is_code, line in pages.parts(path.read_text(encoding="utf-8")):
        mark = re.match(r"(- |\d+\. |\|)", line)
        continues = before.startswith(("  ", "- ", "|")) or re.match(r"\d+\. ", before)
        if mark and not is_code:
            assert not before.strip() or continues, f"{pages.name_of(path)}:{number}"
        before = line


# --- commands -------------------------------------------------------------------------------


def check_command(words: list[str]) -> None:
    """Whether a command has this name, these options, these settings and these files."""
    if words[0] == "python":
        assert words[1] == "-m"
        if words[2].startswith(("tests.", "recbole_ext.")):
            assert importlib.util.find_spec(words[2]), words[2]
        return
    command: click.Command = PROGRAMS[words[0]]
    rest = words[1:]
    while isinstance(command, click.Group):
        assert rest, f"{command.name}: no subcommand"
        command = command.commands[rest.pop(0)]
    context = click.Context(command, **command.context_settings)
    values, _, _ = command.make_parser(context).parse_args(list(rest))
    if isinstance(command, settings_words.SettingsCommand):
        model = values.get("model", "AutoRec" if command.name == "denoise" else "BPR")
        if ":" not in model:
            keys.check_model(model)
            known = keys.own_keys(model) | keys._general_keys()
            written = values.get("settings")
            settings = settings_words.parse_settings(written if isinstance(written, tuple) else ())
            assert settings.keys() <= known, settings
    for word in rest:
        if (file := word.rpartition("=")[2]).startswith("configs/"):
            assert (pages.ROOT / file).is_file(), file


@EACH
def test_commands_have_options_and_settings_that_exist(path):
    for words in pages.commands(path.read_text(encoding="utf-8")):
        try:
            check_command(words)
        except (click.ClickException, KeyError, AssertionError) as error:
            raise AssertionError(f"{pages.name_of(path)}: {' '.join(words)}: {error}") from error


@pytest.mark.parametrize(
    "line",
    [
        "recbole-ext recomend FILE --user 196",
        "recbole-ext recommend FILE --usr 196",
        "run_recbole --model=AutoRec --dataset=ml-100k --orientaton=user",
        "run_recbole --model=AutoRek",
        "run_recbole --model=BPR --config_files=configs/none.yaml",
        "python -m tests.nothing",
    ],
)
def test_a_command_that_does_not_exist_is_noticed(line):
    (words,) = pages.commands(f"    {line}")
    with pytest.raises(Exception, match=r".+"):
        check_command(words)


def test_the_readme_has_the_commands_of_ci():
    """.ci/run takes the test command from README."""
    text = pages.README.read_text(encoding="utf-8")
    found = re.findall(r"^ *(pip install .*pytest.*)$", text, re.MULTILINE)
    assert found == ["pip install '.[test]' && pytest -n 2 --dist loadfile"]
    first = re.findall(r"^    (pip install \. && .*)$", text, re.MULTILINE)
    assert first == [
        "pip install . && run_recbole --model=AutoRec --dataset=ml-100k && run_recbole "
        "--model=NCFMLP --dataset=ml-100k --config_files=configs/ncf_mlp.yaml"
    ]
