// Judging pictures: a dialog, and the values once they are there.

import { $, el, find } from "./dom.js";
import { onJobEnd, watchJobs } from "./jobs.js";
import { post } from "./request.js";
import { showError, toast } from "./toasts.js";

/**
 * Offer to judge pictures, if the page does; it does for the owner.
 *
 * @param {HTMLFormElement} filter the filters of the gallery.
 * @param {() => Record<string, string>} filters the values of the filters.
 * @param {() => unknown} load shows the pictures anew.
 */
export function startJudging(filter, filters, load) {
  /** @type {HTMLDialogElement | null} */
  const dialog = /** @type {any} */ (find("#judge-dialog"));
  if (!dialog) return;
  /** @type {HTMLFormElement} */
  const form = $("form", dialog);
  /** @type {Set<number>} Numbers of the jobs that this page has started. */
  const own = new Set();
  /** The latest request that starts a job: a quick job may end before its number is known. */
  let started = Promise.resolve();
  const offerArgument = () => {
    const { argument } = form.judge.selectedOptions[0].dataset;
    // Judges of other packages do not say what they take.
    form.argument.placeholder = argument;
  };
  form.judge.onchange = offerArgument;
  $("#judge").onclick = () => {
    offerArgument();
    dialog.showModal();
  };
  $("[data-close]", dialog).onclick = () => dialog.close();
  form.onsubmit = () => {
    const argument = form.argument.value.trim();
    const judge = argument ? `${form.judge.value}:${argument}` : form.judge.value;
    started = post("/api/judge", { judge, filters: form.which.value === "all" ? {} : filters() }).then(({ job }) => {
      own.add(job);
      watchJobs();
    }, showError);
  };
  onJobEnd("judge:", async (job) => {
    await started;
    if (job.state !== "failed") toast(job.message);
    if (job.judged && own.has(job.number)) showValues(filter, job.judged, load);
  });
}

/**
 * Sort by the values of a judge.
 *
 * @param {HTMLFormElement} filter
 * @param {string} name under which they are stored.
 * @param {() => unknown} load
 */
function showValues(filter, name, load) {
  const known = [...filter.by.options].find((option) => option.value === name);
  const judge = name.replace(/^judge:/, "").replace(/@.*/, "");
  const option = known ?? el("option", { value: name, textContent: judge, dataset: { title: judge } });
  option.dataset.known = "1";
  // Before the faults, which come last.
  if (!known) filter.by.insertBefore(option, find("optgroup", filter.by));
  filter.by.value = name;
  filter.sort.value = "score";
  if (name.startsWith("judge:adherence")) {
    filter.shown.disabled = false;
    filter.shown.options[0].textContent = filter.rated.options[0].textContent;
  }
  load();
}
