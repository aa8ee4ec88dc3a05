// Keepers view: groups with the picture to keep, corrections of groups, moves of the others, and their undo.

import "./page.js";

import { actionsEnd, once, onSubmit } from "./actions.js";
import { $, $$, around, find, formValues, setServerHtml } from "./dom.js";
import { followEvaluation } from "./evaluation.js";
import { watchJobs } from "./jobs.js";
import { rememberJudge } from "./judge.js";
import { isForView } from "./keys.js";
import { confirmMove } from "./moving.js";
import { latestHtml, post, queryOf } from "./request.js";
import { showError } from "./toasts.js";
import { onUndo, remember, rememberKeeper, rememberMove, undoLatest } from "./undo.js";
import { openThumbs } from "./viewer.js";

/** @type {HTMLFormElement} */
const form = $("#ask");
const room = $("#groups");
/** Number of groups to show; empty for the default. */
let most = "";
const getGroups = latestHtml();
const poll = followEvaluation("Nothing is evaluated yet: Evaluate finds the groups.", refresh);

/** What the form asks for, as the server reads it. */
function grouping() {
  const { group, per } = formValues(form);
  return { group, per };
}

/** Show the groups anew; the focus stays on its picture. */
async function refresh() {
  const focused = /** @type {HTMLElement | null} */ (document.activeElement?.closest("figure"));
  const image = focused && find("[data-picture]", focused)?.dataset.picture;
  const kind = document.activeElement?.closest("[data-keep]") ? "keep" : "picture";
  setServerHtml(room, await getGroups(`/keepers/groups?${queryOf({ ...grouping(), groups: most })}`));
  if (image) find(`.group [data-${kind}="${image}"]`, room)?.focus();
}

/**
 * Ids of the group around an element.
 *
 * @param {Element} node
 */
const groupOf = (node) =>
  (/** @type {HTMLElement} */ (node.closest("[data-group]")).dataset.group ?? "").split(",").map(Number);

/**
 * Keep a picture in place of the others of its group; or all of them, or again the proposed one.
 *
 * @param {Element} node of the group.
 * @param {number} [image]
 */
async function keep(node, image) {
  const images = groupOf(node);
  /** @type {{ before: number[] }} */
  const { before } = await post("/api/keepers/keep", { images, image: image ?? images[0], all: image === undefined });
  rememberKeeper(images, before);
  await poll();
}

/** @param {Element} node of the group. */
async function markDistinct(node) {
  /** @type {{ name: string }} */
  const { name } = await post("/api/keepers/distinct", { images: groupOf(node) });
  const request = { path: "/api/keepers/distinct", body: { undo: name }, word: "not duplicates" };
  remember({ request }).notify("Marked as not duplicates.", "distinct");
  await poll();
}

/**
 * Post a change that works in the background.
 *
 * @param {string} path
 * @param {object} body
 */
async function start(path, body) {
  /** @type {{ undo?: string }} */
  const { undo } = await post(path, body);
  if (undo) rememberMove(undo);
  watchJobs();
  await poll();
}

/**
 * Move the others away, after a question.
 *
 * @param {string} plan its digest.
 * @param {number} files that it moves.
 * @param {string} folder to which it moves them.
 */
async function move(plan, files, folder) {
  if (confirmMove(files, folder)) await start("/api/keepers/move", { ...grouping(), plan });
}

document.addEventListener("click", (event) => {
  const button = around(event, "button");
  const { keep: image, all, distinct, forget, plan, undo, groups } = button?.dataset ?? {};
  if (!button) return;
  let act = null;
  if (image) act = () => keep(button, Number(image));
  else if (all !== undefined) act = () => keep(button);
  else if (distinct !== undefined) act = () => markDistinct(button);
  else if (forget) act = () => start("/api/keepers/distinct", { undo: forget });
  else if (plan) act = () => move(plan, Number(button.dataset.files), button.dataset.folder ?? "");
  else if (undo) act = () => start("/api/evaluate/undo", { name: undo });
  else if (groups) act = () => showGroups(groups);
  if (act) once(button, act);
});

/** @param {string} count of groups to show; empty for the default. */
function showGroups(count) {
  most = count;
  return refresh();
}


addEventListener("keydown", (event) => {
  if (!isForView(event)) return;
  const thumbs = $$(".group [data-picture]", room);
  const figure = around(event, "figure");
  const thumb = figure && find("[data-picture]", figure);
  const at = thumb ? thumbs.indexOf(thumb) : -1;
  if (event.key === "ArrowRight") thumbs[Math.min(at + 1, thumbs.length - 1)]?.focus();
  else if (event.key === "ArrowLeft") thumbs[Math.max(at - 1, 0)]?.focus();
  else if (event.key === "k" && thumb) once(thumb, () => keep(thumb, Number(thumb.dataset.picture)));
  else if (event.key === "d" && thumb) once(thumb, () => markDistinct(thumb));
  else if (event.key === "u") actionsEnd().then(() => undoLatest());
  else return;
  event.preventDefault();
});

form.addEventListener("change", (event) => {
  if (around(event, "[name=by]") || !form.reportValidity()) return;
  history.replaceState(history.state, "", `?${queryOf(grouping())}`);
  showGroups("").catch(showError);
});
onSubmit(form, () => start("/api/evaluate", { by: formValues(form).by }));
rememberJudge(form.by);
openThumbs($("#main"));
onUndo(poll);
poll();
