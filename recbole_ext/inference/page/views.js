// What the page shows of a user, of an item, of a new person, and before anything is chosen.

const FIRST_ROWS = 10;

// A table whose further rows a button shows. A column is {name, kind, cell(row, rank)}.
function table({ label, columns, rows, dataOf }) {
  const body = element("tbody", { role: "rowgroup" });
  const rowOf = (row, n) => element("tr", { role: "row", ...dataOf(row) }, columns.map((column) =>
    element(column.kind === "name" ? "th" : "td", {
      class: column.kind, role: column.kind === "name" ? "rowheader" : "cell",
      scope: column.kind === "name" ? "row" : null,
    }, column.cell(row, n + 1))));
  const show = (from, to) => body.append(...rows.slice(from, to).map((row, n) => rowOf(row, from + n)));
  show(0, FIRST_ROWS);
  body.addEventListener("keydown", moveInList);
  const whole = element("table", { role: "table", "aria-label": label },
    element("thead", { role: "rowgroup" }, element("tr", { role: "row" }, columns.map((column) =>
      element("th", { class: column.kind, role: "columnheader", scope: "col" }, column.name)))),
    body);
  if (rows.length <= FIRST_ROWS) return whole;
  const more = element("button", { type: "button", class: "quiet", onclick: () => {
    show(FIRST_ROWS, rows.length);
    more.remove();
    body.children[FIRST_ROWS].querySelector("a, button").focus();
  } }, `Show all ${wholeNumber.format(rows.length)}`);
  return [whole, more];
}

// Up and down go from name to name in a list.
function moveInList(event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step || event.target.matches("select")) return;
  const links = [...event.currentTarget.querySelectorAll("a")];
  const next = links[links.indexOf(event.target) + step];
  if (next) next.focus();
  event.preventDefault();
}

function itemLink(item) {
  return element("a", { href: hashOf("item", items[item]) }, titleOf(item));
}

function userLink(user) {
  return element("a", { href: hashOf("user", users[user]) }, `User ${users[user]}`);
}

const dataOfItem = ({ item }) => ({ "data-item": items[item] });
const RANK = { name: "#", kind: "rank", cell: (row, rank) => String(rank) };
const TITLE = { name: "Title", kind: "name", cell: ({ item }) => itemLink(item) };
const SCORE = {
  name: "Score", kind: "number score", cell: ({ score }) => scoreText(score),
};
const BECAUSE = {
  name: "Because", kind: "because",
  cell: ({ because }) => because.flatMap(({ item, contribution }, n) => [
    n ? " \u00b7 " : "", titleOf(item), "\u00a0",
    element("span", { class: "part" }, contributionText(contribution)),
  ]),
};

function section(title, ...children) {
  const id = `section-${title.toLowerCase().replace(/[^a-z]+/g, "-")}`;
  return element("section", { "aria-labelledby": id }, element("h3", { id }, title), ...children);
}

function soft(text) {
  return element("p", { class: "soft" }, text);
}

// Views return what is shown, the title, and what the map marks.

function userView(id) {
  const user = placeOfUser.get(id);
  if (user === undefined) return unknownView("user", id);
  const history = historyOf(user), rows = listOf(user), length = histories.lengths[user];
  const shown = history.length < length ? `, ${history.length} of them below` : "";
  const withReasons = rows.some(({ because }) => because.length);
  const columns = [RANK, TITLE, SCORE, ...(withReasons ? [BECAUSE] : [])];
  const rated = { name: "Rated", kind: "number", cell: ({ rating }) => String(Number(rating.toFixed(4))) };
  const historyColumns = [TITLE, ...(histories.ratings ? [rated] : [])];
  return {
    title: `User ${id}`,
    nodes: [
      soft(`Has ${plural(length, "item", "items")} in the training and validation data${shown}.`),
      section("Recommendations",
        rows.length ? table({ label: `Recommendations for user ${id}`, columns, rows, dataOf: dataOfItem })
          : soft("Nothing is left to recommend."),
        soft(reasons.none ? `No reasons: ${reasons.none}.` : `How reasons are computed: ${reasons.how}.`)),
      section("History", history.length
        ? table({ label: `History of user ${id}`, columns: historyColumns, rows: history, dataOf: dataOfItem })
        : soft("No item in the training and validation data.")),
    ],
    marks: { has: history.map(({ item }) => item), recommended: rows.slice(0, FIRST_ROWS).map(({ item }) => item) },
  };
}

function itemView(id) {
  const item = placeOfItem.get(id);
  if (item === undefined) return unknownView("item", id);
  const facts = [`Item ${id}`, genresOf(item).join(", "), plural(counts[item], "person has it", "people have it")];
  const near = similar.none ? [] : similarTo(item);
  const cosine = { name: "Cosine", kind: "number", cell: ({ cosine: value }) => decimal(value, 3) };
  return {
    title: titleOf(item),
    nodes: [
      soft(facts.filter(Boolean).join(" \u00b7 ")),
      content.newPerson.kind === "none" ? null : element("p", {}, element("a", {
        class: "button", href: personHash([{ item, rating: highestRating() }]) }, "I like this: recommend to me")),
      section("Similar items", similar.none ? soft(`None: ${similar.none}.`)
        : table({ label: `Items similar to ${titleOf(item)}`, columns: [RANK, TITLE, cosine], rows: near, dataOf: dataOfItem })),
      section("Recommended to", recommendedTo(item)),
    ],
    marks: { current: item, recommended: near.map((row) => row.item) },
  };
}

