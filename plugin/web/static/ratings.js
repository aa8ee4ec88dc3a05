// Ratings made on this page, which can be undone one after the other.

import { save } from "./outbox.js";
import { toast } from "./toasts.js";

/**
 * @typedef {object} Entry
 * @property {number} image
 * @property {number | null} stars the rating; 0 for skip, null for none.
 * @property {number | null} before the rating in its place, as this page or, once it has answered, the server knows it.
 * @property {(stars: number | null) => void} show shows another rating of the picture.
 */

/** @type {Entry[]} The latest one last. */
const entries = [];

/** @param {number | null} stars */
const wordOf = (stars) => (stars === null ? "no rating" : stars || "skip");

/**
 * Rate a picture.
 *
 * @param {number} image
 * @param {number | null} stars 0 for skip, null to remove the rating.
 * @param {number | null} before the rating that this page knows.
 * @param {(stars: number | null) => void} show shows another rating of the picture, when this one is undone.
 */
export async function rate(image, stars, before, show) {
  const entry = { image, stars, before, show };
  entries.push(entry);
  /** @type {{ before: number | null } | null} */
  const response = await save("/api/rate", { image, stars });
  if (!response || response.before === before) return;
  // Another tab has rated it: undo must restore that rating.
  entry.before = response.before;
  if (response.before === null) return;
  const earlier = response.before ? `rated this ${response.before}` : "skipped this";
  toast(`You ${earlier} in another tab; your latest rating (${wordOf(stars)}) counts.`, { key: "twice" });
}

/**
 * Undo the latest rating of this page, or the latest one of a picture.
 *
 * @param {number} [image]
 * @returns {Entry | null} the rating; null if there is none to undo.
 */
export function undoRating(image) {
  const place = entries.findLastIndex((entry) => image === undefined || entry.image === image);
  if (place < 0) {
    if (image === undefined) toast("Nothing to undo on this page.", { key: "undo" });
    return null;
  }
  const [entry] = entries.splice(place, 1);
  const { stars, before, show } = entry;
  show(before);
  toast(`Undone: ${wordOf(stars)}.`, { key: "undo" });
  /** @param {{ stars: number | null } | null} response */
  const check = (response) => {
    if (!response || response.stars === before) return;
    show(response.stars);
    toast(`You have changed this in another tab since: ${wordOf(response.stars)} stays.`, { key: "undo" });
  };
  save("/api/rate", { image: entry.image, stars: before, instead_of: stars }).then(check);
  return entry;
}
