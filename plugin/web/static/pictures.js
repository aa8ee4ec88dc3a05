// Pictures of the collection as elements, and the mark of their rating.

import { $$, el, find } from "./dom.js";
import { getHtml } from "./request.js";
import { base } from "./session.js";

/**
 * @typedef {object} Cell a picture, as the server describes it.
 * @property {number} id
 * @property {string} v start of the hash of its content.
 * @property {number} w width in pixels.
 * @property {number} h height in pixels.
 * @property {string} title
 * @property {string | null} problem the reason if it is left out of rankings.
 * @property {number | null} stars your rating, 1–5; 0 for skipped, -1 for "not for me", null for none.
 * @property {boolean} favourite true if it is your favourite.
 * @property {number | null} score by the judge asked for.
 * @property {number | null} percentile of that score in the collection.
 */

/**
 * @param {Cell} cell
 * @param {"small" | "large" | "full"} size
 */
const pathOf = (cell, size) => `/pictures/${cell.id}/${size}?v=${cell.v}`;

/**
 * Address of a picture's file.
 *
 * @param {Cell} cell
 * @param {"small" | "large" | "full"} [size]
 */
export const addressOf = (cell, size = "small") => base + pathOf(cell, size);

/**
 * The reason why a picture did not arrive, which an image does not tell.
 *
 * @param {Cell} cell
 * @param {"small" | "large" | "full"} size
 * @returns {Promise<import("./request.js").RequestError | null>} null if it arrives now.
 */
export const failureOf = (cell, size) => getHtml(pathOf(cell, size), { cache: "reload" }).then(() => null, (error) => error);

/**
 * True if a picture is so small that it is enlarged without smoothing.
 *
 * @param {Cell} cell
 */
export const isTiny = (cell) => Math.max(cell.w, cell.h) <= 128;

/** Load images again that did not arrive: their files may be back. */
export function loadLost() {
  for (const node of $$("img.lost[data-picture]")) /** @type {HTMLImageElement} */ (node).src = node.getAttribute("src") ?? "";
}

// Files are brought back in another window.
addEventListener("focus", loadLost);
document.addEventListener("visibilitychange", () => document.hidden || loadLost());

/**
 * An image that says so as long as its file is gone.
 *
 * @param {Cell} cell
 * @param {"small" | "large" | "full"} [size]
 */
export function image(cell, size = "small") {
  const node = el("img", { alt: cell.title, decoding: "async", draggable: false, dataset: { picture: cell.id } });
  if (isTiny(cell)) node.classList.add("sharp");
  node.onerror = () => {
    node.classList.add("lost");
    node.alt = `gone: ${cell.title}`;
  };
  node.onload = () => {
    node.classList.remove("lost");
    node.alt = cell.title;
  };
  node.src = addressOf(cell, size);
  return node;
}

/**
 * Show a rating in the corner of a picture's button.
 *
 * @param {HTMLElement} button
 * @param {number | null} stars 0 for skipped, -1 for "not for me", null for no mark.
 */
export function badge(button, stars) {
  find(".badge-stars", button)?.remove();
  if (stars === null) return;
  const [textContent, ariaLabel] =
    stars > 0 ? [`★${stars}`, `rated ${stars}`] : stars ? ["⊘", "not for me"] : ["»", "skipped"];
  button.append(el("span", { className: "badge-stars num", textContent, ariaLabel }));
}

/**
 * Show in the corner of a picture's button that it is a favourite, or is none.
 *
 * @param {HTMLButtonElement} button
 * @param {boolean} on
 */
export function heart(button, on) {
  find(".badge-heart", button)?.remove();
  if (on) button.append(el("span", { className: "badge-heart", textContent: "♥", ariaLabel: "favourite" }));
}
