// Attention view: tables of two versions as heat maps whose cells can be read one by one.

import "./page.js";

import { onSubmit } from "./actions.js";
import { $, el, formValues } from "./dom.js";
import { onJobEnd, watchJobs } from "./jobs.js";
import { get, post } from "./request.js";
import { showError } from "./toasts.js";
import { _, figure, decimal } from "./translate.js";

/**
 * @typedef {object} Table
 * @property {string[]} rows kind of each learning picture.
 * @property {string[]} columns kind of each measured picture.
 * @property {string[]} pictures name of each measured picture.
 * @property {number[][]} values by row and column.
 *
 * @typedef {"first" | "second" | "difference" | "signs"} TableName
 *
 * @typedef {object} Blocks mean sign of each learning kind against each measured kind.
 * @property {string[]} modes
 * @property {number[][]} values
 *
 * @typedef {object} Report
 * @property {[string, string]} names
 * @property {Record<TableName, Table>} tables
 * @property {Blocks} blocks
 * @property {number} lopsidedness
 * @property {Record<string, number>} accuracy by version.
 * @property {number} chance
 * @property {number} folds
 */

/** @type {HTMLFormElement} */
const form = $("#ask");
/** @type {[TableName, (report: Report) => string][]} */
const TITLES = [
  ["first", (report) => _("Version %(name)s", { name: report.names[0] })],
  ["second", (report) => _("Version %(name)s", { name: report.names[1] })],
  ["difference", (report) => _("Difference %(second)s − %(first)s", { first: report.names[0], second: report.names[1] })],
  ["signs", (report) => _("Plus–minus, lop-sidedness %(value)s", { value: decimal(report.lopsidedness, 2) })],
];
/** @type {Record<string, string | undefined>} */
const HINTS = {
  words: _("Words of the prompts, such as: sharp blurry noisy"),
  folders: _("Folders on this machine, one per line"),
};
const darkScheme = matchMedia("(prefers-color-scheme: dark)");
/** True if the page is dark, by the system or by the reader's choice. */
const isDark = () => {
  const { scheme } = document.documentElement.dataset;
  return scheme ? scheme === "dark" : darkScheme.matches;
};

form.source.addEventListener("change", () => {
  const hint = HINTS[form.source.value];
  $("#text").hidden = !hint;
  $("#text span").textContent = hint ?? "";
  $("#classes").hidden = Boolean(hint);
});
onSubmit(form, async () => {
  await post("/api/attention", formValues(form));
  watchJobs();
});
onJobEnd("attention", async (job) => {
  if (job.state === "failed") $(".error", form).textContent = job.message;
  else await load();
});

async function load() {
  /** @type {{ report: Report | null, message: string }} */
  const { report, message } = await get("/api/attention");
  if (!report) return;
  $("#report").hidden = false;
  const accuracies = Object.entries(report.accuracy).map(([version, value]) => `${version} ${decimal(value, 2)}`);
  const accuracy = _("Mean accuracy of telling the kinds apart, in %(folds)s folds: %(accuracies)s; chance %(chance)s.", {
    folds: report.folds,
    accuracies: accuracies.join(", "),
    chance: decimal(report.chance, 2),
  });
  $("#summary").textContent = `${message} ${accuracy}`;
  $("#tables").replaceChildren(...TITLES.map(([name, title]) => heatMap(report.tables[name], title(report), name)));
  $("#blocks").replaceChildren(blockTable(report.blocks));
}

/**
 * The (red, green, blue) of a value, 0 to 255: one-sided tables run from paper to ink, two-sided ones from red over
 * paper to green.
 *
 * @param {number} value
 * @param {number} reach the value of the full colour.
 * @param {boolean} oneSided
 */
function colour(value, reach, oneSided) {
  const share = Math.max(oneSided ? 0 : -1, Math.min(1, value / (reach || 1)));
  const dark = isDark();
  const paper = dark ? [28, 30, 33] : [246, 246, 243];
  const ink = dark ? [120, 214, 170] : [16, 82, 58];
  const green = dark ? [92, 201, 150] : [31, 125, 85];
  const red = dark ? [233, 120, 98] : [178, 58, 38];
  const end = oneSided ? ink : share > 0 ? green : red;
  return paper.map((from, i) => Math.round(from + (end[i] - from) * Math.abs(share)));
}

/**
 * Smallest and largest value of a table's colours.
 *
 * @param {Table} table
 * @param {TableName} name
 */
