// Scores for a person who was not in training: the arithmetic of inference/new_person.py.
//
// A person is a list of picks {item, rating}; scores are of all items. Sums are of doubles.

const ACTIVATIONS = {
  identity: (x) => x,
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  relu: (x) => Math.max(x, 0),
  tanh: Math.tanh,
  selu: (x) => 1.0507009873554805 * (x > 0 ? x : 1.6732632423543772 * Math.expm1(x)),
};
// f'(x), from x and y = f(x)
const SLOPES = {
  identity: () => 1,
  sigmoid: (x, y) => y * (1 - y),
  relu: (x) => (x > 0 ? 1 : 0),
  tanh: (x, y) => 1 - y * y,
  selu: (x, y) => (x > 0 ? 1.0507009873554805 : y + 1.0507009873554805 * 1.6732632423543772),
};

let unpackedModel = null;

// The weights, unpacked when they are first needed.
function personModel() {
  if (unpackedModel) return unpackedModel;
  const model = unpackAll(content.newPerson);
  for (const name of ["hidden", "pattern", "inputs", "masks", "weights"]) {
    if (model[name]) model[name] = matrix(model[name]);
  }
  if (model.layers) {
    model.layers = model.layers.map(
      (layer) => ({ weights: matrix(layer.weights), bias: unpack(layer.bias) }));
  }
  unpackedModel = model;
  return model;
}

function scoresFor(picks) {
  const model = personModel();
  return { column: scoresByItems, row: scoresByUsers, linear: scoresBySum }[model.kind](model, picks);
}

// --- linear models: offset + the sum of the rows of B ------------------------------------------

function scoresBySum(model, picks) {
  const { weights } = model;
  const scores = model.offset ? Float64Array.from(model.offset) : new Float64Array(items.length);
  for (const { item } of picks) {
    if (weights.starts) {
      for (let n = weights.starts[item]; n < weights.starts[item + 1]; n++) {
        scores[weights.at[n]] += weights.values[n];
      }
    } else {
      const from = item * weights.columns;
      for (let other = 0; other < weights.columns; other++) {
        scores[other] += weights.values[from + other];
      }
    }
  }
  return scores;
}

// --- AutoRec ------------------------------------------------------------------------------------

// The person's bias, and the ratings less the baseline, standardised: RatingScale.new_bias.
function centred(model, picks) {
  const differences = picks.map(({ item, rating }) => rating - model.mean - model.biases[item]);
  const sum = differences.reduce((total, x) => total + x, 0);
  const bias = model.damping === null || !picks.length ? 0 : sum / (picks.length + model.damping);
  return { bias, ratings: differences.map((x) => (x - bias) / model.deviation) };
}

// What the head makes of the K scores of an item: a rating.
function ratingOf(model, scores) {
  if (!model.levels) return ACTIVATIONS[model.activation](scores[0]);
  const shares = softmax(scores);
  return model.levels.reduce((total, level, k) => total + level * shares[k], 0);
}

function softmax(scores) {
  const highest = Math.max(...scores);
  const powers = scores.map((score) => Math.exp(score - highest));
  const sum = powers.reduce((total, x) => total + x, 0);
  return powers.map((x) => x / sum);
}

// Ratings on the scale of the data, from what the net rebuilds: RatingScale.known.
function restored(model, rebuilt, bias) {
  return rebuilt.map((rating, item) => (model.unseen && model.unseen[item]
    ? model.unseenRating : model.deviation * rating + model.mean + model.biases[item] + bias));
}

function dot(values, from, other, start, length) {
  let sum = 0;
  for (let n = 0; n < length; n++) sum += values[from + n] * other[start + n];
  return sum;
}

// By users the person is a row: encoded and decoded (fold_in.of_rows).
function scoresByUsers(model, picks) {
  const { bias, ratings } = centred(model, picks);
  const f = ACTIVATIONS[model.hiddenActivation];
  const width = model.inputs.columns;
  let units = Float64Array.from(model.inputBias);
  picks.forEach(({ item }, n) => {
    for (let h = 0; h < width; h++) {
      units[h] += ratings[n] * model.inputs.values[item * width + h];
      if (model.masks) units[h] += model.maskScale * model.masks.values[item * width + h];
    }
  });
  for (const { weights, bias: offsets } of model.layers) {
    const inputs = units.map(f);
    units = Float64Array.from(
      offsets, (offset, row) => offset + dot(weights.values, row * weights.columns, inputs, 0, weights.columns));
  }
  const k = model.levels ? model.levels.length : 1;
  const rebuilt = Float64Array.from(
    items, (_, item) => ratingOf(model, Array.from(units.subarray(item * k, (item + 1) * k))));
  return restored(model, rebuilt, bias);
}

// By items the person is a column, whose weights are fitted (fold_in.of_column).
function scoresByItems(model, picks) {
  const { bias, ratings } = centred(model, picks);
  const width = model.hidden.columns, k = model.levels ? model.levels.length : 1;
  const added = model.pattern && new Float64Array(width);
  if (added) {
    for (const { item } of picks) {
      for (let h = 0; h < width; h++) {
        added[h] += model.pattern.values[item * width + h] / Math.sqrt(picks.length);
      }
    }
  }
  // the column: K rows of weights, then K biases
  const start = Float64Array.from([...model.start, ...model.startBias]);
  const scoresAt = (column, item) => Array.from({ length: k }, (_, unit) => column[k * width + unit]
    + dot(column, unit * width, model.hidden.values, item * width, width)
    + (added ? dot(added, 0, model.hidden.values, item * width, width) : 0));
  const loss = (column) => {
    const gradient = new Float64Array(column.length);
    let value = 0;
    for (let n = 0; n < k * width; n++) {
      value += model.penalty * column[n] * column[n];
      gradient[n] = 2 * model.penalty * column[n];
    }
    picks.forEach(({ item }, n) => {
      const { error, slopes } = errorOf(model, scoresAt(column, item), ratings[n]);
      value += error;
      slopes.forEach((slope, unit) => {
        gradient[k * width + unit] += slope;
        for (let h = 0; h < width; h++) {
          gradient[unit * width + h] += slope * model.hidden.values[item * width + h];
        }
      });
    });
    return { value, gradient };
  };
  const column = minimum(loss, start);
  const rebuilt = Float64Array.from(items, (_, item) => ratingOf(model, scoresAt(column, item)));
  return restored(model, rebuilt, bias);
}

