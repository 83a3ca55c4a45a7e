// Finding users and items by typing: a text field with a list of matches (ARIA's combobox).

const MOST_MATCHES = 12;

// Without case and accents.
function plain(text) {
  return text.normalize("NFD").replace(/[\u0300-\u036f]/g, "").toLowerCase();
}

const plainTitles = content.titles.map(plain);
const plainItems = items.map(plain);
const plainUsers = users.map(plain);

// How well a text matches: 0 equal, 1 begins with the words, 2 begins with the letters, 3 has a word
// that does, 4 has the letters; null is not at all.
function rankOf(text, query) {
  const at = text.indexOf(query);
  if (at < 0) return null;
  if (text.length === query.length) return 0;
  if (at === 0) return /[\p{L}\p{N}]/u.test(text[query.length]) ? 2 : 1;
  return /[\p{L}\p{N}]/u.test(text[at - 1]) ? 4 : 3;
}

const inOrder = new Intl.Collator("en", { numeric: true }); // 9 before 10

function idOf({ kind, place }) {
  return (kind === "user" ? users : items)[place];
}

// Letters inside an id say less than those inside a title.
function ofIds(rank) {
  return rank !== null && rank > 2 ? rank + 2 : rank;
}

// The best matches, equal ones with the item that most people have first: {kind, place}.
function matchesOf(typed, kinds) {
  const query = plain(typed.trim());
  const ranked = [];
  if (!query) return ranked;
  const consider = (kind, place, rank, weight) => {
    if (rank !== null) ranked.push({ kind, place, rank, weight });
  };
  if (kinds.includes("item")) {
    plainTitles.forEach((title, place) => {
      const ranks = [rankOf(title, query), ofIds(rankOf(plainItems[place], query))];
      const known = ranks.filter((rank) => rank !== null);
      consider("item", place, known.length ? Math.min(...known) : null, counts[place]);
    });
  }
  if (kinds.includes("user")) {
    plainUsers.forEach((id, place) => consider("user", place, ofIds(rankOf(id, query)), 0));
  }
  ranked.sort((one, other) => one.rank - other.rank
    || (one.kind === other.kind ? other.weight - one.weight : one.kind === "user" ? -1 : 1)
    || inOrder.compare(idOf(one), idOf(other)));
  return withBothKinds(ranked);
}

// The first matches; if all are of one kind, the last ones make way for the best of the other.
function withBothKinds(ranked) {
  const first = ranked.slice(0, MOST_MATCHES);
  const absent = ranked.find(({ kind }) => first.length && !first.some((one) => one.kind === kind));
  if (!absent) return first;
  const others = ranked.filter(({ kind }) => kind === absent.kind).slice(0, 3);
  return [...first.slice(0, MOST_MATCHES - others.length), ...others];
}

let comboboxes = 0;

// The field, its label and its list. ``choose`` is called with {kind, place}.
function combobox({ label, hint, kinds, choose }) {
  const id = `find${++comboboxes}`;
  const input = element("input", {
    id, type: "text", role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false",
    "aria-controls": `${id}-list`, autocomplete: "off", autocapitalize: "off", spellcheck: "false",
    placeholder: hint, enterkeyhint: "go",
  });
  const list = element("ul", { id: `${id}-list`, role: "listbox", "aria-label": label, hidden: "" });
  const status = element("p", { class: "visually-hidden", role: "status" });
  const nothing = element("p", { class: "nothing", hidden: "" });
  let matches = [], active = -1;

  const close = () => {
    list.hidden = true;
    nothing.hidden = true;
    active = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  };
  const activate = (next) => {
    active = next;
    [...list.children].forEach((option, n) => option.setAttribute("aria-selected", n === active));
    if (active < 0) {
      input.removeAttribute("aria-activedescendant");
      return;
    }
    input.setAttribute("aria-activedescendant", list.children[active].id);
    list.children[active].scrollIntoView({ block: "nearest" });
  };
  const pick = (match) => {
    input.value = "";
    status.textContent = "";
    close();
    choose(match);
  };
  const show = () => {
    const typed = input.value.trim();
    if (!typed) {
      status.textContent = "";
      close();
      return;
    }
    matches = matchesOf(typed, kinds);
    list.replaceChildren(...matches.map((match, n) => optionOf(match, `${id}-${n}`, () => pick(match))));
    list.hidden = !matches.length;
    input.setAttribute("aria-expanded", String(matches.length > 0));
    nothing.hidden = matches.length > 0;
    nothing.textContent = matches.length ? "" : `Nothing matches \u201c${typed}\u201d.${absentUsers(kinds)}`;
    status.textContent = matches.length
      ? plural(matches.length, "match", "matches") : nothing.textContent;
    activate(matches.length ? 0 : -1);
  };
  input.addEventListener("input", show);
  input.addEventListener("focus", () => { if (input.value) show(); });
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      if (list.hidden) input.value = "";
      close();
    } else if (event.key === "Enter" && active >= 0 && !list.hidden) {
      pick(matches[active]);
    } else if (event.key === "ArrowDown" && list.hidden) {
      show();
    } else if (event.key === "ArrowDown") {
      activate((active + 1) % matches.length);
    } else if (event.key === "ArrowUp" && !list.hidden) {
      activate((active - 1 + matches.length) % matches.length);
    } else {
      return;
    }
    event.preventDefault();
  });
  return element("div", { class: "combobox" },
    element("label", { for: id }, label), element("div", { class: "field" }, input, list, nothing), status);
}

function absentUsers(kinds) {
  return kinds.includes("user") && users.length < content.totals.users
    ? ` The page has the ${wholeNumber.format(users.length)} most active users.` : "";
}

function optionOf({ kind, place }, id, pick) {
  const [name, more] = kind === "user"
    ? [`User ${users[place]}`, plural(histories.lengths[place], "item", "items")]
    : [titleOf(place), `item ${items[place]}`];
  return element("li", {
    id, role: "option", "aria-selected": "false",
    // before the field loses its focus
    onmousedown: (event) => event.preventDefault(),
    onclick: pick,
  }, element("span", { class: "name" }, name), element("span", { class: "soft" }, more));
}
