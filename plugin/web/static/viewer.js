// The viewer: one picture with its rating, its reasons and all its facts, over any view.

import { copyText } from "./clipboard.js";
import { $, $$, around, find, setServerHtml } from "./dom.js";
import { goBack, whenBack } from "./history.js";
import { hasModifier, starsOf } from "./keys.js";
import { toggleFavourite } from "./labels.js";
import { openOptimize } from "./optimize.js";
import { flush } from "./outbox.js";
import { addressOf, failureOf, isTiny, loadLost } from "./pictures.js";
import { rate as rateAs } from "./ratings.js";
import { get, getHtml, queryOf } from "./request.js";
import { base } from "./session.js";
import { showError, toast } from "./toasts.js";
import { onUndoByNotice, undoLatest } from "./undo.js";
import { Zoom } from "./zoom.js";

/**
 * @import { Cell } from "./pictures.js"
 *
 * @typedef {object} Options
 * @property {string} [by] the judge whose score is explained; empty for the default.
 * @property {(id: number, stars: number | null) => void} [onRate] called after every rating.
 * @property {(id: number, on: boolean) => void} [onFavourite] called when a picture becomes a favourite, or is none any more.
 */

/** @type {Record<string, [number, number]>} Pixels by which an arrow key moves a zoomed picture. */
const ARROWS = { ArrowRight: [-80, 0], ArrowLeft: [80, 0], ArrowUp: [0, 80], ArrowDown: [0, -80] };
/** @type {HTMLDialogElement} */
const dialog = $("#viewer");
/** @type {HTMLImageElement} */
const picture = $("#viewer-image");
const detail = $("#viewer-detail");
/** @type {HTMLButtonElement} */
const previous = $("#viewer-previous");
/** @type {HTMLButtonElement} */
const next = $("#viewer-next");
/** @type {Map<number, Cell>} By id, as far as they were fetched. */
const cells = new Map();
/** @type {Map<number, Promise<Cell>>} Requests for cells that are under way, by id. */
const requests = new Map();
/** @type {number[]} */
let ids = [];
/** Index of the picture in the list. */
let place = 0;
/** @type {Required<Options>} */
let options = { by: "", onRate: () => {}, onFavourite: () => {} };
/** @type {Element | null} The element that had the focus before. */
let opener = null;

/**
 * Open a list of pictures.
 *
 * @param {number[]} list ids.
 * @param {number} at index of the first picture to show.
 * @param {Options} [settings]
 */
export async function openViewer(list, at, { by = "", onRate = () => {}, onFavourite = () => {} } = {}) {
  const focused = document.activeElement;
  await whenBack();
  [ids, place, options, opener] = [list, at, { by, onRate, onFavourite }, focused];
  if (!dialog.open) {
    // Back closes the viewer, and stays on the page.
    history.pushState({ viewer: true }, "");
    dialog.showModal();
    // The keys work wherever the focus is; a ring around a button would only distract.
    dialog.focus();
  }
  await show();
}

/**
 * The cell of a picture. A picture that is fetched ahead and shown meanwhile has one cell, which holds its rating.
 *
 * @param {number} id
 * @returns {Promise<Cell>}
 */
async function cellOf(id) {
  const known = cells.get(id) ?? requests.get(id);
  if (known) return known;
  const request = fetchCell(id)
    .then((cell) => {
      if (requests.get(id) === request) cells.set(id, cell);
      return cell;
    })
    .finally(() => {
      if (requests.get(id) === request) requests.delete(id);
    });
  requests.set(id, request);
  return request;
}

/** @param {number} id */
async function fetchCell(id) {
  // A rating made just before must not be overtaken.
  await flush();
  /** @type {{ cells: Cell[] }} */
  const { cells: [cell] } = await get(`/api/cells?ids=${id}`);
  if (!cell) throw new Error("This picture is no longer in the collection.");
  return cell;
}

/** Forget all cells, which may have changed. */
function forgetCells() {
  cells.clear();
  requests.clear();
}

/** Pictures that were shown so far, and closings: what arrives for an earlier one is out of date. */
let shows = 0;

async function show() {
  shows++;
  const [mine, id] = [shows, ids[place]];
  $("#viewer-place").textContent = `${place + 1} of ${ids.length}`;
  previous.disabled = place === 0;
  next.disabled = place === ids.length - 1;
  try {
    const cell = await cellOf(id);
    if (mine !== shows) return;
    $("#viewer-gone").hidden = true;
    picture.hidden = false;
    picture.className = isTiny(cell) ? "sharp" : "";
    picture.alt = cell.title;
    picture.src = addressOf(cell, "large");
    zoom.fit(cell.w, cell.h);
    showRating(cell.stars);
    showFavourite(cell.favourite);
    const html = await getHtml(`/detail/${id}?by=${encodeURIComponent(options.by)}`);
    if (mine !== shows) return;
    setServerHtml(detail, html);
    keepOrder(id);
    void showPhrases(id);
    if (ids[place + 1]) preload(ids[place + 1]);
  } catch (error) {
    if (mine !== shows) return;
    detail.replaceChildren();
    showError(error);
  }
}

