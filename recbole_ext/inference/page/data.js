// The content of the page: arrays out of base64, and the elements that show them.

const ARRAYS = {
  uint8: Uint8Array, uint16: Uint16Array, uint32: Uint32Array,
  int16: Int16Array, float32: Float32Array,
};

const content = JSON.parse(document.getElementById("content").textContent);

function bytesOf(base64) {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let n = 0; n < text.length; n++) bytes[n] = text.charCodeAt(n);
  return bytes;
}

function unpack(packed) {
  return packed && new ARRAYS[packed.type](bytesOf(packed.data).buffer);
}

// Every packed array of an object, unpacked; other values as they are.
function unpackAll(packed) {
  return Object.fromEntries(Object.entries(packed).map(
    ([name, value]) => [name, value && value.data !== undefined ? unpack(value) : value]));
}

// A matrix whose rows were rounded to 16 bits, as one array of numbers.
function matrix(quantised) {
  if (!quantised) return null;
  const steps = unpack(quantised.steps), scales = unpack(quantised.scales);
  const columns = quantised.columns, values = new Float32Array(steps.length);
  if (quantised.starts) {
    const starts = unpack(quantised.starts);
    for (let row = 0; row < scales.length; row++) {
      for (let n = starts[row]; n < starts[row + 1]; n++) values[n] = steps[n] * scales[row];
    }
    return { columns, values, starts, at: unpack(quantised.at), rows: scales.length };
  }
  for (let n = 0; n < steps.length; n++) values[n] = steps[n] * scales[(n / columns) | 0];
  return { columns, values, rows: scales.length };
}

const users = content.users;
const items = content.items;
const counts = unpack(content.counts);
const genres = unpackAll(content.genres);
const histories = unpackAll(content.histories);
const lists = unpackAll(content.lists);
const reasons = unpackAll(content.reasons);
const similar = unpackAll(content.similar);

const placeOfUser = new Map(users.map((id, place) => [id, place]));
const placeOfItem = new Map(items.map((id, place) => [id, place]));

function titleOf(item) {
  return content.titles[item] || `Item ${items[item]}`;
}

function genresOf(item) {
  const names = [];
  for (let n = genres.starts[item]; n < genres.starts[item + 1]; n++) {
    names.push(genres.names[genres.at[n]]);
  }
  return names;
}

function historyOf(user) {
  const rows = [];
  for (let n = histories.starts[user]; n < histories.starts[user + 1]; n++) {
    const rating = histories.ratings ? histories.levels[histories.ratings[n]] : null;
    rows.push({ item: histories.items[n], rating });
  }
  return rows;
}

function listOf(user) {
  const rows = [];
  for (let n = lists.starts[user]; n < lists.starts[user + 1]; n++) {
    const because = [];
    if (reasons.starts) {
      for (let r = reasons.starts[n]; r < reasons.starts[n + 1]; r++) {
        because.push({ item: reasons.items[r], contribution: reasons.contributions[r] });
      }
    }
    rows.push({ item: lists.items[n], score: lists.scores[n], because });
  }
  return rows;
}

function similarTo(item) {
  const rows = [];
  for (let n = item * similar.perItem; n < (item + 1) * similar.perItem; n++) {
    rows.push({ item: similar.items[n], cosine: similar.cosines[n] });
  }
  return rows;
}

// --- words ----------------------------------------------------------------------------------

const wholeNumber = new Intl.NumberFormat("en");

function plural(n, one, several) {
  return `${wholeNumber.format(n)} ${n === 1 ? one : several}`;
}

function decimal(value, digits) {
  return value.toFixed(digits).replace("-", "\u2212");
}

// Scores of one model are shown with as many digits as tell them apart.
const scoreDigits = lists.scores.some((score) => Math.abs(score) >= 100) ? 1 : 3;

function scoreText(score) {
  return decimal(score, scoreDigits);
}

function contributionText(value) {
  return (value < 0 ? "" : "+") + decimal(value, scoreDigits === 1 ? 1 : 2);
}

function hashOf(view, id) {
  return `#${view}=${encodeURIComponent(id)}`;
}

// --- elements -------------------------------------------------------------------------------

// Text is only ever set as text: an id or a title cannot become markup.
function element(name, attributes, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(key, value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}
