// The attention tables as heat maps that can be pointed at.

import { $, complain, el, get, onJob, post, watchJobs } from "./base.js";

const form = $("#ask");
const TITLES = {
  first: (r) => `Version ${r.names[0]}`,
  second: (r) => `Version ${r.names[1]}`,
  difference: (r) => `Difference ${r.names[1]} − ${r.names[0]}`,
  signs: (r) => `Plus–minus, lop-sidedness ${r.lopsidedness.toFixed(2)}`,
};
const HINTS = {
  words: "Words of the prompts, such as: sharp blurry noisy",
  folders: "Folders of this machine, one a line",
};

form.source.addEventListener("change", () => {
  const hint = HINTS[form.source.value];
  $("#text").hidden = !hint;
  $("#text span").textContent = hint ?? "";
  $("#classes").hidden = Boolean(hint);
});
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  $(".error", form).textContent = "";
  try {
    await post("/api/attention", Object.fromEntries(new FormData(form)));
    watchJobs();
  } catch (error) {
    $(".error", form).textContent = error.message;
  }
});
onJob("attention", (job) => {
  if (job.state === "failed") $(".error", form).textContent = job.message;
  else return load();
});

async function load() {
  const { report, message } = await get("/api/attention");
  if (!report) return;
  $("#report").hidden = false;
  const reached = Object.entries(report.accuracy)
    .map(([version, value]) => `${version} ${value.toFixed(2)}`)
    .join(", ");
  $("#summary").textContent =
    `${message} Kinds told apart in ${report.folds} folds, mean accuracy: ${reached}; chance ${report.chance.toFixed(2)}.`;
  $("#tables").replaceChildren(
    ...Object.entries(TITLES).map(([key, title]) => draw(report.tables[key], title(report), key)),
  );
  blocks(report.blocks);
}

/** A colour between two ends: one-sided tables from paper to ink, two-sided ones from red over paper to green. */
function colour(value, reach, oneSided) {
  const share = Math.max(oneSided ? 0 : -1, Math.min(1, value / (reach || 1)));
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const paper = dark ? [28, 30, 33] : [246, 246, 243];
  const end = oneSided
    ? dark
      ? [120, 214, 170]
      : [16, 82, 58]
    : share > 0
      ? dark
        ? [92, 201, 150]
        : [31, 125, 85]
      : dark
        ? [233, 120, 98]
        : [178, 58, 38];
  return paper.map((from, i) => Math.round(from + (end[i] - from) * Math.abs(share)));
}

function draw(table, title, key) {
  const [rows, columns] = [table.rows.length, table.columns.length];
  const oneSided = key === "first" || key === "second";
  const flat = table.values
    .flat()
    .map((value) => (oneSided ? value : Math.abs(value)))
    .sort((a, b) => a - b);
  const at = (share) => flat[Math.floor(share * (flat.length - 1))];
  // A version that spreads its attention evenly needs a scale of its own to show anything.
  const [low, reach] = key === "signs" ? [0, 1] : [oneSided ? at(0.005) : 0, at(0.995)];
  const canvas = el("canvas", { width: columns, height: rows, tabIndex: 0, role: "img" });
  canvas.setAttribute(
    "aria-label",
    `${title}: ${rows} learning pictures against ${columns} measured ones; arrow keys read single cells`,
  );
  const pen = canvas.getContext("2d");
  const pixels = pen.createImageData(columns, rows);
  table.values.forEach((line, y) =>
    line.forEach((value, x) =>
      pixels.data.set([...colour(value - low, reach - low, oneSided), 255], 4 * (y * columns + x)),
    ),
  );
  pen.putImageData(pixels, 0, 0);
  const tell = (x, y) =>
    ($("#pointed").textContent =
      `${title}: learning ${table.rows[y]} ${y + 1}, measured ${table.columns[x]} picture ${table.pictures[x]}: ${table.values[y][x].toPrecision(3)}`);
  canvas.addEventListener("pointermove", (event) => {
    const box = canvas.getBoundingClientRect();
    tell(
      Math.min(columns - 1, Math.floor((columns * (event.clientX - box.left)) / box.width)),
      Math.min(rows - 1, Math.floor((rows * (event.clientY - box.top)) / box.height)),
    );
  });
  let [x, y] = [0, 0];
  canvas.addEventListener("keydown", (event) => {
    const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!move) return;
    [x, y] = [Math.max(0, Math.min(columns - 1, x + move[0])), Math.max(0, Math.min(rows - 1, y + move[1]))];
    tell(x, y);
    event.preventDefault();
  });
  return el(
    "figure",
    { className: "heat" },
    el("figcaption", { textContent: title }),
    el("div", { className: "axes" }, axis(table.rows, "rows"), canvas, axis(table.columns, "columns")),
  );
}

/** Names of the kinds along an axis, each as long as its share. */
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

function blocks({ modes, values }) {
  const head = el("tr", {}, el("td"), ...modes.map((mode) => el("th", { textContent: mode, scope: "col" })));
  const lines = values.map((line, i) =>
    el(
      "tr",
      {},
      el("th", { textContent: modes[i], scope: "row" }),
      ...line.map((value) => {
        const cell = el("td", { textContent: value.toFixed(2) });
        cell.className = Math.abs(value) < 0.1 ? "" : value > 0 ? "up" : "down";
        return cell;
      }),
    ),
  );
  $("#blocks").replaceChildren(el("table", { className: "num matrix" }, head, ...lines));
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => load().catch(complain));
load().catch(complain);