/**
 * "More like this" keeps the order and the score of the view, which hold again without it.
 *
 * @param {number} id
 */
function keepOrder(id) {
  const link = /** @type {HTMLAnchorElement | null} */ (find("[data-like]", detail));
  const view = new URLSearchParams(location.search);
  const kept = { sort: view.get("sort") ?? "", up: view.get("up") ?? "", by: options.by };
  if (link) link.search = `?${queryOf({ like: String(id), ...kept })}`;
}

/**
 * What the picture shows of its prompt comes later, because a network may have to be loaded.
 *
 * @param {number} id
 */
async function showPhrases(id) {
  const node = find("[data-phrases]", detail);
  if (!node) return;
  try {
    const html = await getHtml(`/phrases/${id}`);
    if (node.isConnected) setServerHtml(node, html);
  } catch {
    // Details are complete without it.
  }
}

const zoom = new Zoom($(".stage", dialog), picture, {
  turn: (step) => move(step),
  show: (percent) => {
    $("#viewer-zoom").textContent = percent === null ? "1:1" : `${percent} %`;
    $("#viewer-zoom").setAttribute("aria-pressed", String(percent !== null));
    if (percent !== null) showAllPixels();
  },
});

/** Address of the preview whose original is being fetched. */
let replacing = "";

/** Replace the preview by the original picture, once it has arrived. */
function showAllPixels() {
  const cell = cells.get(ids[place]);
  const preview = picture.src;
  if (!cell || preview === replacing || !preview.endsWith(addressOf(cell, "large"))) return;
  replacing = preview;
  const full = new Image();
  full.onload = () => {
    replacing = "";
    if (picture.src === preview && zoom.zoomed) picture.src = full.src;
  };
  full.onerror = () => (replacing = "");
  full.src = addressOf(cell, "full");
}

/** @param {number} id */
async function preload(id) {
  try {
    new Image().src = addressOf(await cellOf(id), "large");
  } catch {
    // The error is shown when the picture's turn comes.
  }
}

/**
 * Address of the heat map of a picture, within the collection.
 *
 * @param {Cell} cell
 */
const heatOf = (cell) => `/heat/${cell.id}?by=${encodeURIComponent(options.by)}&v=${cell.v}`;

picture.addEventListener("error", () => {
  const cell = cells.get(ids[place]);
  if (cell && picture.getAttribute("src") === base + heatOf(cell)) {
    showHeat(false);
    // An image does not tell why it failed.
    const again = () => {
      if (ids[place] === cell.id) toast("The heat map did not arrive: show it once more.", { bad: true });
    };
    getHtml(heatOf(cell)).then(again, showError);
    return;
  }
  picture.hidden = true;
  void explainLoss(cell);
});

/**
 * Say that the file of a picture is gone, or why the server cannot send it now.
 *
 * @param {Cell | undefined} cell
 */
async function explainLoss(cell) {
  const error = cell ? await failureOf(cell, "large") : null;
  if (cell?.id !== ids[place]) return;
  if (error?.temporary) showError(error);
  else $("#viewer-gone").hidden = false;
}

/** @param {number | null} stars */
function showRating(stars) {
  for (const button of $$("[data-stars]", dialog)) {
    button.setAttribute("aria-pressed", String(stars !== null && Number(button.dataset.stars) === stars));
  }
}

/** @param {boolean} on */
const showFavourite = (on) => $("#viewer-favourite").setAttribute("aria-pressed", String(on));

/** Make the picture a favourite, or take that back. */
function favour() {
  const id = ids[place];
  const { onFavourite } = options;
  return toggleFavourite([id], (_images, on) => {
    const cell = cells.get(id);
    if (cell) cell.favourite = on;
    if (ids[place] === id) showFavourite(on);
    onFavourite(id, on);
  });
}

/**
 * Rate the picture; the same rating again removes it.
 *
 * @param {number} stars 0 for skip.
 */
async function rate(stars) {
  const id = ids[place];
  // Another list may be open once the cell is there.
  const { onRate } = options;
  const cell = await cellOf(id);
  const value = cell.stars === stars ? null : stars;
  /** @param {number | null} now */
  const showNow = (now) => {
    cell.stars = now;
    if (ids[place] === id) showRating(now);
    onRate(id, now);
  };
  const before = cell.stars;
  showNow(value);
  await rateAs(id, value, before, showNow);
}

/** Undo the latest change of the page, and show its picture. */
function undo() {
  const change = undoLatest();
  if (!change || change.image === null || change.restored instanceof Promise) {
    // A change of several pictures, of labels, or of an earlier page may be one of this picture too.
    Promise.resolve(change?.restored).then(() => change && showAnew());
    return;
  }
  const stars = /** @type {number | null} */ (change.restored);
  const cell = cells.get(change.image);
  if (cell) cell.stars = stars;
  const at = ids.indexOf(change.image);
  if (at === place) showRating(stars);
  else if (at >= 0) {
    place = at;
    show();
  }
}