function recommendedTo(item) {
  const found = [];
  for (let user = 0; user < users.length; user++) {
    for (let n = lists.starts[user]; n < lists.starts[user + 1]; n++) {
      if (lists.items[n] === item) found.push({ user, rank: n - lists.starts[user] + 1 });
    }
  }
  if (!found.length) return soft("It is in no list of this page.");
  found.sort((one, other) => one.rank - other.rank);
  return table({
    label: "Users to whom it is recommended", rows: found,
    dataOf: ({ user }) => ({ "data-user": users[user] }),
    columns: [
      { name: "User", kind: "name", cell: ({ user }) => userLink(user) },
      { name: "Rank", kind: "number", cell: ({ rank }) => String(rank) },
    ],
  });
}

function unknownView(kind, id) {
  return {
    title: `No ${kind} ${id}`,
    nodes: [soft(`The page has no ${kind} with this id.${kind === "user" ? absentUsers(["user"]) : ""}`
      + " Type in the field above to find one.")],
    marks: {},
  };
}

function homeView() {
  const popular = Array.from(items.keys()).sort((one, other) => counts[other] - counts[one]).slice(0, 8);
  const active = Array.from(users.keys())
    .sort((one, other) => histories.lengths[other] - histories.lengths[one]).slice(0, 8);
  return {
    title: "Start here",
    nodes: [
      soft(`Type a user\u2019s id or a title above, ${content.map.none ? "" : "choose a dot on the map, "}or begin with one of these.`),
      section("Items that most people have", element("ul", { class: "chips" },
        popular.map((item) => element("li", {}, itemLink(item))))),
      section("Users with the longest histories", element("ul", { class: "chips" },
        active.map((user) => element("li", {}, userLink(user))))),
    ],
    marks: {},
  };
}

// --- a new person -------------------------------------------------------------------------------

function highestRating() {
  const levels = content.newPerson.ratings;
  return levels ? levels[levels.length - 1] : null;
}

function personHash(picks) {
  const parts = picks.map(({ item, rating }) =>
    encodeURIComponent(items[item]) + (rating === null ? "" : `:${rating}`));
  return `#person=${parts.join(",")}`;
}

// The picks that a hash names; what it names wrongly is left out.
function picksOf(text) {
  const levels = content.newPerson.ratings, picks = new Map();
  for (const part of text.split(",").filter(Boolean)) {
    const [id, rating] = part.split(":");
    const item = placeOfItem.get(decoded(id));
    if (item === undefined || picks.has(item)) continue;
    const known = levels && levels.includes(Number(rating)) ? Number(rating) : highestRating();
    picks.set(item, { item, rating: levels ? known : null });
  }
  return [...picks.values()];
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function personView(text, go) {
  const { newPerson } = content;
  if (newPerson.kind === "none") {
    return { title: "A new person", nodes: [soft(`Not for this model: ${newPerson.reason}.`)], marks: {} };
  }
  const picks = picksOf(text);
  const add = (item) => {
    const others = picks.filter((pick) => pick.item !== item);
    go(personHash([...others, { item, rating: highestRating() }]), "field");
  };
  const field = combobox({
    label: newPerson.ratings ? "Pick what you know, and rate it" : "Pick what you like",
    hint: "A title", kinds: ["item"], choose: ({ place }) => add(place),
  });
  const nodes = [field, picks.length ? pickList(picks, go) : quickPicks(add)];
  if (!picks.length) {
    return { title: "A new person", nodes, marks: {}, field };
  }
  const began = performance.now();
  const rows = recommendFor(picks, 20);
  const took = Math.max(1, Math.round(performance.now() - began));
  const withReasons = rows.some(({ because }) => because.length);
  nodes.push(section("Recommendations",
    table({ label: "Recommendations for you", columns: [RANK, TITLE, SCORE, ...(withReasons ? [BECAUSE] : [])], rows, dataOf: dataOfItem }),
    soft(`Computed in this page in ${took} ms, with weights rounded to 16 bits.`),
    withReasons && reasons.how ? soft(`How reasons are computed: ${reasons.how}.`) : null));
  return {
    title: "A new person", nodes, field,
    marks: { has: picks.map(({ item }) => item), recommended: rows.slice(0, FIRST_ROWS).map(({ item }) => item) },
    said: `${rows.length} recommendations; the first is ${titleOf(rows[0].item)}`,
  };
}

function pickList(picks, go) {
  const levels = content.newPerson.ratings;
  const list = element("ul", { class: "picks", "aria-label": "Picked" }, picks.map((pick, n) => {
    const name = titleOf(pick.item);
    const others = picks.filter((other) => other !== pick);
    const rate = levels && element("select", {
      "aria-label": `Rating of ${name}`,
      onchange: (event) => {
        const rated = { ...pick, rating: Number(event.target.value) };
        go(personHash(picks.map((other) => (other === pick ? rated : other))), `select:${n}`);
      },
    }, levels.map((level) => element("option", {
      value: level, selected: level === pick.rating ? "" : null }, String(level))));
    return element("li", {}, element("span", { class: "name" }, itemLink(pick.item)), rate,
      element("button", {
        type: "button", class: "remove", "aria-label": `Remove ${name}`,
        onclick: () => go(personHash(others), "field"),
      }, "\u00d7"));
  }));
  list.addEventListener("keydown", moveInList);
  return list;
}

function quickPicks(add) {
  const popular = Array.from(items.keys()).sort((one, other) => counts[other] - counts[one]).slice(0, 12);
  return section("Or begin with one of these", element("ul", { class: "chips" }, popular.map((item) =>
    element("li", {}, element("button", { type: "button", onclick: () => add(item) }, titleOf(item))))));
}
