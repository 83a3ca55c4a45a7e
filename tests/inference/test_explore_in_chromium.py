"""The page of `explore` in Chromium, where there is one: its arithmetic, its keys, its looks."""

import json
from typing import Any
from urllib.parse import quote

import pytest

from tests.inference import chromium
from tests.inference.test_explore import BY_ITEMS, EVIL, PICKS, evil, page_of

__all__ = ["evil", "page_of"]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.skipif(chromium.BINARY is None, reason="Chromium is not installed"),
]

PERSON = "#person=" + ",".join(f"{item}:{rating:g}" for item, rating in PICKS.items())
ROWS = """[...document.querySelectorAll("#view section:first-of-type tbody tr")].map((row) => [
  row.dataset.item, parseFloat(row.querySelector(".score").textContent.replace("\u2212", "-")),
  row.querySelector(".because") ? row.querySelector(".because").textContent : ""])"""
SHOW_ALL = "document.querySelectorAll('#view button.quiet').forEach((button) => button.click())"
HEADING = "document.getElementById('heading').textContent"
FOCUS = "document.activeElement.id || document.activeElement.textContent"
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "by items, centred": ("AutoRec", {"centring": "bias", "damping": 2.0, "reg_weight": 0.05}),
    "by items, SVD++": ("AutoRec", {"reg_weight": 0.05, **BY_ITEMS["SVD++"]}),
    "by items, classes": ("AutoRec", {"loss_type": "CE", "reg_weight": 0.01}),
    "by items, sigmoid": (
        "AutoRec",
        {"out_activation": "sigmoid", "centring": "mean", "reg_weight": 0.01},
    ),
    "by users, deep": (
        "AutoRec",
        {
            **{"orientation": "user", "mlp_hidden_size": [7, 5], "mask_input_scale": 1.0},
            **{"hid_activation": "selu", "out_activation": "tanh", "centring": "bias"},
            "standardise": True,
        },
    ),
    "by users, classes": ("AutoRec", {"orientation": "user", "loss_type": "CE"}),
    "EASE": ("EASE", {}),
    "ItemKNN": ("ItemKNN", {"k": 5}),
}


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    one = chromium.Chromium(tmp_path_factory.mktemp("profile"))
    yield one
    one.close()


@pytest.mark.parametrize("kind", MODELS)
def test_a_new_person_gets_the_list_of_recommend_for(kind, browser, page_of):
    """The page's own script; reasons are those of `explain_for`."""
    model, settings = MODELS[kind]
    recommender, page, content = page_of(model, **settings)
    rated = content["newPerson"]["ratings"] is not None
    picks = PICKS if rated else list(PICKS)
    browser.open(page, PERSON)
    browser.run(SHOW_ALL)
    rows = browser.run(ROWS)
    frame = recommender.recommend_for(picks, k=20)
    assert [item for item, _, _ in rows][:10] == frame["item_id"].tolist()[:10]
    assert [score for _, score, _ in rows] == pytest.approx(frame["score"].tolist(), abs=0.01)
    reasons = recommender.explain_for(picks, frame["item_id"][:10], k_reasons=1)
    first = reasons.drop_duplicates("item_id").set_index("item_id")
    for item, _, because in rows[:10]:
        if item in first.index and first["contribution"][item] > 0.02:
            text = first["title"][item] + "\u00a0+"
            assert because.startswith(text), (because, text)


def test_a_user_is_found_by_keys_alone(browser, page_of):
    recommender, page, _ = page_of("AutoRec")
    browser.open(page)
    for _ in range(4):  # past the links of the header
        browser.press("Tab")
    assert browser.run("document.activeElement.getAttribute('role')") == "combobox"
    browser.type("u12")
    assert browser.run("document.activeElement.getAttribute('aria-expanded')") == "true"
    active = "document.getElementById(document.activeElement.getAttribute('aria-activedescendant'))"
    assert browser.run(f"{active}.textContent").startswith("User u12")
    browser.press("Enter")
    browser.wait(f"{HEADING} === 'User u12'")
    assert browser.run(FOCUS) == "heading"
    rows = browser.run(ROWS)
    frame = recommender.recommend("u12", k=10)
    assert [item for item, _, _ in rows] == frame["item_id"].tolist()[: len(rows)]
    assert [score for _, score, _ in rows] == pytest.approx(
        frame["score"].tolist()[: len(rows)], abs=1e-3
    )
    # down the list, and on to an item
    browser.press("Tab", "ArrowDown", "ArrowDown", "ArrowUp", "ArrowDown")
    assert browser.run(FOCUS) == frame["title"][2]
    browser.press("Enter")
    browser.wait(f"{HEADING} === {json.dumps(frame['title'][2])}")


def test_an_item_is_found_by_a_word_of_its_title(browser, page_of):
    _, page, _ = page_of("AutoRec")
    browser.open(page)
    browser.run("document.querySelector('#search input').focus()")
    browser.type("film 1")
    options = browser.run(
        "[...document.querySelectorAll('#search li .name')].map(x => x.textContent)"
    )
    assert options[0].startswith("Film 1,")
    assert all("Film 1" in option for option in options[:5])
    browser.press("ArrowDown", "Escape")
    assert browser.run("document.querySelector('#search ul').hidden")
    browser.run("document.querySelector('#search input').value = ''")
    browser.type("none such")
    assert "Nothing matches" in browser.run(
        "document.querySelector('#search .nothing').textContent"
    )


