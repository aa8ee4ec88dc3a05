// Keys: the ones a view may use, and the ratings they stand for.

import { around } from "./dom.js";

/**
 * True if a view may act on a key: no modifier is held, no field has the focus, no dialog is open.
 *
 * @param {KeyboardEvent} event
 */
export const isForView = (event) => !hasModifier(event) && !around(event, "input, textarea, select, dialog[open]");

/**
 * True if Ctrl, Meta or Alt is held.
 *
 * @param {KeyboardEvent} event
 */
export const hasModifier = (event) => event.ctrlKey || event.metaKey || event.altKey;

/** "Not for me" among ratings. */
export const NOT_FOR_ME = -1;

/**
 * The rating of a key: 1–5, 0 for x (skip), -1 for n (not for me), null for any other key.
 *
 * @param {string} key
 * @returns {number | null}
 */
export function starsOf(key) {
  if (/^[1-5]$/.test(key)) return Number(key);
  if (key === "n" || key === "N") return NOT_FOR_ME;
  return key === "x" || key === "X" ? 0 : null;
}
