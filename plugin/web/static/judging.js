// Judging pictures: a dialog, and the values once they are there.

import { $, find } from "./dom.js";
import { onJobEnd, watchJobs } from "./jobs.js";
import { post } from "./request.js";
import { showError, toast } from "./toasts.js";

/**
 * Offer to judge pictures, if the page does; it does for the owner.
 *
 * @param {HTMLFormElement} filter the filters of the gallery.
 * @param {() => Record<string, string>} filters the values of the filters.
 * @param {() => unknown} load shows the pictures anew.
 * @param {() => Promise<void>} renew shows the judges anew.
 */
export function startJudging(filter, filters, load, renew) {
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
    await renew();
    // A judge that gave no picture a value is not listed.
    const listed = [...filter.by.options].find((option) => option.value === job.judged);
    if (listed && own.has(job.number)) showValues(filter, listed.value, load);
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
  filter.by.value = name;
  filter.sort.value = "score";
  if (name.startsWith("judge:adherence")) enable(filter.shown, filter.rated);
  load();
}

/**
 * Let a filter be chosen, now that there is something to choose from.
 *
 * @param {HTMLSelectElement} list
 * @param {HTMLSelectElement} other a filter whose first choice is all pictures, too.
 */
export function enable(list, other) {
  list.disabled = false;
  list.removeAttribute("title");
  list.options[0].textContent = other.options[0].textContent;
}
