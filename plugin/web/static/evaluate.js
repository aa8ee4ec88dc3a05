// Evaluate view: findings, choices among near-duplicates, moves of pictures, and their undo.

import "./page.js";

import { actionsEnd, once, onSubmit } from "./actions.js";
import { $, $$, around, find, formValues, setServerHtml } from "./dom.js";
import { followEvaluation } from "./evaluation.js";
import { watchJobs } from "./jobs.js";
import { rememberJudge } from "./judge.js";
import { isForView } from "./keys.js";
import { getHtml, latestHtml, post, queryOf } from "./request.js";
import { showError } from "./toasts.js";
import { onUndo, rememberKeeper, rememberMove, undoLatest } from "./undo.js";
import { openThumbs } from "./viewer.js";

/** @type {HTMLFormElement} */
const form = $("#ask");
/** @type {HTMLFormElement} */
const rule = $("#rule");
const NOT_EVALUATED =
  "Nothing is evaluated yet: Evaluate finds what is in the collection, what is good, and what needs a decision.";
/** Number of groups of near-duplicates to show; empty for the default. */
let groups = "";
const getFindings = latestHtml();
const poll = followEvaluation(NOT_EVALUATED, refresh);

async function refresh() {
  const focused = /** @type {HTMLElement | null} */ (document.activeElement?.closest("[data-keep], [data-all]"));
  const kind = focused?.dataset.keep ? "keep" : "all";
  const value = focused?.dataset[kind];
  setServerHtml($("#findings"), await getFindings(`/evaluate/findings?${queryOf({ groups })}`));
  $("#undo").replaceChildren(...$$("#undo-list", $("#findings")));
  $("#tidy").hidden = $("#jump").hidden = !find("#found")?.dataset.movable;
  if (focused) {
    $$(`[data-${kind}]`)
      .find((button) => button.dataset[kind] === value)
      ?.focus();
  }
  await showPlan();
}

/** @type {AbortController | null} */
let planRequest = null;
/** Show the pictures that the rule would move. */
async function showPlan() {
  planRequest?.abort();
  planRequest = new AbortController();
  if ($("#tidy").hidden) return;
  const options = { signal: planRequest.signal };
  try {
    setServerHtml($("#plan"), await getHtml(`/evaluate/plan?${queryOf(formValues(rule))}`, options));
  } catch (error) {
    if (error.name !== "AbortError") $("#plan").replaceChildren();
    showError(error);
  }
}

/**
 * Post a change, then show its result.
 *
 * @param {string} path
 * @param {object} body
 */
async function change(path, body) {
  /** @type {{ undo?: string, images?: number[], before?: number[] }} */
  const { undo, images, before } = await post(path, body);
  if (undo) {
    rememberMove(undo);
    // The rule must not move the rest.
    rule.reset();
  }
  if (before) rememberKeeper(images ?? [], before);
  watchJobs();
  await poll();
}

document.addEventListener("click", (event) => {
  const button = around(event, "button");
  const { keep, all, groups: more, plan: digest, undo, move } = button?.dataset ?? {};
  let act = null;
  if (keep ?? all) act = () => change("/api/evaluate/keep", { image: keep ?? all, all: keep === undefined });
  else if (digest) act = () => change("/api/evaluate/move", { ...formValues(rule), plan: digest });
  else if (undo) act = () => change("/api/evaluate/undo", { name: undo });
  else if (move) act = () => change("/api/selection/move", { images: move.split(",").map(Number) });
  else if (more) act = () => showGroups(more);
  if (button && act) once(button, act);
});

/** @param {string} count of groups to show. */
function showGroups(count) {
  groups = count;
  return refresh();
}

let typing = 0;
rule.addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(showPlan, 150);
});
rule.addEventListener("submit", (event) => event.preventDefault());
onSubmit(form, () => change("/api/evaluate", formValues(form)));
rememberJudge(form.by);
addEventListener("keydown", (event) => {
  if (isForView(event) && event.key === "u") actionsEnd().then(() => undoLatest());
});
openThumbs($("#main"));
onUndo(poll);
poll();
