// The strip of a tune's pictures, newest first: they arrive one by one and can be rated at once.

import { $, around, el } from "./dom.js";
import { hasModifier, starsOf } from "./keys.js";
import { scoreText } from "./judge.js";
import { badge, image } from "./pictures.js";
import { rate } from "./ratings.js";
import { get } from "./request.js";
import { onUndo, undoLatest } from "./undo.js";
import { openViewer } from "./viewer.js";

/**
 * @import { Cell } from "./pictures.js"
 *
 * @typedef {object} TunePicture
 * @property {number} id
 * @property {number} batch
 * @property {number | null} goal value of the goal; null before it was judged.
 *
 * @typedef {object} Place an element of the strip.
 * @property {HTMLElement} node
 * @property {HTMLElement} goal
 * @property {HTMLButtonElement} button
 * @property {number | null} stars
 */

const strip = $("#live");
/** Pictures that one request describes. */
const WINDOW = 200;
/** @type {Map<number, Place>} By picture id. */
const places = new Map();
/** @type {Set<number>} Ids of pictures that are not in the collection. */
const unknown = new Set();

/** Pictures that were shown so far, and clearings: cells that arrive for earlier ones are out of date. */
let shows = 0;

/**
 * Put the strip in step with the tune.
 *
 * @param {TunePicture[]} pictures
 * @param {boolean} points true if the goal is in points, 0 to 100.
 */
export async function showPictures(pictures, points) {
  shows++;
  const mine = shows;
  const missing = pictures.map(({ id }) => id).filter((id) => !places.has(id) && !unknown.has(id));
  for (let start = 0; start < missing.length; start += WINDOW) {
    const ids = missing.slice(start, start + WINDOW);
    /** @type {{ cells: Cell[] }} */
    const { cells } = await get(`/api/cells?ids=${ids}`);
    if (mine !== shows) return;
    ids.forEach((id) => unknown.add(id));
    for (const cell of cells) {
      unknown.delete(cell.id);
      places.set(cell.id, placeOf(cell));
    }
  }
  let position = 0;
  for (const { id, goal } of pictures) {
    const place = places.get(id);
    if (!place) continue;
    place.goal.textContent = goal === null ? "" : scoreText(goal, points);
    const there = strip.children[position];
    if (there !== place.node) strip.insertBefore(place.node, there ?? null);
    position++;
  }
  const current = new Set(pictures.map(({ id }) => id));
  for (const [id, { node }] of places) {
    if (current.has(id)) continue;
    node.remove();
    places.delete(id);
  }
}

/**
 * @param {Cell} cell
 * @returns {Place}
 */
function placeOf(cell) {
  const goal = el("span", { className: "score-mark num" });
  const onclick = () => {
    const ids = [...strip.children].map((child) => Number(/** @type {HTMLElement} */ (child).dataset.id));
    openViewer(ids, ids.indexOf(cell.id), { onRate: showRating });
  };
  const button = el("button", { className: "cell", title: cell.title, onclick }, image(cell), goal);
  const node = el("div", { className: "place", role: "listitem", dataset: { id: cell.id } }, button);
  badge(button, cell.stars);
  return { node, goal, button, stars: cell.stars };
}

/**
 * Show the rating of a picture.
 *
 * @param {number} id
 * @param {number | null} stars
 */
export function showRating(id, stars) {
  const place = places.get(id);
  if (!place) return;
  place.stars = stars;
  badge(place.button, stars);
}

/**
 * Whose scores the pictures show.
 *
 * @param {string[]} judges in words.
 */
export const legendOf = (judges) =>
  `Scores by ${judges.join(", ")}${judges.length > 1 ? " together, in standard deviations" : ""}`;

/** Empty the strip. */
export function clearPictures() {
  shows++;
  strip.replaceChildren();
  places.clear();
}

// The next poll fetches the pictures with their ratings.
onUndo(clearPictures);
strip.addEventListener("keydown", (event) => {
  const node = around(event, "[data-id]");
  const stars = starsOf(event.key);
  if (!node || hasModifier(event)) return;
  if (stars !== null) {
    const id = Number(node.dataset.id);
    const before = places.get(id)?.stars ?? null;
    const value = before === stars ? null : stars;
    showRating(id, value);
    rate(id, value, before, (now) => showRating(id, now));
  } else if (event.key === "u") undoLatest();
  else if (event.key === "ArrowRight" || event.key === "ArrowLeft") {
    const next = event.key === "ArrowRight" ? node.nextElementSibling : node.previousElementSibling;
    next?.querySelector("button")?.focus();
  } else return;
  event.preventDefault();
});
