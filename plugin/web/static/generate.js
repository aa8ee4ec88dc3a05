// Generate view: a form, and the pictures as they are drawn.

import "./page.js";

import { onSubmit } from "./actions.js";
import { $, find } from "./dom.js";
import { watchJobs } from "./jobs.js";
import { openOptimize } from "./optimize.js";
import { get, post } from "./request.js";
import { clearPictures, legendOf, showPictures } from "./strip.js";
import { showError, toast } from "./toasts.js";
import { openViewer } from "./viewer.js";
import { startWeights, weightsIn } from "./weights.js";

/**
 * @typedef {object} State
 * @property {boolean} live true while pictures are drawn.
 * @property {number} total pictures; 0 before the first drawing.
 * @property {number[]} pictures ids, as they were drawn; once judges have sorted them, best first.
 * @property {Record<number, number>} values of the judges, by id; empty until they have judged.
 * @property {string[]} judges in words.
 * @property {boolean} points true if the values are points, 0 to 100.
 * @property {string} doing how far the present picture is; empty if that is not known.
 * @property {string} message the outcome, a sentence; empty while it runs.
 * @property {boolean} failed
 * @property {string} backend the running backend that draws; empty for none.
 */

/** @type {HTMLFormElement} */
const form = $("#draw");
let timer = 0;
let live = false;
/** States that were shown so far. */
let shows = 0;

/** @param {State} state */
async function show(state) {
  shows++;
  ({ live } = state);
  const { total, pictures, values, judges, points, doing, message, failed, backend } = state;
  const named = find("#backend");
  if (named) named.textContent = backend;
  const progress = `${pictures.length} of ${total} ${total === 1 ? "picture is" : "pictures are"} drawn.`;
  $("#state").textContent = live ? progress + (doing && ` (${doing})`) : message;
  $("#state").classList.toggle("error", failed);
  $("button.primary", form).toggleAttribute("disabled", live);
  const sorted = Object.keys(values).length > 0;
  $("#live").ariaLabel = sorted ? "Pictures, best first" : "Pictures, newest first";
  const order = sorted ? pictures : pictures.toReversed();
  $("#legend").hidden = !sorted;
  $("#legend").textContent = legendOf(judges);
  await showPictures(order.map((id) => ({ id, batch: 0, goal: values[id] ?? null })), points);
}

async function poll() {
  clearTimeout(timer);
  const before = shows;
  try {
    /** @type {State} */
    const state = await get("/api/generate");
    // Another that was shown meanwhile, such as in answer to the form, is newer.
    if (before === shows) await show(state);
    toast("", { key: "generate" });
  } catch (error) {
    toast(`${error.message} Everything drawn so far is kept.`, { key: "generate", sticky: true, bad: true });
  }
  timer = setTimeout(poll, live ? 700 : 4000);
}

/** The fields of the form, without judges. */
function drawing() {
  const values = new FormData(form);
  return { ...Object.fromEntries(values), template: values.has("template") };
}

onSubmit(form, async () => {
  const state = await post("/api/generate", { ...drawing(), by: weightsIn(form) });
  clearPictures();
  await show(state);
  watchJobs();
  poll();
});
$("#optimize-prompt").onclick = () => {
  if (!form.reportValidity()) return;
  const [by = ""] = Object.keys(weightsIn(form));
  openOptimize({ drawing: drawing(), by, show: (id) => openViewer([id], 0) }).catch(showError);
};
startWeights(form);
poll();
