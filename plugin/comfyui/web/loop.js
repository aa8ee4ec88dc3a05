// Runs of a closed loop that follow one another. The server counts them, and lets one of its open pages queue the next.
import { api } from "../../scripts/api.js";
import { app } from "../../scripts/app.js";
import { button, el } from "./dom.js";
import { corner, everyNode, isSeen, numberOf, tidyCorner } from "./panel.js";
import { store } from "./pictures.js";

/**
 * @import { GraphNode } from "./panel.js"
 *
 * @typedef {object} LoopFacts of a run.
 * @property {number} runs how many one click starts.
 * @property {string} gain the expected further gain as a sentence.
 *
 * @typedef {object} Loop as the server tells it, see looping.py.
 * @property {string} workflow
 * @property {string} node
 * @property {string} page that queues its runs.
 * @property {number} runs
 * @property {number} done
 * @property {"due" | "promised" | "queued" | ""} phase of the next run.
 * @property {string} why no run follows; empty if one does.
 */

/** Message of the server, as in looping.py. */
const CHANGED = "soart.loop";
const KIND = "SoartFactorEffects";
/** Milliseconds after which a page that has promised to queue a run, and has not, is gone; a little more than the server's. */
const LAPSE = 61_000;

/** By workflow and node. @type {Map<string, Loop>} */
const loops = new Map();
/** Where the loops are shown. @type {Map<string, HTMLElement>} */
const places = new Map();

const openWorkflow = () => String(app.graph?.id ?? "");

/** @param {string} workflow @param {string} node */
const keyOf = (workflow, node) => `${workflow} ${node}`;

/** @param {Loop} loop */
const isOpen = ({ workflow, node }) =>
  workflow === openWorkflow() && everyNode().some(([number, { type }]) => number === node && type === KIND);

/** Whether a loop of the open workflow is not over. */
const anyGoesOn = () => [...loops.values()].some((loop) => loop.phase && isOpen(loop));

/** Where loops are shown whose nodes are not to be seen, by workflow and node. @type {Map<string, HTMLElement>} */
const corners = new Map();
/** Milliseconds between two looks at which nodes are to be seen. */
const LOOK = 1000;

/** Show the loops in the corner that go on in nodes which are not to be seen. */
function placeLoops() {
  for (const [key, loop] of loops) {
    const node = everyNode().find(([number, { type }]) => number === loop.node && type === KIND)?.[1];
    const hidden = loop.phase && loop.page === api.clientId && loop.workflow === openWorkflow() && node && !isSeen(node);
    const shown = corners.get(key);
    if (hidden && !shown) {
      const made = el("div", "loop");
      corners.set(key, made);
      corner().append(made);
      draw(key);
    } else if (!hidden && shown) {
      shown.remove();
      corners.delete(key);
      tidyCorner();
    }
  }
}

/** @param {string} key */
function draw(key) {
  const loop = loops.get(key);
  for (const place of [places.get(key), corners.get(key)]) if (place && loop) drawAt(place, loop);
}

/** @param {HTMLElement} place @param {Loop} loop */
function drawAt(place, loop) {
  if (loop.why || !loop.phase) {
    place.replaceChildren(loop.why);
    return;
  }
  const text = `Run ${loop.done + 1} of ${loop.runs} ${loop.phase === "due" ? "follows" : "is on its way"}. `;
  const message = el("span", "message");
  message.setAttribute("role", "status");
  const stop = button("stop", "Stop", "queue no further run", () => {
    store("/soart/loop/stop", { workflow: loop.workflow, node: loop.node, page: loop.page, reason: "by hand" }).catch((error) => {
      message.textContent = error.message;
    });
  });
  place.replaceChildren(text, stop, message);
}

/** @param {Loop} loop */
function learn(loop) {
  const key = keyOf(loop.workflow, loop.node);
  const known = loops.get(key);
  // Another page may have another copy of the workflow.
  if (known && known.page === api.clientId && loop.page !== known.page) return;
  loops.set(key, loop);
  placeLoops();
  draw(key);
  if (loop.phase === "promised") setTimeout(() => void queueNext(), LAPSE);
}

/**
 * What a node shows of its loop; null if one click starts one run.
 *
 * @param {GraphNode} node
 * @param {LoopFacts | undefined} facts of its latest run.
 */
export function drawLoop(node, facts) {
  if (!facts || facts.runs < 2) return null;
  const key = keyOf(openWorkflow(), numberOf(node));
  const place = el("div", "loop");
  places.set(key, place);
  draw(key);
  return el("div", "", el("div", "line-of-text", facts.gain), place);
}

/** What a promise gives; null, with a word in the console, if it fails. @template T @param {Promise<T>} promise @param {string} trouble */
async function attempt(promise, trouble) {
  try {
    return await promise;
  } catch (error) {
    console.warn(`soart: ${trouble}.`, error);
    return null;
  }
}

/** Queue the next run of the open workflow if one is due, the server has nothing left to do, and no other page does it. */
export async function queueNext() {
  const workflow = openWorkflow();
  if (!api.clientId || !anyGoesOn()) return;
  const answer = await attempt(store("/soart/loop/next", { workflow, page: api.clientId }), "the next run of the loop is not queued");
  // Another workflow may be open by now, and would run.
  if (typeof answer?.promise !== "number" || workflow !== openWorkflow()) return;
  const queued = await attempt(app.queuePrompt(0, 1), "the next run of the loop could not be queued");
  await report("/soart/loop/queued", { promise: answer.promise, certain: queued !== false && queued !== null });
}

/** End the loops that this page has in the open workflow. @param {string} reason as looping.py names it. */
async function end(reason) {
  if (anyGoesOn()) await report("/soart/loop/stop", { workflow: openWorkflow(), page: api.clientId, reason });
}

/**
 * Tell the server; it goes on by itself if this fails.
 *
 * @param {"/soart/loop/queued" | "/soart/loop/stop"} path
 * @param {object} content
 */
async function report(path, content) {
  await attempt(store(path, content), "the server does not know of the loop");
}

/** Learn from the server how its loops stand: after a reload, and after the connection was lost. */
async function readLoops() {
  const answer = await api.fetchApi("/soart/loops");
  if (!answer.ok) return;
  /** @type {Loop[]} */
  const present = await answer.json();
  present.forEach(learn);
  await queueNext();
}

/** Follow the loops of the server. */
export async function watchLoops() {
  api.addEventListener(CHANGED, ({ detail }) => learn(detail));
  setInterval(placeLoops, LOOK);
  api.addEventListener("status", async ({ detail }) => {
    if (detail?.exec_info?.queue_remaining === 0) await queueNext();
  });
  api.addEventListener("execution_error", () => end("failed"));
  // The server tells all pages of an interruption, and of the start of a run the page that has queued it.
  let own = "";
  api.addEventListener("execution_start", ({ detail }) => (own = detail.prompt_id));
  api.addEventListener("execution_interrupted", async ({ detail }) => {
    if (detail.prompt_id === own) await end("interrupted");
  });
  api.addEventListener("reconnected", readLoops);
  await readLoops();
}
