// Tags, albums and favourites of pictures.

import { $, el } from "./dom.js";
import { counted } from "./format.js";
import { save } from "./outbox.js";
import { get } from "./request.js";
import { showError, toast } from "./toasts.js";
import { remember } from "./undo.js";

/** @typedef {"tag" | "album" | "favourite"} Kind */

/**
 * Give pictures a label, or take it away; this can be undone.
 *
 * @param {Kind} kind
 * @param {string} name of the tag or album; empty for a favourite.
 * @param {number[]} images
 * @param {boolean} on true to give it.
 * @param {(images: number[], on: boolean) => void} [show] called with the pictures that changed, now and after an undo.
 * @returns {Promise<number[] | null>} the pictures that changed; null if the server refused, which was shown.
 */
async function setLabel(kind, name, images, on, show = () => {}) {
  const label = { favourite: "favourite", tag: `tag “${name}”`, album: `album “${name}”` }[kind];
  /** @type {Promise<{ changed: number[] } | null>} */
  const stored = save("/api/selection/label", { kind, name, images, on });
  // At once: u may be pressed before the server has answered.
  const undo = async () => {
    const { changed: known } = (await stored) ?? { changed: [] };
    toast(`Undone: ${label}.`, { key: "undo" });
    await save("/api/selection/label", { kind, name, images: known, on: !on });
    show(known, !on);
  };
  const { answer, forget, notify } = remember({ request: null, undo });
  const changed = (await stored)?.changed ?? null;
  if (!changed?.length) {
    forget();
    return changed;
  }
  answer({ path: "/api/selection/label", body: { kind, name, images: changed, on: !on }, word: label });
  show(changed, on);
  // Each label has a notice of its own: several can be given at once.
  notify(noticeOf(kind, label, changed.length, on), `label ${kind} ${name}`);
  return changed;
}

/**
 * The notice of a changed label.
 *
 * @param {Kind} kind
 * @param {string} label in words.
 * @param {number} count of pictures that changed.
 * @param {boolean} on true if it was given.
 */
function noticeOf(kind, label, count, on) {
  if (kind === "favourite")
    return on
      ? `${counted(count)} marked as ${count === 1 ? "a favourite" : "favourites"}.`
      : `${counted(count)} ${count === 1 ? "is no longer a favourite" : "are no longer favourites"}.`;
  return `${counted(count)} ${on ? "with" : "without"} ${label}.`;
}

/**
 * Make pictures favourites or, if all of them are, make them none.
 *
 * @param {number[]} images
 * @param {(images: number[], on: boolean) => void} [show] as for `setLabel`.
 */
export async function toggleFavourite(images, show) {
  const changed = await setLabel("favourite", "", images, true, show);
  if (changed?.length === 0) await setLabel("favourite", "", images, false, show);
}

/**
 * Ask for a tag or an album, and give it to pictures or take it away.
 *
 * @param {"tag" | "album"} kind
 * @param {number[]} images
 * @param {() => void} show called when the labels have changed.
 */
export async function askForLabel(kind, images, show) {
  /** @type {HTMLDialogElement} */
  const dialog = $("#label-dialog");
  /** @type {HTMLFormElement} */
  const form = $("form", dialog);
  /** @type {Record<"tag" | "album", [string, number][]>} */
  let known;
  try {
    known = await get("/api/labels");
  } catch (error) {
    showError(error);
    return;
  }
  $("#label-title").textContent =
    kind === "tag"
      ? `Tags of ${counted(images.length)}`
      : `Albums of ${counted(images.length)}`;
  $("#label-names").replaceChildren(...known[kind].map(([value]) => el("option", { value })));
  form.reset();
  form.onsubmit = async (event) => {
    const on = /** @type {HTMLButtonElement} */ (event.submitter).value === "add";
    const names = String(new FormData(form).get("name")).split(",");
    for (const name of names.map((text) => text.trim()).filter(Boolean))
      await setLabel(kind, name, images, on, show);
  };
  $("[data-close]", dialog).onclick = () => dialog.close();
  dialog.showModal();
}
