import re
from pathlib import Path

import numpy as np
import pytest

from recbole_ext.data import describe, interaction_file
from tests import runs


def description(lines: list[tuple]) -> describe.Description:
    runs.write_inter(Path("dataset"), "d", lines)
    return describe.describe(interaction_file.read(Path("dataset/d/d.inter")))


def test_figures_by_hand():
    found = description(
        [("u", "a", 5, 100), ("v", "a", 4, 50), ("w", "a", 5, 300), ("u", "b", 2, 200)]
    )
    assert (found.users, found.items, found.rows) == (3, 2, 4)
    assert found.density == 4 / 6
    assert found.per_user.tolist() == [2, 1, 1]
    assert found.per_item.tolist() == [3, 1]
    assert found.histogram == {2.0: 1, 4.0: 1, 5.0: 2}
    assert (found.mean, found.std) == (4.0, pytest.approx(np.std([5, 4, 5, 2])))
    assert found.popular == {"a": 3, "b": 1}
    assert found.heads[0.5] == 0.75
    assert found.gini == pytest.approx(0.25)  # |3 - 1| / (2 * 2 * mean 2) * ...
    assert (found.first, found.last) == (50, 300)


def test_gini_is_the_mean_absolute_difference():
    random = np.random.default_rng(0)
    lines = [(u, i, 3, 1) for u, i in enumerate(random.zipf(1.7, size=300) % 40)]
    found = description(lines)
    x = found.per_item
    expected = np.abs(x[:, None] - x).mean() / (2 * x.mean())
    assert found.gini == pytest.approx(expected)


def test_a_file_of_pairs_alone(tmp_path):
    (tmp_path / "d.inter").write_text("user_id:token\titem_id:token\n1\t2\n")
    found = describe.describe(interaction_file.read(tmp_path / "d.inter"))
    assert found.histogram == {}
    assert np.isnan(found.mean)
    assert np.isnan(found.first)
    describe.write_page(found, "d", tmp_path / "d.html")


def test_the_page_needs_no_network(tmp_path):
    found = description([("u", "a", 5, 100), ("v", "b", 4, 50)])
    describe.write_page(found, "made", tmp_path / "d.html")
    text = (tmp_path / "d.html").read_text(encoding="utf-8")
    assert "<h1>made</h1>\n<p>2 users, 2 items, 2 interactions, density 50.00%</p>" in text
    assert 'src="http' not in text
    assert [path.name for path in tmp_path.glob("*.part")] == []


def test_a_name_is_text_on_the_page(tmp_path):
    """A folder may have any name; the browser must not run it."""
    name = "<script>alert(1)</script> & <b>"
    shown = "&lt;script&gt;alert(1)&lt;/script&gt; &amp; &lt;b&gt;"
    describe.write_page(description([("u", "a", 5, 100), ("v", "b", 4, 50)]), name, tmp_path / "d")
    text = (tmp_path / "d").read_text(encoding="utf-8")
    assert "alert(1)</script>" not in text
    assert f"<title>{shown}</title>" in text
    assert f"<h1>{shown}</h1>" in text
    titles = re.findall(r'"title":\{"text":"([^"]*)"\},"xaxis"', text)
    assert len(titles) <= 4  # the plots' own, which name no data set
    assert not any("alert" in title for title in titles)
