// Ratings in words, and the check that an undo has restored them.

import { counted, decimal } from "./format.js";
import { NOT_FOR_ME } from "./keys.js";
import { toast } from "./toasts.js";

/** @typedef {number | null} Stars 1–5; 0 for skip, -1 for "not for me", null for none. */

/** @param {number} stars */
export const starsIn = (stars) => decimal(stars, stars % 1 ? 1 : 0);

/** @param {Stars} stars */
export function wordOf(stars) {
  if (stars === null) return "no rating";
  if (stars === NOT_FOR_ME) return "not for me";
  return stars ? starsIn(stars) : "skip";
}

/**
 * A change of a rating in words, for the notice of its undo.
 *
 * @param {Stars} stars
 */
export const changeTo = (stars) =>
  stars && stars > 0 ? `rating ${starsIn(stars)}` : wordOf(stars);

/**
 * Say that a rating was not restored, because there is a later one.
 *
 * @param {{ stars: Stars } | null} response to the undo; null if there was none.
 * @param {Stars} wanted the rating to restore.
 * @returns {boolean} true if a later rating stays.
 */
export function laterStays(response, wanted) {
  if (!response || response.stars === wanted) return false;
  const text = `You have changed this in another tab since: ${wordOf(response.stars)} stays.`;
  toast(text, { key: "undo" });
  return true;
}

/**
 * Say how many ratings of a selection were not restored, because there are later ones.
 *
 * @param {{ now: [number, Stars][] } | null} response to the undo; null if there was none.
 * @param {[number, Stars][]} wanted the ratings to restore.
 * @returns {number} of later ratings that stay.
 */
export function laterOnesStay(response, wanted) {
  const before = new Map(wanted);
  const later = response?.now.filter(([image, stars]) => stars !== before.get(image)).length ?? 0;
  if (!later) return 0;
  const [ratings, stay] = later === 1 ? ["the rating", "it stays"] : ["the ratings", "they stay"];
  toast(`You have changed ${ratings} of ${counted(later)} in another tab since: ${stay}.`, { key: "undo" });
  return later;
}
