// Actions of forms and buttons: one that is under way does not begin again.

import { $ } from "./dom.js";
import { showError } from "./toasts.js";

/** @type {WeakSet<Element>} Forms and buttons whose action is under way. */
const busy = new WeakSet();
/** @type {Set<Promise<unknown>>} Actions that are under way. */
const running = new Set();

/**
 * Carry out the action of a form or a button, unless it is under way: the second click of two does nothing.
 *
 * @param {Element} node
 * @param {() => Promise<unknown>} act
 * @param {(error: Error) => void} [fail] shows an error.
 */
export async function once(node, act, fail = showError) {
  if (busy.has(node)) return;
  busy.add(node);
  const action = (async () => act())();
  running.add(action);
  try {
    await action;
  } catch (error) {
    fail(error);
  } finally {
    busy.delete(node);
    running.delete(action);
  }
}

/** Wait for the actions that are under way, such as before the latest change is undone. */
export const actionsEnd = () => Promise.allSettled(running);

/**
 * Have a form sent by a function, whose error is shown in the form.
 *
 * @param {HTMLFormElement} form
 * @param {() => Promise<unknown>} send
 */
export function onSubmit(form, send) {
  const room = $(".error", form);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const act = async () => {
      await send();
      room.textContent = "";
    };
    once(form, act, (error) => (room.textContent = error.message));
  });
}
