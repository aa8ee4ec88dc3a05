"use strict";
// The list of all pictures in the page of an evaluation: sorted, filtered, and drawn as far as one scrolls.
// Everything from the data is set as text, never as HTML.

/**
 * @typedef {any[]} Row thumbnail, path, score and percentile (null if it cannot be judged), damage, distance, outlier, group, best, time,
 *   prompt, model, size, adherence, what is not shown and the values of judges of a picture.
 *
 * @typedef {object} Data
 * @property {string[]} fields names of a row's values.
 * @property {Row[]} rows
 * @property {string | null} thumbs folder of the thumbnails; null if rows hold them in base 64.
 * @property {string[]} judges titles of the judges whose values rows hold; more is better.
 */

/**
 * @template {HTMLElement} E
 * @param {string} id
 * @returns {E}
 */
const byId = (id) => /** @type {E} */ (document.getElementById(id));

/** @type {Data} */
const { fields, rows, thumbs, judges } = JSON.parse(byId("data").textContent ?? "");
/** Position of each field in a row. */
const at = Object.fromEntries(fields.map((field, i) => [field, i]));
/** @type {HTMLFormElement} */
const form = byId("controls");
/** @type {HTMLDialogElement} */
const details = byId("details");
const grid = byId("grid");
const count = byId("count");
/** Pictures to draw at a time. */
const PAGE = 120;
/** @type {Row[]} Rows that pass the filters, in order. */
let matches = [];
/** Number of matches that are drawn. */
let drawn = 0;

/** @param {Row} row */
const nameOf = (row) => row[at.path].split(/[\\/]/).pop();
/** @param {Row} row */
const sourceOf = (row) => (thumbs ?? "data:image/jpeg;base64,") + row[at.thumb];

/** @type {Map<Row, string>} */
const texts = new Map();
/**
 * The text that is searched, in lower case.
 *
 * @param {Row} row
 */
function textOf(row) {
  let text = texts.get(row);
  if (text === undefined) {
    text = `${row[at.path]}\n${row[at.prompt] ?? ""}\n${row[at.model] ?? ""}`.toLowerCase();
    texts.set(row, text);
  }
  return text;
}

/** @type {Record<string, (a: Row, b: Row) => number>} */
const ORDERS = {
  // Pictures that cannot be judged come last in both orders.
  best: (a, b) => (b[at.score] ?? -Infinity) - (a[at.score] ?? -Infinity) || 0,
  worst: (a, b) => (a[at.score] ?? Infinity) - (b[at.score] ?? Infinity) || 0,
  name: (a, b) => (a[at.path] < b[at.path] ? -1 : 1),
  new: (a, b) => b[at.time] - a[at.time],
  strange: (a, b) => b[at.distance] - a[at.distance],
  // Pictures whose prompt cannot be told come last.
  shown: (a, b) => (b[at.adherence] ?? -1) - (a[at.adherence] ?? -1),
  missed: (a, b) => (a[at.adherence] ?? 2) - (b[at.adherence] ?? 2),
};
judges.forEach((_title, number) => {
  // Pictures without a value come last.
  /** @param {Row} row */
  const worth = (row) => (row[at.judges][number] === null ? -Infinity : row[at.judges][number]);
  ORDERS[`judge${number}`] = (a, b) => (worth(b) > worth(a) ? 1 : worth(b) < worth(a) ? -1 : 0);
});
/** @type {Record<string, (row: Row) => boolean>} */
const KINDS = {
  "": () => true,
  group: (row) => row[at.group] >= 0,
  single: (row) => row[at.group] < 0 || row[at.best],
  outlier: (row) => row[at.outlier],
  missed: (row) => row[at.missed] !== "",
};

/**
 * Add the different values to a select, sorted; empty ones are left out.
 *
 * @param {HTMLSelectElement} select
 * @param {string[]} values
 */
function addOptions(select, values) {
  for (const value of [...new Set(values)].filter((each) => each).sort()) select.add(new Option(value, value));
}

/**
 * @param {string} tag
 * @param {Node | string} content
 * @param {object} [properties]
 */
