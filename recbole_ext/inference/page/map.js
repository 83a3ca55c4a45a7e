// The map of the items: a canvas that is dragged, zoomed, and moved by keys.

const GRID = 65535;
const N_COLOURS = 8; // genres with a colour of their own, --genre-0 to --genre-7
const MOST_SCALE = 60;

// ``open`` is called with the place of an item.
function itemMap({ canvas, tip, live, open }) {
  const x = unpack(content.map.x), y = unpack(content.map.y);
  const colourOf = Array.from(items, (_, item) => {
    for (let n = genres.starts[item]; n < genres.starts[item + 1]; n++) {
      if (genres.at[n] < N_COLOURS) return genres.at[n];
    }
    return N_COLOURS;
  });
  const mostPeople = Math.max(1, counts.reduce((most, count) => Math.max(most, count), 0));
  const byPopularity = Array.from(items.keys()).sort((one, other) => counts[other] - counts[one]);
  const paper = canvas.getContext("2d");
  const view = { scale: 1, x: 0.5, y: 0.5 }; // what is in the middle
  let width = 0, height = 0, genre = null, marks = { current: null, has: [], recommended: [] };
  let hovered = null, byKeys = false, colours = {}, waiting = false;

  const side = () => Math.min(width, height) - 44;
  const screen = (item) => [
    width / 2 + (x[item] / GRID - view.x) * side() * view.scale,
    height / 2 + (y[item] / GRID - view.y) * side() * view.scale,
  ];
  const radius = (item) => (1.8 + 3.2 * Math.sqrt(counts[item] / mostPeople))
    * Math.min(2, view.scale ** 0.3);

  function readColours() {
    const style = getComputedStyle(canvas);
    const read = (name) => style.getPropertyValue(name).trim();
    colours = {
      ink: read("--ink"), paper: read("--paper"), accent: read("--accent"),
      genres: Array.from({ length: N_COLOURS + 1 }, (_, n) => read(`--genre-${n}`)),
      font: `12px ${style.fontFamily}`,
    };
  }

  function dotAt(item, [left, top], fill, stroke, more) {
    paper.beginPath();
    paper.arc(left, top, radius(item) + more, 0, 2 * Math.PI);
    if (fill) {
      paper.fillStyle = fill;
      paper.fill();
    }
    if (stroke) {
      paper.strokeStyle = stroke;
      paper.lineWidth = 2;
      paper.stroke();
    }
  }

  function draw() {
    waiting = false;
    if (!width) return; // not laid out yet
    const ratio = window.devicePixelRatio || 1;
    paper.setTransform(ratio, 0, 0, ratio, 0, 0);
    paper.clearRect(0, 0, width, height);
    const marked = new Set([...marks.has, ...marks.recommended]);
    if (marks.current !== null) marked.add(marks.current);
    const isIn = ([left, top]) => left > -9 && top > -9 && left < width + 9 && top < height + 9;
    for (const item of [...byPopularity].reverse()) {
      const at = screen(item);
      if (!isIn(at)) continue;
      const fits = genre === null ? !marked.size || marked.has(item) : hasGenre(item, genre);
      paper.globalAlpha = fits ? 0.9 : 0.22;
      dotAt(item, at, colours.genres[genre !== null && fits ? Math.min(genre, N_COLOURS) : colourOf[item]], null, 0);
    }
    paper.globalAlpha = 1;
    for (const item of marks.has) dotAt(item, screen(item), colours.ink, null, 0.5);
    for (const item of marks.recommended) dotAt(item, screen(item), null, colours.accent, 2.5);
    if (marks.current !== null) {
      dotAt(marks.current, screen(marks.current), colours.accent, colours.paper, 3);
    }
    drawNames(isIn);
    if (byKeys) drawCross();
  }

  function drawNames(isIn) {
    const first = [hovered, marks.current, ...marks.recommended].filter((item) => item !== null);
    const popular = byPopularity.filter((item) => genre === null || hasGenre(item, genre));
    const boxes = [];
    paper.font = colours.font;
    paper.textBaseline = "middle";
    paper.lineJoin = "round";
    for (const item of new Set([...first, ...popular])) {
      if (boxes.length >= (width > 500 ? 22 : 12)) break;
      const at = screen(item);
      if (!isIn(at)) continue;
      const whole = titleOf(item), name = whole.length > 26 ? `${whole.slice(0, 25)}\u2026` : whole;
      const long = paper.measureText(name).width;
      const left = at[0] + radius(item) + 4 + long < width - 2 ? at[0] + radius(item) + 4
        : at[0] - radius(item) - 4 - long;
      const box = [left - 3, at[1] - 8, left + long + 3, at[1] + 8];
      if (box[0] < 0 || box[1] < 0 || box[3] > height) continue;
      if (boxes.some((b) => b[0] < box[2] && box[0] < b[2] && b[1] < box[3] && box[1] < b[3])) continue;
      boxes.push(box);
      paper.lineWidth = 4.5;
      paper.strokeStyle = colours.paper;
      paper.strokeText(name, left, at[1]);
      paper.fillStyle = colours.ink;
      paper.fillText(name, left, at[1]);
    }
  }

  function drawCross() {
    paper.strokeStyle = colours.ink;
    paper.lineWidth = 1.5;
    paper.beginPath();
    for (const [a, b] of [[-14, -5], [5, 14]]) {
      paper.moveTo(width / 2 + a, height / 2);
      paper.lineTo(width / 2 + b, height / 2);
      paper.moveTo(width / 2, height / 2 + a);
      paper.lineTo(width / 2, height / 2 + b);
    }
    paper.stroke();
  }

  function redraw() {
    if (!waiting) {
      waiting = true;
      requestAnimationFrame(draw);
    }
  }

  function hasGenre(item, wanted) {
    for (let n = genres.starts[item]; n < genres.starts[item + 1]; n++) {
      if (genres.at[n] === wanted) return true;
    }
    return false;
  }

  // The item nearest to a place of the canvas, if it is near enough.
  function nearest(left, top, reach) {
    let best = null, distance = reach;
    for (let item = 0; item < items.length; item++) {
      const [a, b] = screen(item);
      const away = Math.max(0, Math.hypot(a - left, b - top) - radius(item));
      if (away < distance) {
        best = item;
        distance = away;
      }
    }
    return best;
  }

  function zoom(factor, left = width / 2, top = height / 2) {
    const scale = Math.min(MOST_SCALE, Math.max(1, view.scale * factor));
    const before = side() * view.scale, after = side() * scale;
    view.x += (left - width / 2) * (1 / before - 1 / after);
    view.y += (top - height / 2) * (1 / before - 1 / after);
    view.scale = scale;
    keepIn();
  }

  function pan(left, top) {
    view.x -= left / (side() * view.scale);
    view.y -= top / (side() * view.scale);
    keepIn();
  }

  function keepIn() {
    view.x = Math.min(1, Math.max(0, view.x));
    view.y = Math.min(1, Math.max(0, view.y));
    hover(null);
    redraw();
  }

  function reset() {
    Object.assign(view, { scale: 1, x: 0.5, y: 0.5 });
    keepIn();
  }

  function hover(item) {
    hovered = item;
    canvas.style.cursor = item === null ? "grab" : "pointer";
    tip.hidden = item === null;
    if (item === null) return;
    const [left, top] = screen(item);
    tip.textContent = [titleOf(item), genresOf(item).join(", ")].filter(Boolean).join(" \u00b7 ");
    tip.style.left = `${Math.min(Math.max(left, 90), width - 90)}px`;
    tip.style.top = `${top > 60 ? top - 14 : top + 44}px`;
  }

  // --- the pointer ---

  const pointers = new Map();
  let moved = 0;
  const placeIn = (event) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, placeIn(event));
    if (pointers.size === 1) moved = 0;
    byKeys = false;
  });
  canvas.addEventListener("pointermove", (event) => {
    const now = placeIn(event), before = pointers.get(event.pointerId);
    if (!before) {
      hover(nearest(...now, 12));
      return;
    }
    if (pointers.size === 1) {
      moved += Math.hypot(now[0] - before[0], now[1] - before[1]);
      pan(now[0] - before[0], now[1] - before[1]);
    } else {
      moved = Infinity;
      const other = [...pointers].find(([id]) => id !== event.pointerId)[1];
      const apart = (at) => Math.hypot(at[0] - other[0], at[1] - other[1]);
      zoom(apart(now) / Math.max(1, apart(before)), (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
    }
    pointers.set(event.pointerId, now);
  });
  const release = (event) => {
    const was = pointers.delete(event.pointerId);
    if (event.type !== "pointerup" || !was || moved > 5) return;
    const item = nearest(...placeIn(event), 16);
    if (item !== null) open(item);
  };
  canvas.addEventListener("pointerup", release);
  canvas.addEventListener("pointercancel", release);
  canvas.addEventListener("pointerleave", () => hover(null));
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0015)), ...placeIn(event));
  }, { passive: false });

  // --- the keyboard ---

  const KEYS = {
    ArrowLeft: () => pan(40, 0), ArrowRight: () => pan(-40, 0),
    ArrowUp: () => pan(0, 40), ArrowDown: () => pan(0, -40),
    "+": () => zoom(1.4), "=": () => zoom(1.4), "-": () => zoom(1 / 1.4), 0: reset,
  };
  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const inTheMiddle = nearest(width / 2, height / 2, Infinity);
    if (event.key === "Enter") {
      if (inTheMiddle !== null) open(inTheMiddle);
    } else if (KEYS[event.key]) {
      byKeys = true;
      KEYS[event.key]();
      hover(nearest(width / 2, height / 2, Infinity));
      live.textContent = `Nearest to the middle: ${titleOf(hovered)}`;
    } else {
      return;
    }
    event.preventDefault();
  });
  canvas.addEventListener("focus", () => {
    byKeys = canvas.matches(":focus-visible");
    redraw();
  });
  canvas.addEventListener("blur", () => {
    byKeys = false;
    hover(null);
    redraw();
  });

  function resize() {
    const box = canvas.getBoundingClientRect(), ratio = window.devicePixelRatio || 1;
    if (!box.width) return;
    width = box.width;
    height = box.height;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    readColours();
    redraw();
  }
  new ResizeObserver(resize).observe(canvas);
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", resize);

  return {
    zoom, reset,
    showGenre(wanted) {
      genre = wanted;
      redraw();
    },
    mark(wanted) {
      marks = { current: null, has: [], recommended: [], ...wanted };
      redraw();
    },
  };
}
