// Changes made on this page, which can be undone one after the other.

import { toast } from "./toasts.js";

/**
 * @typedef {object} Change
 * @property {number | null} image the picture that changed; null for a change of several.
 * @property {() => unknown} undo returns the restored value.
 */

/** @type {Change[]} The latest one last. */
const changes = [];

/**
 * Remember a change that can be undone.
 *
 * @param {() => unknown} undo returns the restored value.
 * @param {number | null} [image] the picture that changed; null for a change of several.
 * @returns {() => void} forgets the change.
 */
export function remember(undo, image = null) {
  const change = { image, undo };
  changes.push(change);
  return () => {
    const place = changes.indexOf(change);
    if (place >= 0) changes.splice(place, 1);
  };
}

/**
 * Undo the latest change of this page, or the latest one of a picture.
 *
 * @param {number} [image]
 * @returns {{ image: number | null, restored: unknown } | null} what changed; null if there is nothing to undo.
 */
export function undoLatest(image) {
  const place = changes.findLastIndex((change) => image === undefined || change.image === image);
  if (place < 0) {
    if (image === undefined) toast("Nothing to undo on this page.", { key: "undo" });
    return null;
  }
  const [{ image: changed, undo }] = changes.splice(place, 1);
  return { image: changed, restored: undo() };
}
