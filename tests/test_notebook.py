"""The notebook of docs/: its cells are explained, its outputs are short, and it runs."""

import re

import pytest

from tests import pages
from tests.test_style import problems

nbformat = pytest.importorskip("nbformat", reason="pip install '.[test]' brings it; CI has it")
notebook = pytest.importorskip("tests.notebook")

NOTEBOOK = notebook.read()
CODE = [cell for cell in NOTEBOOK.cells if cell.cell_type == "code"]
TEXT = "\n\n".join(cell.source for cell in NOTEBOOK.cells if cell.cell_type == "markdown")


def output_of(cells, beginning):
    """The text of the outputs of the cell with a line that begins so."""
    (cell,) = (cell for cell in cells if re.search(rf"^{re.escape(beginning)}", cell.source, re.M))
    return "\n".join(
        output.get("text") or output["data"]["text/plain"] for output in cell.get("outputs", [])
    )


def test_each_cell_of_code_is_explained_in_at_most_three_sentences():
    nbformat.validate(NOTEBOOK)
    for before, cell in zip(NOTEBOOK.cells, NOTEBOOK.cells[1:], strict=False):
        if cell.cell_type == "code":
            assert before.cell_type == "markdown", cell.source
            paragraph = before.source.split("\n\n")[-1]
            assert 1 <= len(re.findall(r"[.;:](?= |$)", paragraph)) <= 4, paragraph


def test_the_text_is_plain_and_its_links_lead_somewhere():
    assert problems(TEXT) == []
    links = re.findall(r"\]\(([^)]+)\)", TEXT)
    assert links
    for link in links:
        assert (notebook.FILE.parent / link.partition("#")[0]).is_file(), link


def test_the_outputs_are_those_of_one_run_and_show_few_rows():
    """MovieLens may not be given to others: ten titles are fine, its rows are not."""
    assert [cell.execution_count for cell in CODE] == [*range(1, len(CODE) + 1)]
    for cell in CODE:
        for output in cell.outputs:
            assert output.output_type in ("stream", "execute_result"), output
            text = output.get("text") or output["data"]["text/plain"]
            assert len(text.splitlines()) <= 12, text
            assert not re.search(r"warning|/home/|/root/|/tmp/", text, re.I), text
    assert notebook.FILE.stat().st_size < 60_000


@pytest.mark.slow
def test_it_runs_and_gives_what_it_shows(tmp_path):
    new = [cell for cell in notebook.executed(tmp_path).cells if cell.cell_type == "code"]
    for cell in new:
        assert all(output.output_type != "error" for output in cell.outputs)
    for beginning in ("pd.Series", "interactions ="):  # no training
        assert output_of(new, beginning) == output_of(CODE, beginning)
    for beginning in ('pd.DataFrame({"valid"', "pd.DataFrame(tests)"):
        new_table, shown = (output_of(cells, beginning) for cells in (new, CODE))
        figures = [re.findall(r"0\.\d{3,}", text) for text in (new_table, shown)]
        assert len(figures[0]) >= 4
        for one, other in zip(*figures, strict=True):
            assert float(one) == pytest.approx(float(other), abs=0.01)
    titles = [
        re.findall(r"^\d+ +\d+ +(.+?) +\S+$", output_of(cells, "recommender.recommend(196"), re.M)
        for cells in (new, CODE)
    ]
    assert len(titles[0]) == len(titles[1]) == 10
    assert len({*titles[0]} & {*titles[1]}) >= 8  # near scores may change places


def test_pages_lead_to_it():
    for page in ("README.md", "getting-started.md"):
        links = pages.links(pages.ROOT / "docs" / page)
        assert notebook.FILE in [link.file for link in links]
