// Short notices at the bottom of the page.

import { $, $$, el } from "./dom.js";

/** @type {WeakMap<HTMLElement, number>} */
const timers = new WeakMap();

/**
 * Show a notice for five seconds; an empty text removes the notice of that key.
 *
 * @param {string} text
 * @param {object} [options]
 * @param {string} [options.key] a notice replaces the earlier one of its key; by default its text.
 * @param {boolean} [options.sticky] true: it stays until it is replaced or removed.
 * @param {boolean} [options.bad] true: it reports a problem.
 */
export function toast(text, { key = text, sticky = false, bad = false } = {}) {
  const room = $("#toasts");
  let node = $$(".toast", room).find((other) => other.dataset.key === key);
  if (!text) {
    node?.remove();
    return;
  }
  if (!node) {
    node = el("p", { dataset: { key } });
    room.append(node);
  }
  bringToFront(room);
  const notice = node;
  notice.className = bad ? "toast bad" : "toast";
  notice.textContent = text;
  clearTimeout(timers.get(notice));
  if (!sticky)
    timers.set(
      notice,
      setTimeout(() => notice.remove(), 5000),
    );
}

/**
 * Move the notices into the open dialog, which would cover them, until it closes.
 *
 * @param {HTMLElement} room
 */
function bringToFront(room) {
  const dialog = $$("dialog:modal").at(-1);
  if (!dialog || dialog.contains(room)) return;
  dialog.append(room);
  dialog.addEventListener("close", () => document.body.append(room), { once: true });
}

/**
 * Show an error as a notice, unless it only says that a request was aborted.
 *
 * @param {Error} error
 */
export function showError(error) {
  if (error.name !== "AbortError") toast(error.message, { bad: true });
}
