"""The report's words and mean ranks, worked out by hand; names of models with any character."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from recbole_ext.experiments import mean_ranks, report, report_words, summary
from recbole_ext.experiments.mean_ranks import MeanRanks
from recbole_ext.experiments.plan import Model, Plan, TableKey
from recbole_ext.experiments.results import Result
from recbole_ext.experiments.summary import Line

TABLE = TableKey("made", "default")


def made(label, seed=1, users=(0.4, 0.6), seconds=1.0, **others):
    test = {"ndcg@10": float(np.mean(users))}
    result = Result(
        *TABLE, label, seed, "", "", {}, test, {"ndcg@10": list(users)}, 5, seconds, **others
    )
    return result


def line(label, mean, p_value, seconds, users=True):
    runs = [made(label, n, seconds=s) for n, s in enumerate(seconds)]
    if not users:
        runs = [replace(run, users={}) for run in runs]
    return Line(label, {"ndcg@10": (mean, 0.0)} if runs else {}, p_value, runs, [])


# --- mean ranks -----------------------------------------------------------------------------

VALUES = {
    "A": np.array([0.9, 0.5, 0.3, 0.0]),  # ranks 1, 2.5, 1, 2
    "B": np.array([0.8, 0.7, 0.2, 0.0]),  # ranks 2, 1, 2, 2
    "C": np.array([0.1, 0.5, 0.1, 0.0]),  # ranks 3, 2.5, 3, 2
}


def test_mean_ranks_by_hand():
    ranks = mean_ranks.mean_ranks(VALUES, bigger=True, level=0.05)
    assert ranks.ranks == {"A": 6.5 / 4, "B": 7 / 4, "C": 10.5 / 4}
    assert list(ranks.ranks) == ["A", "B", "C"]
    assert ranks.n_users == 4
    assert ranks.groups == [["A", "B", "C"]]  # four users show nothing


def test_of_errors_the_lowest_has_rank_one():
    ranks = mean_ranks.mean_ranks(VALUES, bigger=False, level=0.05)
    assert ranks.ranks == {"C": 5.5 / 4, "B": 9 / 4, "A": 9.5 / 4}
    assert list(ranks.ranks) == ["C", "B", "A"]


def test_groups_are_the_largest_sets_without_a_difference(monkeypatch):
    """B is near A and C, which differ: two groups. D differs from all."""
    values = {name: np.array([number, number]) for number, name in enumerate("DCBA")}
    near = {frozenset("AB"), frozenset("BC")}

    def all_pairs(given):
        pairs = [frozenset((one, two)) for one in given for two in given if one < two]
        return {pair: (0.001, 0.06 if pair in near else 0.05) for pair in pairs}

    monkeypatch.setattr(mean_ranks.significance, "all_pairs", all_pairs)
    ranks = mean_ranks.mean_ranks(values, bigger=True, level=0.05)
    assert ranks.ranks == {"A": 1, "B": 2, "C": 3, "D": 4}
    assert ranks.groups == [["A", "B"], ["B", "C"]]
    near.add(frozenset("AC"))
    ranks = mean_ranks.mean_ranks(values, bigger=True, level=0.05)
    assert ranks.groups == [["A", "B", "C"]]
    near.clear()
    ranks = mean_ranks.mean_ranks(values, bigger=True, level=0.05)
    assert ranks.groups == []
    assert mean_ranks.sentence(ranks) == (
        "Mean ranks over 2 users: A 1.00; B 2.00; C 3.00; D 4.00. "
        "All pairs of models differ significantly."
    )


def test_groups_follow_the_corrected_tests():
    random = np.random.default_rng(3)
    first = random.random(200)
    noise = random.normal(size=200) * 1e-3
    values = {"far": first - 0.3, "near": first + noise, "best": first}
    ranks = mean_ranks.mean_ranks(values, bigger=True, level=0.05)
    assert [set(group) for group in ranks.groups] == [{"near", "best"}]
    assert ranks.ranks["far"] == 3


def test_the_diagram_has_each_mark_at_its_rank():
    ranks = MeanRanks({"A": 1.0, "B": 1.5, "C": 3.0}, [["A", "C"]], 9)
    picture = mean_ranks.svg(ranks)
    start, end = (float(x) for x in re.search(r'<line x1="(\S+)" \S+ x2="(\S+)"', picture).groups())
    ticks = re.findall(r'<text x="(\S+)" \S+ text-anchor="middle"[^>]*>(\d)</text>', picture)
    middle, quarter = ((start * (4 - n) + end * n) / 4 for n in (2, 1))
    assert [n for _, n in ticks] == ["1", "2", "3"]
    assert [float(x) for x, _ in ticks] == pytest.approx([start, middle, end], abs=0.06)
    corners = [float(x) for x in re.findall(r'points="(\S+?),', picture)]
    assert corners == pytest.approx([start, quarter, end], abs=0.06)
    dots = [float(x) for x in re.findall(r'<circle cx="(\S+?)"', picture)]
    assert dots == [start, end]  # B is between the two and not in their group
    assert re.findall(r">(\w  [\d.]+)</text>", picture) == ["A  1.00", "B  1.50", "C  3.00"]
    assert "(A = C)" in re.search(r'aria-label="([^"]*)"', picture).group(1)


# --- the paragraph --------------------------------------------------------------------------


def test_the_paragraph_names_ties_and_times():
    lines = [
        line("RecVAE", 0.33, None, [200.0, 240.0]),
        line("NCF, deep", 0.32, 0.9, [100.0, 110.0]),
        line("EASE", 0.31, 0.051, [0.2, 0.22]),
        line("BPR", 0.30, 0.05, [3.0]),
        line("Pop", 0.1, 0.001, [2.0]),
        line("Failed", 0.0, None, []),
    ]
    assert report_words.paragraph("ndcg@10", lines, 0.05) == (
        'RecVAE has the best mean ndcg@10, 0.3300. "NCF, deep" and EASE are not significantly '
        "different from RecVAE (p > 0.05, paired over users, Holm-corrected). Of these 3 models, "
        "EASE needs the least training, 0.21 s, and RecVAE the most, 220 s. The other 2 models "
        "differ significantly from RecVAE."
    )


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([], "No run has ended well, so there is nothing to compare."),
        ([line("A", 0.0, None, [])], "No run has ended well, so there is nothing to compare."),
        (
            [line("A", 0.5, None, [3.04])],
            "A has the best mean ndcg@10, 0.5000. No other model has results. "
            "A needs 3.0 s of training.",
        ),
        (
            [line("A", 0.5, None, [1234.4]), line("B", 0.4, 0.01, [1.0])],
            "A has the best mean ndcg@10, 0.5000. A needs 1,234 s of training. "
            "B differs significantly from A.",
        ),
        (
            [line("A", 0.5, None, [1.0], users=False), line("B", 0.4, None, [1.0], users=False)],
            "A has the best mean ndcg@10, 0.5000. The differences were not tested: values of users "
            "are missing.",
        ),
        (  # an RMSE of all rows and the mean of users' RMSE may have different models in front
            [line("A", 0.4, 0.02, [2.0]), line("B", 0.5, None, [1.0]), line("C", 0.6, 0.3, [4.0])],
            "A has the best mean ndcg@10, 0.4000. The tests compare values of users, whose mean is "
            "the best for B. C is not significantly different from B (p > 0.05, paired over users, "
            "Holm-corrected). Of these 2 models, B needs the least training, 1.0 s, and C the "
            "most, 4.0 s. A differs significantly from B.",
        ),
        (
            [
                line("A", 0.5, None, [1.0]),
                line("B", 0.4, None, [1.0], users=False),
                line("C", 0.3, 0.2, [2.0]),
            ],
            "A has the best mean ndcg@10, 0.5000. C is not significantly different from A "
            "(p > 0.05, paired over users, Holm-corrected). Of these 2 models, A needs the least "
            "training, 1.0 s, and C the most, 2.0 s.",
        ),
    ],
)
def test_paragraphs_of_other_tables(lines, words):
    assert report_words.paragraph("ndcg@10", lines, 0.05) == words


# --- costs ----------------------------------------------------------------------------------


def test_costs_by_hand():
    first = [
        made("A", 1, seconds=100.0, setup_seconds=0.5, test_seconds=0.25),
        made("A", 2, seconds=104.0, setup_seconds=0.7, test_seconds=0.25),
    ]
    second = [made("B", 1, seconds=2.0)]  # of an earlier release
    lines = [
        Line("A", {}, None, first, []),
        Line("B", {}, 0.5, second, []),
        Line("failed", {}, None, [], ["why"]),
    ]
    users = {"A": np.array([0.1, 0.2, 0.3]), "B": np.array([0.1, 0.25, 0.3])}
    assert report_words.costs(lines, users) == [
        ["A", "102 ± 3", "0.60 ± 0.14", "0.25 ± 0.00", "5", ""],
        ["B", "2.0", "-", "-", "5", "2 of 3"],
    ]
    assert [row[-1] for row in report_words.costs(lines, {})] == ["-", "-"]


# --- names with any character ---------------------------------------------------------------

NAMES = ["a|b <i>x</i> & c", "<script>alert(1)</script>", 'quo"te `tick` *star*', "plain"]


class Texts(HTMLParser):
    """The tags of a page outside pictures, and its cells."""

    def __init__(self):
        super().__init__()
        self.tags, self.cells, self.inside = [], [], None

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.inside = tag if tag in ("th", "text", "summary") else None

    def handle_endtag(self, tag):
        self.inside = None

    def handle_data(self, data):
        if self.inside:
            self.cells.append(data.strip())


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A report of models with such names, one of which has failed."""
    folder = tmp_path_factory.mktemp("report")
    plan = Plan(
        datasets=["made"],
        protocols={"default": "ndcg@10"},
        seeds=[1, 2],
        trials=None,
        timeout=None,
        settings={},
        models={name: Model("BPR", {}, []) for name in NAMES},
    )
    random = np.random.default_rng(0)
    results = []
    for place, name in enumerate(NAMES):
        users = random.random(30) + 1 - place / 4
        results += [made(name, seed, users.round(3), seconds=1.5) for seed in (1, 2)]
    results[-1] = replace(results[-1], error="a < b | c")
    report.write(folder, plan, results, "recbole-ext benchmark plan.yaml")
    return folder