function rangeOf(table, name) {
  if (name === "signs") return [0, 1];
  const oneSided = isOneSided(name);
  const sorted = table.values
    .flat()
    .map((value) => (oneSided ? value : Math.abs(value)))
    .sort((a, b) => a - b);
  const quantile = (/** @type {number} */ share) => sorted[Math.floor(share * (sorted.length - 1))];
  // A version that spreads its attention evenly needs a scale of its own to show anything.
  return [oneSided ? quantile(0.005) : 0, quantile(0.995)];
}

/** @param {TableName} name */
const isOneSided = (name) => name === "first" || name === "second";

/**
 * A table as a figure: one pixel a cell, read out by the pointer and the arrow keys.
 *
 * @param {Table} table
 * @param {string} title
 * @param {TableName} name
 */
function heatMap(table, title, name) {
  const [rows, columns] = [table.rows.length, table.columns.length];
  const canvas = el("canvas", { width: columns, height: rows, tabIndex: 0, role: "img" });
  const label = _("%(title)s: %(rows)s learning pictures against %(columns)s measured ones; arrow keys read single cells", {
    title,
    rows,
    columns,
  });
  canvas.setAttribute("aria-label", label);
  paint(canvas, table, name);
  /**
   * @param {number} x
   * @param {number} y
   */
  const readOut = (x, y) => {
    const at = { title, row: table.rows[y], number: y + 1, column: table.columns[x], picture: table.pictures[x] };
    $("#pointed").textContent = _(
      "%(title)s: learning %(row)s %(number)s, measured %(column)s picture %(picture)s: %(value)s",
      { ...at, value: figure(table.values[y][x]) },
    );
  };
  canvas.addEventListener("pointermove", (event) => {
    const box = canvas.getBoundingClientRect();
    const column = Math.floor((columns * (event.clientX - box.left)) / box.width);
    const row = Math.floor((rows * (event.clientY - box.top)) / box.height);
    readOut(Math.min(columns - 1, column), Math.min(rows - 1, row));
  });
  let [x, y] = [0, 0];
  /** @type {Record<string, [number, number] | undefined>} */
  const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  canvas.addEventListener("keydown", (event) => {
    const move = moves[event.key];
    if (!move) return;
    [x, y] = [Math.max(0, Math.min(columns - 1, x + move[0])), Math.max(0, Math.min(rows - 1, y + move[1]))];
    readOut(x, y);
    event.preventDefault();
  });
  return el(
    "figure",
    { className: "heat" },
    el("figcaption", { textContent: title }),
    el("div", { className: "axes" }, axis(table.rows, "rows"), canvas, axis(table.columns, "columns")),
  );
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {Table} table
 * @param {TableName} name
 */
function paint(canvas, table, name) {
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const pixels = context.createImageData(canvas.width, canvas.height);
  const [low, high] = rangeOf(table, name);
  table.values.forEach((line, y) =>
    line.forEach((value, x) => {
      const rgb = colour(value - low, high - low, isOneSided(name));
      pixels.data.set([...rgb, 255], 4 * (y * canvas.width + x));
    }),
  );
  context.putImageData(pixels, 0, 0);
}

/**
 * Names of the kinds along an axis, each as long as its share.
 *
 * @param {string[]} modes kind of each cell, kinds side by side.
 * @param {"rows" | "columns"} side
 */
function axis(modes, side) {
  const room = el("div", { className: `axis ${side}`, ariaHidden: "true" });
  for (let start = 0; start < modes.length;) {
    let end = start;
    while (end < modes.length && modes[end] === modes[start]) end++;
    const name = el("span", { textContent: modes[start], title: modes[start] });
    name.style.flexGrow = String(end - start);
    room.append(name);
    start = end;
  }
  return room;
}

/** @param {Blocks} blocks */
function blockTable({ modes, values }) {
  const head = el("tr", {}, el("td"), ...modes.map((mode) => el("th", { textContent: mode, scope: "col" })));
  const lines = values.map((line, i) => {
    const className = (/** @type {number} */ value) => (Math.abs(value) < 0.1 ? "" : value > 0 ? "up" : "down");
    const cells = line.map((value) => el("td", { textContent: decimal(value, 2), className: className(value) }));
    return el("tr", {}, el("th", { textContent: modes[i], scope: "row" }), ...cells);
  });
  return el("table", { className: "num matrix" }, head, ...lines);
}

darkScheme.addEventListener("change", () => load().catch(showError));
addEventListener("schemechange", () => load().catch(showError));
load().catch(showError);