function element(tag, content, properties = {}) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(content);
  return node;
}

/** @param {Row} row */
const imageOf = (row) => Object.assign(new Image(), { src: sourceOf(row), alt: row[at.prompt] ?? nameOf(row) });

/**
 * A judge's value as the tables above show it: with three significant digits, but all of its integer part, and a real
 * minus sign; null without one.
 *
 * @param {number | null} value
 */
function threeDigits(value) {
  if (value === null) return null;
  const text = Math.abs(value) >= 999.5 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
  return text.replace(/-/g, "−");
}

/** @param {Row} row */
function showDetails(row) {
  const facts = {
    file: row[at.path],
    score: row[at.score]?.toFixed(1) ?? "cannot be judged",
    percentile: row[at.percentile]?.toFixed(0) ?? null,
    size: row[at.size],
    damage: row[at.damage] || (row[at.score] === null ? null : "none suspected"),
    prompt: row[at.prompt],
    model: row[at.model],
    adherence: row[at.adherence] === null ? null : row[at.adherence].toFixed(2),
    "not shown": row[at.missed] || null,
    ...Object.fromEntries(judges.map((title, number) => [title, threeDigits(row[at.judges][number])])),
  };
  const list = document.createElement("dl");
  for (const [key, value] of Object.entries(facts)) {
    if (value !== null) list.append(element("dt", key), element("dd", String(value)));
  }
  const close = element("button", "Close", { onclick: () => details.close(), autofocus: true });
  details.replaceChildren(imageOf(row), list, close);
  details.showModal();
}

/**
 * The value that orders the list: the score, or that of a judge.
 *
 * @param {Row} row
 */
function shownValue(row) {
  const number = judges.findIndex((_judge, each) => form.sort.value === `judge${each}`);
  return number < 0 ? (row[at.score]?.toFixed(0) ?? "–") : (threeDigits(row[at.judges][number]) ?? "–");
}

/** @param {Row} row */
function cardOf(row) {
  const image = Object.assign(imageOf(row), { loading: "lazy", tabIndex: 0 });
  image.onclick = () => showDetails(row);
  image.onkeydown = (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    showDetails(row);
  };
  const caption = element("figcaption", element("span", shownValue(row), { className: "num" }));
  caption.append(" ", element("span", nameOf(row), { className: "dim", title: row[at.path] }));
  const figure = element("figure", image);
  figure.append(caption);
  return element("li", figure);
}

function drawMore() {
  const fragment = document.createDocumentFragment();
  for (const row of matches.slice(drawn, drawn + PAGE)) fragment.append(cardOf(row));
  drawn = Math.min(drawn + PAGE, matches.length);
  grid.append(fragment);
  // An IntersectionObserver does not fire again while the sentinel stays visible: re-observe it.
  observer.unobserve(sentinel);
  observer.observe(sentinel);
}

function update() {
  const wanted = /** @type {Record<string, string>} */ (Object.fromEntries(new FormData(form)));
  const search = wanted.text.toLowerCase();
  /** @param {Row} row */
  const hasDamage = (row) => (wanted.damage === "-" ? !row[at.damage] : row[at.damage] === wanted.damage);
  matches = rows.filter(
    (row) =>
      (!wanted.damage || hasDamage(row)) &&
      KINDS[wanted.only](row) &&
      (!search || textOf(row).includes(search)),
  );
  matches.sort(ORDERS[wanted.sort]);
  count.textContent = `${matches.length} of ${rows.length}`;
  grid.replaceChildren();
  drawn = 0;
  drawMore();
}

addOptions(
  /** @type {HTMLSelectElement} */ (form.elements.namedItem("damage")),
  rows.map((row) => row[at.damage]),
);
form.addEventListener("input", update);
form.addEventListener("submit", (event) => event.preventDefault());
// Draws more once the end of the grid comes near.
const sentinel = document.createElement("div");
grid.after(sentinel);
const observer = new IntersectionObserver(
  (entries) => {
    if (entries.some((entry) => entry.isIntersecting) && drawn < matches.length) drawMore();
  },
  { rootMargin: "800px" },
);
update();
