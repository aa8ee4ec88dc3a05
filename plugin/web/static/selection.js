// The bar of the selected pictures: rate, label, compare, export and move them.

import { $, around, el } from "./dom.js";
import { decimal } from "./format.js";
import { watchJobs } from "./jobs.js";
import { askForLabel, toggleFavourite } from "./labels.js";
import { confirmMove } from "./moving.js";
import { rateAll } from "./ratings.js";
import { post } from "./request.js";
import { base } from "./session.js";
import { showError, toast } from "./toasts.js";
import { rememberMove } from "./undo.js";

/**
 * Show the bar while pictures are selected, and carry out its actions.
 *
 * @param {import("./selected.js").Selected} selected
 * @param {import("./grid.js").Grid} grid
 * @param {() => void} reload shows the pictures anew.
 */
export function startSelection(selected, grid, reload) {
  const bar = $("#selection");
  selected.onChange(() => {
    const count = selected.ids.length;
    bar.hidden = !selected.active;
    $("#selected").textContent = `${decimal(count)} selected`;
    $("#select").setAttribute("aria-pressed", String(selected.active));
    for (const button of bar.querySelectorAll("button"))
      button.disabled = !count && !["all", "none"].includes(button.dataset.act ?? "");
  });
  $("#select").onclick = () => selected.choose(!selected.active);
  /** @type {Record<string, (ids: number[]) => unknown>} */
  const actions = {
    favourite: (ids) => favour(grid, ids),
    tag: (ids) => askForLabel("tag", ids, reload),
    album: (ids) => askForLabel("album", ids, reload),
    compare,
    zip: (ids) => download("zip", ids),
    csv: (ids) => download("csv", ids),
    json: (ids) => download("json", ids),
    move: (ids) => move(ids, selected),
    all: () => selected.set(grid.ids),
    none: () => selected.choose(false),
  };
  bar.addEventListener("click", (event) => {
    const button = around(event, "button");
    if (!button) return;
    const { act, stars } = button.dataset;
    if (stars) rateSelected(grid, selected.ids, Number(stars));
    else if (act) Promise.resolve(actions[act](selected.ids)).catch(showError);
  });
}

/**
 * @param {import("./grid.js").Grid} grid
 * @param {number[]} ids
 * @param {number} stars 0 for skip.
 */
export const rateSelected = (grid, ids, stars) => rateAll(ids, stars, (id, now) => grid.showRating(id, now));

/**
 * Make pictures favourites or, if all of them are, make them none.
 *
 * @param {import("./grid.js").Grid} grid
 * @param {number[]} ids
 */
export const favour = (grid, ids) =>
  toggleFavourite(ids, (changed, on) => changed.forEach((id) => grid.showFavourite(id, on)));

/**
 * Open Compare with pictures, if their number allows it.
 *
 * @param {number[]} ids
 */
export function compare(ids) {
  const most = Number($("#selection").dataset.most);
  if (ids.length < 2 || ids.length > most) {
    toast(`Select 2 to ${most} pictures to compare.`, { key: "compare", bad: true });
    return;
  }
  location.assign(`${base}/compare?ids=${ids}&up=${ids.length === 4 ? 4 : 2}`);
}

/**
 * Have the browser save an export.
 *
 * @param {string} kind
 * @param {number[]} images
 */
async function download(kind, images) {
  /** @type {{ address: string }} */
  const { address } = await post("/api/selection/export", { kind, images });
  el("a", { href: address, download: "" }).click();
}

/**
 * Move pictures away, after a question.
 *
 * @param {number[]} images
 * @param {import("./selected.js").Selected} selected
 */
async function move(images, selected) {
  /** @type {{ files: number, folder: string }} */
  const { files, folder } = await post("/api/selection/plan", { images });
  if (!confirmMove(files, folder)) return;
  /** @type {{ undo: string }} */
  const { undo } = await post("/api/selection/move", { images });
  rememberMove(undo);
  selected.choose(false);
  watchJobs();
}