def test_picks_are_added_rated_and_removed(browser, page_of):
    recommender, page, _ = page_of("AutoRec")
    browser.open(page, "#person=")
    browser.run("document.querySelector('#view input').focus()")
    browser.type("i3")
    browser.press("Enter")
    browser.wait("document.querySelectorAll('.picks li').length === 1")
    assert browser.run("document.activeElement.getAttribute('role')") == "combobox"
    browser.type("i4")
    browser.press("Enter")
    browser.wait("document.querySelectorAll('.picks li').length === 2")
    browser.run(
        "{const s = document.querySelectorAll('.picks select')[1]; s.value = '1';"
        " s.dispatchEvent(new Event('change'))}"
    )
    browser.wait("location.hash === '#person=i3:5,i4:1'")
    frame = recommender.recommend_for({"i3": 5, "i4": 1}, k=10)
    browser.wait(f"{ROWS}.map(row => row[0]).join() === {json.dumps(','.join(frame['item_id']))}")
    assert browser.run("document.activeElement.tagName") == "SELECT"
    browser.run("document.querySelectorAll('.picks .remove')[0].click()")
    browser.wait("location.hash === '#person=i4:1'")


def test_the_map_is_moved_and_opened_by_keys(browser, page_of):
    _, page, _ = page_of("AutoRec")
    browser.open(page)
    browser.run("document.querySelector('canvas').focus()")
    browser.press("+", "ArrowRight")
    said = browser.run("document.getElementById('map-live').textContent")
    assert said.startswith("Nearest to the middle: ")
    browser.press("Enter")
    browser.wait(f"{HEADING} === {json.dumps(said.removeprefix('Nearest to the middle: '))}")
    assert browser.run("document.activeElement.tagName") == "CANVAS"


def test_ids_and_titles_are_text(browser, evil):
    browser.open(evil, f"#user={quote(EVIL, safe='')}")
    assert browser.run(HEADING) == f"User {EVIL}"
    browser.open(evil, f"#item={quote(EVIL, safe='')}")
    assert EVIL in browser.run("document.querySelector('#view p').textContent")
    for word in ("script", "img"):
        browser.run("{const i = document.querySelector('#search input'); i.focus(); i.value = ''}")
        browser.type(word)
        assert browser.run("document.querySelectorAll('#search li').length") >= 2
    assert not browser.run("'hacked' in window")
    assert browser.run("document.querySelectorAll('img, script').length") == 2


VIEWS = ("", "#user=u2", "#item=i3", PERSON, "#person=", "#user=nobody", "#item=%ZZ", "#what")


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("model", ["AutoRec", "BPR", "EASE"])
def test_nothing_is_wider_than_the_window_and_nothing_is_asked_for(model, width, browser, page_of):
    _, page, _ = page_of(model)
    browser.open(page, "", width)
    for view in VIEWS:
        browser.run(f"location.hash = {json.dumps(view)}")
        browser.wait(f"{HEADING} !== ''")
        assert browser.run("document.documentElement.scrollWidth") <= width, view
    assert browser.run("performance.getEntriesByType('resource').length") == 0
    assert browser.run("document.querySelectorAll('[id]').length") == browser.run(
        "new Set([...document.querySelectorAll('[id]')].map(x => x.id)).size"
    )


# The lowest contrast of text with what is behind it, by WCAG 2.2; and who has it.
CONTRAST = """(() => {
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((v) => v / 255)
      .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const behind = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const colour = numbers(getComputedStyle(at).backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour.slice(0, 3);
    }
  };
  let least = [99, ""];
  for (const node of document.querySelectorAll("body *")) {
    const text = [...node.childNodes].some((c) => c.nodeType === 3 && c.textContent.trim());
    if (!text || ["SCRIPT", "NOSCRIPT"].includes(node.tagName) || !node.offsetParent) continue;
    const one = light(numbers(getComputedStyle(node).color)), other = light(behind(node));
    const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    if (ratio < least[0]) least = [ratio, node.outerHTML.slice(0, 90)];
  }
  return least;
})()"""


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_text_has_contrast(dark, browser, page_of):
    _, page, _ = page_of("AutoRec")
    for view in ("", "#user=u2", "#item=i3", PERSON):
        browser.open(page, view, dark=dark)
        ratio, text = browser.run(CONTRAST)
        assert ratio >= 4.5, text
    paper = browser.run("getComputedStyle(document.body).backgroundColor")
    assert (paper == "rgb(255, 255, 255)") != dark


def test_controls_have_names(browser, page_of):
    _, page, _ = page_of("AutoRec")
    browser.open(page, PERSON)
    nodes = browser.send("Accessibility.getFullAXTree")["nodes"]
    roles = {
        "button",
        "combobox",
        "link",
        "listbox",
        "table",
        "application",
        "searchbox",
        "textbox",
    }
    checked = 0
    for node in nodes:
        if not node["ignored"] and node["role"]["value"] in roles:
            assert node["name"]["value"].strip(), node
            checked += 1
    assert checked > 20


def test_a_page_without_vectors_has_no_map(browser, page_of):
    _, page, _ = page_of("EASE")
    browser.open(page, "#user=u2")
    assert browser.run("document.querySelector('canvas')") is None
    assert "EASE does not say what its vectors are" in browser.run(
        "document.querySelector('.columns').textContent"
    )
    _, page, _ = page_of("BPR")
    browser.open(page, "#person=")
    assert "Not for this model: BPR cannot take in" in browser.run(
        "document.getElementById('view').textContent"
    )
