// The page: a view for each hash, the search field above, the map beside.

const view = document.getElementById("view");
const heading = document.getElementById("heading");
const spoken = document.getElementById("spoken");

document.getElementById("search").append(combobox({
  label: "Find a user or an item", hint: "An id or a title", kinds: ["user", "item"],
  choose: ({ kind, place }) => go(hashOf(kind, idOf({ kind, place })), "heading"),
}));

const map = content.map.none ? null : setUpMap();

// Where the focus goes once the next view is there: heading, field, or a select by its number.
let focusNext = null;

function go(hash, focus) {
  focusNext = focus;
  if (location.hash === hash) route();
  else location.hash = hash;
}

function route() {
  const [name, ...rest] = location.hash.slice(1).split("=");
  const text = rest.join("=");
  const views = {
    user: () => userView(decoded(text)), item: () => itemView(decoded(text)),
    person: () => personView(text, go),
  };
  const next = (Object.hasOwn(views, name) ? views[name] : homeView)();
  heading.textContent = next.title;
  document.title = `${next.title} \u00b7 ${content.model} on ${content.dataset}`;
  view.replaceChildren(...next.nodes.filter(Boolean));
  spoken.textContent = next.said || "";
  for (const link of document.querySelectorAll("nav a")) {
    const current = link.getAttribute("href") === { "": "#", person: "#person=" }[name];
    if (current) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (map) {
    map.mark(next.marks);
    document.getElementById("map-marks").hidden = !Object.keys(next.marks).length;
  }
  focusOn(focusNext, next);
  focusNext = "heading";
}

function focusOn(place, next) {
  if (place === "field" && next.field) next.field.querySelector("input").focus();
  else if (place && place.startsWith("select:")) view.querySelectorAll(".picks select")[place.slice(7)].focus();
  else if (place) {
    heading.focus({ preventScroll: true });
    if (heading.getBoundingClientRect().top < 0) heading.scrollIntoView();
  }
}

function setUpMap() {
  const part = document.getElementById("map");
  const canvas = part.querySelector("canvas");
  const controls = itemMap({
    canvas, tip: document.getElementById("tip"), live: document.getElementById("map-live"),
    open: (item) => go(hashOf("item", items[item]), null),
  });
  canvas.setAttribute("aria-label", `Map of ${plural(items.length, "item", "items")}`);
  document.getElementById("map-how").textContent = `Items that the model takes for similar lie together (${content.map.how} of their vectors).`;
  part.querySelector("[data-zoom=in]").addEventListener("click", () => controls.zoom(1.6));
  part.querySelector("[data-zoom=out]").addEventListener("click", () => controls.zoom(1 / 1.6));
  part.querySelector("[data-zoom=all]").addEventListener("click", controls.reset);
  const legend = document.getElementById("legend");
  const buttons = genres.names.slice(0, 24).map((name, n) => element("button", {
    type: "button", "aria-pressed": "false",
    onclick: (event) => {
      const press = event.currentTarget.getAttribute("aria-pressed") === "false";
      buttons.forEach((button) => button.setAttribute("aria-pressed", String(press && button === event.currentTarget)));
      controls.showGenre(press ? n : null);
    },
  }, element("span", { class: `dot genre-${Math.min(n, N_COLOURS)}`, "aria-hidden": "true" }), name));
  legend.append(...buttons);
  legend.hidden = !buttons.length;
  part.hidden = false;
  return controls;
}

window.addEventListener("hashchange", route);
route();
