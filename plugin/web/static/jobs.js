// Background jobs of this collection: their progress, a button to cancel them, and their end.

import { $, el } from "./dom.js";
import { duration } from "./format.js";
import { get, post } from "./request.js";
import { base } from "./session.js";
import { showError, toast } from "./toasts.js";

/**
 * @typedef {object} Job
 * @property {number} number
 * @property {string} key jobs of one key never run side by side.
 * @property {string} title
 * @property {string} state such as `done` or `failed`.
 * @property {number} done steps.
 * @property {number} total steps; 0 if unknown.
 * @property {string} message the outcome, in a sentence.
 * @property {boolean} live
 * @property {number | null} left seconds.
 * @property {string | null} judged name under which the values of a judge are stored, of a job that judged.
 * @property {boolean} cancellable true if this visitor may cancel it.
 */

/** @type {Map<string, (job: Job) => unknown>} */
const handlers = new Map();
/** @type {Set<number> | null} Numbers of finished jobs that this page knows of. */
let finished = null;
/** @type {Map<string, (job: Job) => unknown>} */
const watchers = new Map();
let timer = 0;

/**
 * Call a function at the end of every job whose key has a prefix.
 *
 * @param {string} prefix
 * @param {(job: Job) => unknown} handler may be asynchronous; its errors are shown.
 */
export const onJobEnd = (prefix, handler) => handlers.set(prefix, handler);

/**
 * Call a function for the live job of a key, again and again until it ends.
 *
 * @param {string} key
 * @param {(job: Job) => unknown} watcher
 */
export const onJobProgress = (key, watcher) => watchers.set(key, watcher);

/** @type {((newest: number, busy: boolean) => unknown)[]} */
const newestHandlers = [];

/**
 * Call a function, again and again, with the id of the collection's newest picture, and whether any job is at work.
 *
 * @param {(newest: number, busy: boolean) => unknown} handler
 */
export const onNewest = (handler) => newestHandlers.push(handler);

/**
 * How far a job is, in words.
 *
 * @param {Job} job
 */
export function progressOf(job) {
  const share = job.total ? ` ${Math.floor((100 * job.done) / job.total)} %` : "";
  const left = job.left === null ? "" : `, ${duration(job.left)} left`;
  return `${job.title}${share}${left}`;
}

/**
 * Ask the server to cancel a job.
 *
 * @param {Job} job
 */
export const cancelJob = (job) => post("/api/jobs/cancel", { job: job.number }).catch(showError);

/** Keys of jobs that are not listed begin so: tunes show their own progress, and proposals take only a moment. */
const UNLISTED = ["tune", "read tune", "propose"];

/**
 * True for a job to list.
 *
 * @param {Job} job
 */
const listed = (job) => job.live && !UNLISTED.some((start) => job.key.startsWith(start));

/** Ask for the jobs now, then every few seconds while the page is visible. */
export async function watchJobs() {
  clearTimeout(timer);
  if (!base) return;
  let pause = 5000;
  try {
    /** @type {{ jobs: Job[], newest: number }} */
    const { jobs, newest } = await get("/api/jobs");
    const live = jobs.filter(listed);
    const room = $("#jobs");
    room.hidden = !live.length;
    room.replaceChildren(...live.map(line));
    for (const job of live) watchers.get(job.key)?.(job);
    const ended = jobs.filter((job) => !job.live);
    // Jobs that ended before this page opened are not news.
    finished ??= new Set(ended.map((job) => job.number));
    for (const job of ended) {
      if (finished.has(job.number)) continue;
      finished.add(job.number);
      report(job);
    }
    if (live.length) pause = 800;
    newestHandlers.forEach((handler) => handler(newest, ended.length < jobs.length));
  } catch {
    // The next request that matters will report the problem.
  }
  if (!document.hidden) timer = setTimeout(watchJobs, pause);
}

/** @param {Job} job */
function report(job) {
  if (job.state === "failed") toast(job.message, { bad: true });
  for (const [prefix, handler] of handlers) {
    if (job.key.startsWith(prefix)) Promise.resolve(job).then(handler).catch(showError);
  }
}

/** @param {Job} job */
function line(job) {
  const cancel = el("button", {
    className: "quiet",
    hidden: !job.cancellable,
    textContent: "Cancel",
    onclick: () => cancelJob(job),
  });
  return el("p", {}, el("span", { className: "spin", ariaHidden: "true" }), `${progressOf(job)} `, cancel);
}
