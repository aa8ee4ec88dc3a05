// The state of the evaluation behind a view: shown on the page, and followed.

import { $ } from "./dom.js";
import { get } from "./request.js";
import { toast } from "./toasts.js";
import { _ } from "./translate.js";

/**
 * @typedef {object} State
 * @property {number} version grows with every change of the findings.
 * @property {boolean} live true while a job is at work.
 * @property {boolean} found true if there are findings.
 * @property {string} message of the last job; empty while one is live.
 * @property {boolean} failed
 */

/**
 * Follow the evaluation: `#state` shows its state, the form's main button rests while it works, and `refresh` is called
 * with every change of the findings.
 *
 * @param {string} nothing text before the first evaluation.
 * @param {() => Promise<void>} refresh shows the findings.
 * @returns {() => Promise<void>} asks for the state at once.
 */
export function followEvaluation(nothing, refresh) {
  /** @type {HTMLButtonElement} */
  const start = $("#ask .primary");
  let version = -1;
  let live = false;
  let timer = 0;

  /** @param {State} state */
  async function show(state) {
    if (live && !state.live && state.message && !state.failed) toast(state.message, { key: "done" });
    live = state.live;
    start.disabled = live;
    $("#state").className = state.failed ? "error" : "dim";
    $("#state").textContent = textOf(state);
    if (live || state.version === version) return;
    version = state.version;
    await refresh();
  }

  /** @param {State} state */
  function textOf(state) {
    if (state.live) return _("Working: the line at the top shows the progress.");
    if (state.failed) return state.message;
    return state.found ? "" : nothing;
  }

  async function poll() {
    clearTimeout(timer);
    try {
      await show(await get("/api/evaluate"));
      toast("", { key: "evaluate" });
    } catch (error) {
      toast(error.message, { key: "evaluate", sticky: true, bad: true });
    }
    timer = setTimeout(poll, document.hidden ? 5000 : live ? 500 : 4000);
  }

  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) poll();
  });
  return poll;
}
