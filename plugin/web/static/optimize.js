// "More of what I like": a dialog that starts a run, follows it, and shows its result beside the start.

import { onSubmit } from "./actions.js";
import { $, around, el, formValues, setServerHtml } from "./dom.js";
import { cancelJob, onJobEnd, onJobProgress, progressOf, watchJobs } from "./jobs.js";
import { getHtml, post, queryOf } from "./request.js";
import { showError, toast } from "./toasts.js";

/** @type {HTMLDialogElement} */
const dialog = $("#optimize");
/** True while the dialog follows a run. */
let following = false;
/** @type {(id: number) => unknown} Shows a picture of the result. */
let open = () => {};

/**
 * Ask for a judge and seconds, and optimize.
 *
 * @param {object} what
 * @param {number} [what.image] the picture to begin with; otherwise the fields of a form are sent.
 * @param {Record<string, unknown>} [what.drawing] these fields.
 * @param {string} [what.by] the judge of the page.
 * @param {(id: number) => unknown} [what.show] shows a picture of the result.
 */
export async function openOptimize({ image, drawing = {}, by = "", show = open }) {
  open = show;
  setServerHtml(dialog, await getHtml(`/optimize?${queryOf({ image: image ? String(image) : "", by })}`));
  /** @type {HTMLFormElement} */
  const form = $("form", dialog);
  onSubmit(form, async () => {
    const { by: judge, seconds, strength } = formValues(form);
    await post("/api/optimize", {
      ...drawing,
      image: image ?? null,
      judge,
      seconds: Number(seconds),
      strength: strength ? Number(strength) : null,
    });
    follow();
  });
  if (!dialog.open) dialog.showModal();
}

/** Show the progress of the run, until it ends or the dialog is closed. */
function follow() {
  following = true;
  const cancel = el("button", { type: "button", className: "quiet", textContent: "Cancel", hidden: true });
  const close = el("button", { type: "button", className: "primary", textContent: "Close", onclick: () => dialog.close() });
  const text = el("p", { textContent: "Optimizing…", role: "status" });
  const bar = el("progress", { max: 1 });
  const note = el("p", { className: "dim", textContent: "You can close this: it goes on in the background." });
  dialog.replaceChildren(
    el("h2", { textContent: "More of what I like" }),
    text,
    bar,
    note,
    el("div", { className: "row end" }, cancel, close),
  );
  onJobProgress("optimize", (job) => {
    text.textContent = progressOf(job);
    if (job.total) bar.value = job.done / job.total;
    cancel.hidden = !job.cancellable;
    cancel.onclick = () => cancelJob(job);
  });
  watchJobs();
}

onJobEnd("optimize", async (job) => {
  if (!following || !dialog.open) {
    if (job.state !== "failed") toast("Your optimized picture is in the collection, as the newest.", { key: "optimize" });
    return;
  }
  following = false;
  setServerHtml(dialog, await getHtml("/optimized"));
});

dialog.addEventListener("click", (event) => {
  const kin = around(event, "[data-kin]");
  const again = around(event, "[data-optimize]");
  if (kin) {
    dialog.close();
    open(Number(kin.dataset.kin));
  } else if (again) openOptimize({ image: Number(again.dataset.optimize) }).catch(showError);
  else if (around(event, "[data-close]") || event.target === dialog) dialog.close();
});
dialog.addEventListener("close", () => (following = false));