def test_the_page_shows_names_as_they_are(written):
    page = (written / "report.html").read_text(encoding="utf-8")
    body = page[page.index("<body>") :]
    texts = Texts()
    texts.feed(body)
    for name in NAMES:
        assert name in texts.cells  # in the tables
        assert any(cell.startswith(f"{name}  ") for cell in texts.cells)  # in the diagram
        assert f"{name}: BPR" in texts.cells
    assert "i" not in texts.tags
    assert "alert(1)</script>" not in body
    assert "a &lt; b | c" in body


def test_markdown_shows_names_as_they_are(written):
    text = (written / "report.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    of_table = {}
    for row in rows:
        cells = re.split(r"(?<!\\)\|", row)[1:-1]
        of_table.setdefault(len(cells), []).append(cells[0].strip())
    for names in of_table.values():  # each table has its columns in every row
        shown = [re.sub(r"\\(.)", r"\1", name) for name in names[1:]]
        plain = [name.replace("&lt;", "<").replace("&amp;", "&") for name in shown]
        assert sorted(plain) == sorted(NAMES)
    outside_code = re.sub(r"^    .*$", "", text, flags=re.M)
    assert "<" not in outside_code
    assert r"a &lt; b \| c (seed 2)" in text


def test_text_for_markdown():
    assert report_words.for_markdown("a|b <i>&amp; *c* `d` [e](f) g_h \\") == (
        r"a\|b &lt;i>&amp;amp; \*c\* \`d\` \[e\](f) g_h \\"
    )


def test_pictures_show_names_as_they_are(written):
    """plotly reads tags in names, and writes < as an escape of JavaScript."""
    page = (written / "report.html").read_text(encoding="utf-8")
    body = page[page.index("<body>") :]
    assert r"\u003ci\u003ex" not in body
    assert r"a|b \u0026lt;i" in body or "a|b &lt;i" in body


def test_one_run_has_no_standard_deviation():
    lines = [line("A", 0.5, None, [1.0]), line("B", 0.25, 0.5, [1.0, 2.0])]
    _, rows = summary.table("ndcg@10", lines)
    assert [row[1] for row in rows] == ["0.5000", "0.2500 ± 0.0000"]
