// Runs of a closed loop that follow one another by themselves, until as many are done as the node says, or little can be gained.
import { api } from "../../scripts/api.js";
import { app } from "../../scripts/app.js";
import { button, el } from "./dom.js";

/**
 * @import { GraphNode } from "./panel.js"
 *
 * @typedef {object} LoopFacts of a run.
 * @property {number} runs how many one click starts.
 * @property {string} gain the expected further gain as a sentence.
 * @property {string} enough why no further run is worth it; empty if one is.
 *
 * @typedef {object} Loop
 * @property {GraphNode} node
 * @property {string} workflow
 * @property {number} done runs.
 * @property {number} runs
 * @property {boolean} due the next run is to be queued as soon as the server has nothing left to do.
 * @property {boolean} queued a run that was queued here is not finished yet.
 * @property {string} why no run follows; empty if one does.
 * @property {HTMLElement} shown
 */

/** By workflow and node. @type {Map<string, Loop>} */
const loops = new Map();

const openWorkflow = () => String(app.graph?.id ?? "");

/** @param {Loop} loop */
const isOpen = ({ workflow, node }) =>
  workflow === openWorkflow() && app.graph._nodes.some(({ id, type }) => id === node.id && type === node.type);

/** @param {Loop} loop */
function draw(loop) {
  if (loop.why) {
    loop.shown.replaceChildren(loop.why);
    return;
  }
  const text = `Run ${loop.done + 1} of ${loop.runs} ${loop.queued ? "is on its way" : "follows"}. `;
  loop.shown.replaceChildren(
    text,
    button("stop", "Stop", "queue no further run", () => end(loop, `Stopped after ${loop.done} of ${loop.runs} runs.`)),
  );
}

/**
 * @param {Loop} loop
 * @param {string} why
 */
function end(loop, why) {
  loop.due = false;
  loop.why = why;
  draw(loop);
}

/**
 * Count a run that a node has finished; returns what the node shows of the loop, or null if one click starts one run.
 *
 * @param {GraphNode} node
 * @param {LoopFacts} facts
 */
export function countRun(node, { runs, gain, enough }) {
  const key = `${openWorkflow()} ${node.id}`;
  const before = loops.get(key);
  loops.delete(key);
  if (runs < 2) return null;
  const goesOn = before?.queued;
  const done = goesOn ? before.done + 1 : 1;
  /** @type {Loop} */
  const loop = { node, workflow: openWorkflow(), done, runs, due: true, queued: false, why: "", shown: el("div", "loop") };
  loops.set(key, loop);
  if (goesOn && before.why) end(loop, `Stopped after ${done} of ${runs} runs.`);
  else if (enough) end(loop, `${enough} Runs: ${done} of ${runs}.`);
  else if (done >= runs) end(loop, `Done: ${runs} runs.`);
  else draw(loop);
  return el("div", "", el("div", "line-of-text", gain), loop.shown);
}

/** Show the loop of a node again that undo or another tab has made anew. @param {GraphNode} node */
export function loopOf(node) {
  return loops.get(`${openWorkflow()} ${node.id}`)?.shown ?? null;
}

/** Queue the next run of the loops of the open workflow. */
async function queueNext() {
  const due = [...loops.values()].filter((loop) => loop.due && isOpen(loop));
  if (!due.length) return;
  for (const loop of due) Object.assign(loop, { due: false, queued: true });
  due.forEach(draw);
  let failed = "";
  try {
    // One run is one of all loops of the workflow.
    if ((await app.queuePrompt(0, 1)) === false) failed = "the run could not be queued";
  } catch (error) {
    failed = error.message;
  }
  if (!failed) return;
  for (const loop of due) {
    loop.queued = false;
    end(loop, `Stopped after ${loop.done} of ${loop.runs} runs: ${failed}.`);
  }
}

/** True while the server has nothing to do. */
let idle = false;

/** After a workflow was opened: a loop waits while another workflow is open, because the open one would run. */
export function followLoops() {
  if (idle) void queueNext();
}

/** @param {string} why */
function endAll(why) {
  for (const loop of loops.values()) {
    if (!loop.due && !loop.queued) continue;
    loop.queued = false;
    if (!loop.why) end(loop, `Stopped after ${loop.done} of ${loop.runs} runs: ${why}.`);
  }
}

/** Listen for the ends of runs. */
export function watchQueue() {
  api.addEventListener("status", ({ detail }) => {
    idle = detail?.exec_info?.queue_remaining === 0;
    if (idle) void queueNext();
  });
  api.addEventListener("execution_error", () => endAll("a run failed"));
  api.addEventListener("execution_interrupted", () => endAll("a run was interrupted"));
}
