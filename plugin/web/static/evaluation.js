// The state of the evaluation behind a view: shown on the page, and followed.

import { $ } from "./dom.js";
import { get } from "./request.js";
import { showError, toast } from "./toasts.js";

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
  /** Questions so far: only the latest counts. */
  let polls = 0;

  /** @param {State} state */
  async function show(state) {
    if (live && !state.live && state.message && !state.failed) toast(state.message, { key: "done" });
    live = state.live;
    start.disabled = live;
    $("#state").className = state.failed ? "error" : "dim";
    $("#state").textContent = textOf(state);
    if (live || state.version === version) return;
    version = state.version;
    try {
      await refresh();
    } catch (error) {
      // The next poll asks again.
      if (version === state.version) version = -1;
      throw error;
    }
  }

  /** @param {State} state */
  function textOf(state) {
    if (state.live) return "Working: the line at the top shows the progress.";
    if (state.failed) return state.message;
    return state.found ? "" : nothing;
  }

  async function poll() {
    clearTimeout(timer);
    polls++;
    const mine = polls;
    try {
      const state = await get("/api/evaluate");
      if (mine !== polls) return;
      await show(state);
      toast("", { key: "evaluate" });
    } catch (error) {
      if (mine === polls) showError(error, { key: "evaluate", sticky: true });
    }
    if (mine === polls) timer = setTimeout(poll, document.hidden ? 5000 : live ? 500 : 4000);
  }

  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) poll();
  });
  return poll;
}