/** Show the picture as the server knows it now. */
function showAnew() {
  forgetCells();
  if (dialog.open) show();
}

/** @param {number} step 1 for the next picture, -1 for the previous one. */
function move(step) {
  const target = place + step;
  if (target < 0 || target >= ids.length) {
    toast(step > 0 ? "That was the last picture." : "That was the first picture.", { key: "end" });
    return;
  }
  place = target;
  show();
}

/**
 * Show a picture next to the current one: what it comes from, or what it led to.
 *
 * @param {number} id
 */
function showKin(id) {
  if (!dialog.open) {
    openViewer([id], 0, options).catch(showError);
    return;
  }
  if (!ids.includes(id)) ids = ids.toSpliced(place + 1, 0, id);
  place = ids.indexOf(id);
  show();
}

/** Offer to draw more like the picture. */
function optimize() {
  const image = Number(find("[data-optimize]", detail)?.dataset.optimize);
  if (image) openOptimize({ image, by: options.by, show: showKin }).catch(showError);
}

function toggleHeat() {
  const button = find("[data-heat]", detail);
  if (button) showHeat(button.getAttribute("aria-pressed") !== "true");
}

/** @param {boolean} on true to lay the heat map over the picture, false to take it away. */
function showHeat(on) {
  const cell = cells.get(ids[place]);
  if (!cell) return;
  find("[data-heat]", detail)?.setAttribute("aria-pressed", String(on));
  find("[data-legend]", detail)?.toggleAttribute("hidden", !on);
  zoom.fit(cell.w, cell.h);
  picture.src = on ? base + heatOf(cell) : addressOf(cell, "large");
}

dialog.addEventListener("click", (event) => {
  const button = around(event, "[data-stars]");
  if (button) rate(Number(button.dataset.stars)).catch(showError);
  else if (around(event, "[data-undo-rating]")) undo();
  else if (around(event, "[data-heat]")) toggleHeat();
  else if (around(event, "[data-optimize]")) optimize();
  else if (around(event, "[data-kin]")) showKin(Number(around(event, "[data-kin]")?.dataset.kin));
  else if (around(event, "[data-copy]")) copyText(around(event, "[data-copy]")?.dataset.copy ?? "");
  else if (event.target === dialog) dialog.close();
});
dialog.addEventListener("keydown", (event) => {
  if (hasModifier(event)) return;
  const stars = starsOf(event.key);
  if (stars !== null) rate(stars).catch(showError);
  else if (zoom.zoomed && event.key in ARROWS) zoom.pan(...ARROWS[event.key]);
  else if (event.key === "ArrowRight") move(1);
  else if (event.key === "ArrowLeft") move(-1);
  // A zoomed picture is shown whole again first, then the viewer closes.
  else if (event.key === "z" || (event.key === "Escape" && zoom.zoomed)) zoom.toggle();
  else if (event.key === "+" || event.key === "=") zoom.by(1.5);
  else if (event.key === "-") zoom.by(1 / 1.5);
  else if (event.key === "f") favour();
  else if (event.key === "h") toggleHeat();
  else if (event.key === "m") find("[data-like]", detail)?.click();
  else if (event.key === "v") find("[data-vary]", detail)?.click();
  else if (event.key === "o") optimize();
  else if (event.key === "u") undo();
  else return;
  event.preventDefault();
});
previous.onclick = () => move(-1);
next.onclick = () => move(1);
$("#viewer-zoom").onclick = () => zoom.toggle();
$("#viewer-favourite").onclick = favour;
$("#viewer-close").onclick = () => dialog.close();
addEventListener("popstate", () => {
  dialog.close();
  // Forward does not open the viewer again, so no Back has to close it.
  if (history.state?.viewer) history.replaceState(null, "");
});
onUndoByNotice(showAnew);
// After a reload the page is shown without the viewer.
if (history.state?.viewer) history.replaceState(null, "");
dialog.addEventListener("close", () => {
  loadLost();
  // This event comes later than the closing.
  if (dialog.open) return;
  if (history.state?.viewer) goBack();
  shows++;
  picture.removeAttribute("src");
  forgetCells();
  if (opener instanceof HTMLElement) opener.focus();
});

/**
 * The pictures in the strip of a thumbnail, and the thumbnail's index among them.
 *
 * @param {HTMLElement} thumb
 * @returns {[number[], number]} ids and index.
 */
export function numbersOf(thumb) {
  const list = $$("[data-picture]", thumb.closest(".strip") ?? thumb.parentElement ?? document).map((other) => Number(other.dataset.picture));
  return [list, list.indexOf(Number(thumb.dataset.picture))];
}

/**
 * Open the thumbnails that the server rendered, each among those of its strip, with the score of the part they are in.
 *
 * @param {HTMLElement} root element around the thumbnails.
 */
export function openThumbs(root) {
  root.addEventListener("click", (event) => {
    const thumb = around(event, "[data-picture]");
    const by = /** @type {HTMLElement | null | undefined} */ (thumb?.closest("[data-by]"))?.dataset.by;
    if (thumb) openViewer(...numbersOf(thumb), { by });
  });
}
