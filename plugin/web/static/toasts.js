// Short notices at the bottom of the page.

import { $, $$, el } from "./dom.js";

/** @type {WeakMap<HTMLElement, number>} */
const timers = new WeakMap();
/** Milliseconds that a notice stays, without and with a button. */
const SHORT = 5000;
const LONG = 10000;

/**
 * Show a notice for five seconds, or ten if it has a button; an empty text removes the notice of that key.
 *
 * @param {string} text
 * @param {object} [options]
 * @param {string} [options.key] a notice replaces the earlier one of its key; by default its text.
 * @param {boolean} [options.sticky] true: it stays until it is replaced or removed.
 * @param {boolean} [options.bad] true: it reports a problem.
 * @param {(() => unknown) | null} [options.undo] undoes what the notice reports, by a button.
 * @param {string} [options.change] id of the change that it reports.
 */
export function toast(text, { key = text, sticky = false, bad = false, undo = null, change = "" } = {}) {
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
  notice.dataset.change = change;
  notice.replaceChildren(el("span", { textContent: text }));
  if (undo) notice.append(undoButton(notice, undo));
  clearTimeout(timers.get(notice));
  if (!sticky) removeLater(notice, undo ? LONG : SHORT);
}

/**
 * A button that undoes a change and removes its notice.
 *
 * @param {HTMLElement} notice
 * @param {() => unknown} undo
 */
function undoButton(notice, undo) {
  const button = el("button", { type: "button", textContent: "Undo" }, el("kbd", { textContent: "u" }));
  button.setAttribute("aria-keyshortcuts", "u");
  // The focus stays where it is, such as on a picture, if the button is pressed by mouse or finger.
  button.onmousedown = (event) => event.preventDefault();
  button.onclick = () => {
    notice.remove();
    undo();
  };
  return button;
}

/**
 * Remove a notice after some time, but not while it is pointed at or has the focus.
 *
 * @param {HTMLElement} notice
 * @param {number} time milliseconds.
 */
function removeLater(notice, time) {
  const remove = () => {
    const pointed = matchMedia("(hover: hover)").matches && notice.matches(":hover");
    if (pointed || notice.matches(":focus-within")) removeLater(notice, 1000);
    else notice.remove();
  };
  timers.set(notice, setTimeout(remove, time));
}

/**
 * Remove the notices of a change that was undone.
 *
 * @param {string} change its id.
 */
export const withdraw = (change) =>
  $$(".toast", $("#toasts")).filter((notice) => notice.dataset.change === change).forEach((notice) => notice.remove());

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
 * @param {{ key?: string, sticky?: boolean }} [options] as for `toast`.
 */
export function showError(error, options = {}) {
  if (error.name !== "AbortError") toast(error.message, { ...options, bad: true });
}
