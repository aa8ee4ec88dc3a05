"use strict";
// Rows: thumbnail, path, score, percentile, damage, style, distance, outlier, group, best, time, prompt, model, size. Text is only ever set as text.
const { fields, rows, thumbs } = JSON.parse(document.getElementById("data").textContent);
const at = Object.fromEntries(fields.map((name, i) => [name, i]));
const form = document.getElementById("controls"),
  grid = document.getElementById("grid");
const count = document.getElementById("count"),
  details = document.getElementById("details");
const PAGE = 120;
let shown = [],
  filled = 0;

const name = (row) => row[at.path].split(/[\\/]/).pop();
const source = (row) => (thumbs === null ? "data:image/jpeg;base64," : thumbs) + row[at.thumb];
const text = new Map();
const words = (row) => {
  if (!text.has(row)) text.set(row, `${row[at.path]}\n${row[at.prompt] ?? ""}\n${row[at.model] ?? ""}`.toLowerCase());
  return text.get(row);
};
const orders = {
  best: (a, b) => b[at.score] - a[at.score],
  worst: (a, b) => a[at.score] - b[at.score],
  name: (a, b) => (a[at.path] < b[at.path] ? -1 : 1),
  new: (a, b) => b[at.time] - a[at.time],
  strange: (a, b) => b[at.distance] - a[at.distance],
};
const kinds = {
  "": () => true,
  group: (row) => row[at.group] >= 0,
  single: (row) => row[at.group] < 0 || row[at.best],
  outlier: (row) => row[at.outlier],
};

function choices(select, values) {
  for (const value of [...new Set(values)].filter((v) => v).sort()) select.add(new Option(value, value));
}

function element(tag, content, properties = {}) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(content);
  return made;
}

function open(row) {
  const facts = {
    file: row[at.path],
    score: row[at.score].toFixed(1),
    percentile: row[at.percentile].toFixed(0),
    size: row[at.size],
    damage: row[at.damage] || "none suspected",
    style: row[at.style] || "–",
    prompt: row[at.prompt],
    model: row[at.model],
  };
  const list = document.createElement("dl");
  for (const [key, value] of Object.entries(facts))
    if (value !== null) list.append(element("dt", key), element("dd", String(value)));
  const image = Object.assign(new Image(), { src: source(row), alt: row[at.prompt] ?? name(row) });
  details.replaceChildren(image, list, element("button", "Close", { onclick: () => details.close(), autofocus: true }));
  details.showModal();
}

function card(row) {
  const image = Object.assign(new Image(), {
    src: source(row),
    alt: row[at.prompt] ?? name(row),
    loading: "lazy",
    tabIndex: 0,
  });
  image.onclick = () => open(row);
  image.onkeydown = (event) => {
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      open(row);
    }
  };
  const figure = element("figure", image);
  const caption = element("figcaption", element("span", row[at.score].toFixed(0), { className: "num" }));
  caption.append(" ", element("span", name(row), { className: "dim", title: row[at.path] }));
  figure.append(caption);
  return element("li", figure);
}

function more() {
  const part = document.createDocumentFragment();
  for (const row of shown.slice(filled, filled + PAGE)) part.append(card(row));
  filled = Math.min(filled + PAGE, shown.length);
  grid.append(part);
  // An end that stays in sight is no news to an observer unless it is observed anew.
  near.unobserve(end);
  near.observe(end);
}

function update() {
  const wanted = Object.fromEntries(new FormData(form));
  const sought = wanted.text.toLowerCase();
  shown = rows.filter(
    (row) =>
      (!wanted.damage || (wanted.damage === "-" ? !row[at.damage] : row[at.damage] === wanted.damage)) &&
      (!wanted.style || String(row[at.style]) === wanted.style) &&
      kinds[wanted.only](row) &&
      (!sought || words(row).includes(sought)),
  );
  shown.sort(orders[wanted.sort]);
  count.textContent = `${shown.length} of ${rows.length}`;
  grid.replaceChildren();
  filled = 0;
  more();
}

choices(
  form.damage,
  rows.map((row) => row[at.damage]),
);
choices(
  form.style,
  rows.map((row) => row[at.style]),
);
form.addEventListener("input", update);
form.addEventListener("submit", (event) => event.preventDefault());
// The end of the grid comes near: more of it.
const end = grid.insertAdjacentElement("afterend", document.createElement("div"));
const near = new IntersectionObserver(
  (seen) => {
    if (seen.some((s) => s.isIntersecting) && filled < shown.length) more();
  },
  { rootMargin: "800px" },
);
update();