// The error of one rating, and its derivatives by the K scores.
function errorOf(model, scores, rating) {
  if (!model.levels) {
    const y = ACTIVATIONS[model.activation](scores[0]);
    const slope = 2 * (y - rating) * SLOPES[model.activation](scores[0], y);
    return { error: (y - rating) ** 2, slopes: [slope] };
  }
  const distances = model.levels.map((level) => Math.abs(level - rating));
  const right = distances.indexOf(Math.min(...distances));
  const shares = softmax(scores);
  return {
    error: -Math.log(Math.max(shares[right], Number.MIN_VALUE)),
    slopes: shares.map((share, level) => share - (level === right ? 1 : 0)),
  };
}

// Where a smooth function is smallest, on the way down from a start: L-BFGS (Nocedal and Wright,
// "Numerical Optimization", 2006, algorithm 7.5) with a line search by halving.
function minimum(loss, start) {
  const STEPS = 200, KEPT = 20;
  let at = start, now = loss(at);
  const past = [];
  for (let step = 0; step < STEPS; step++) {
    const direction = descent(now.gradient, past);
    const slope = inner(direction, now.gradient);
    if (!(slope < -1e-14)) break;
    let length = past.length ? 1 : Math.min(1, 1 / Math.sqrt(inner(now.gradient, now.gradient)));
    let next = null, place = null;
    for (let tries = 0; tries < 40; tries++, length /= 2) {
      place = at.map((x, n) => x + length * direction[n]);
      next = loss(place);
      if (next.value <= now.value + 1e-4 * length * slope) break;
      next = null;
    }
    if (!next) break;
    const moved = place.map((x, n) => x - at[n]);
    const turned = next.gradient.map((x, n) => x - now.gradient[n]);
    const curvature = inner(moved, turned);
    if (curvature > 1e-12) past.push({ moved, turned, curvature });
    if (past.length > KEPT) past.shift();
    const gain = now.value - next.value;
    at = place;
    now = next;
    if (gain <= 1e-12 * Math.max(1, Math.abs(now.value))) break;
  }
  return at;
}

function descent(gradient, past) {
  const direction = gradient.map((x) => -x);
  const shares = [];
  for (const { moved, turned, curvature } of [...past].reverse()) {
    const share = inner(moved, direction) / curvature;
    shares.unshift(share);
    direction.forEach((x, n) => { direction[n] = x - share * turned[n]; });
  }
  if (past.length) {
    const { turned, curvature } = past[past.length - 1];
    const scale = curvature / inner(turned, turned);
    direction.forEach((x, n) => { direction[n] = x * scale; });
  }
  past.forEach(({ moved, turned, curvature }, p) => {
    const share = shares[p] - inner(turned, direction) / curvature;
    direction.forEach((x, n) => { direction[n] = x + share * moved[n]; });
  });
  return direction;
}

function inner(one, other) {
  let sum = 0;
  for (let n = 0; n < one.length; n++) sum += one[n] * other[n];
  return sum;
}

// --- the list -----------------------------------------------------------------------------------

const MOST_REASONED = 40; // picks; with more, leaving each out takes too long

// The items with the highest scores, best first, without the picks; and the picks that explain them.
function recommendFor(picks, length) {
  const scores = scoresFor(picks);
  const taken = new Set(picks.map(({ item }) => item));
  const order = Array.from(items.keys()).filter((item) => !taken.has(item));
  order.sort((one, other) => scores[other] - scores[one]);
  const rows = order.slice(0, length).map((item) => ({ item, score: scores[item], because: [] }));
  for (const { item, contributions } of contributionsOf(picks, scores, rows)) {
    rows.forEach((row, n) => row.because.push({ item, contribution: contributions[n] }));
  }
  for (const row of rows) {
    row.because.sort((one, other) => other.contribution - one.contribution);
    row.because = row.because.slice(0, 3).filter(({ contribution }) => contribution > 0);
  }
  return rows;
}

// What each pick adds to the scores of the rows, as inference/contributions.py has it.
function contributionsOf(picks, scores, rows) {
  const model = personModel();
  if (model.pattern && model.activation === "identity" && !model.levels) {
    const width = model.hidden.columns, share = model.deviation / Math.sqrt(picks.length);
    return picks.map((pick) => ({ item: pick.item, contributions: rows.map(({ item }) =>
      share * dot(model.pattern.values, pick.item * width, model.hidden.values, item * width, width)) }));
  }
  const fewest = model.kind === "column" ? 2 : 1; // nothing can be fitted to no rating
  if (picks.length < fewest || picks.length > MOST_REASONED) return [];
  return picks.map((pick) => {
    const without = scoresFor(picks.filter((other) => other !== pick));
    return { item: pick.item, contributions: rows.map(({ item }) => scores[item] - without[item]) };
  });
}
