// Changes that can be undone one after the other, also after their page was left or reloaded.

import { watchJobs } from "./jobs.js";
import { save } from "./outbox.js";
import { get, post } from "./request.js";
import { base, rater } from "./session.js";
import { laterOnesStay, laterStays } from "./stars.js";
import { showError, toast, withdraw } from "./toasts.js";

/**
 * @typedef {object} Request that undoes a change.
 * @property {string} path within the collection.
 * @property {Record<string, any>} body
 * @property {string} word for the change, such as `skip`.
 * @property {boolean} [files] true if it moves files, as a job that may have to wait.
 *
 * @typedef {object} Change
 * @property {string} id
 * @property {number | null} image the picture that changed; null for a change of several.
 * @property {Request | null} request null until the server has answered.
 */

const KEY = `soart undo ${base} ${rater}`;
/** Changes that are remembered. */
const MOST = 500;
/** @type {Change[]} Of this tab and this rater, the latest one last. */
let changes = load();
/** @type {Map<string, () => unknown>} The ways in which this page undoes its own changes, by id. */
const own = new Map();
/** @type {(() => unknown)[]} */
const handlers = [];
/** @type {(() => unknown)[]} */
const noticeHandlers = [];

/** @returns {Change[]} */
function load() {
  try {
    const stored = /** @type {Change[]} */ (JSON.parse(sessionStorage.getItem(KEY) ?? "[]"));
    return stored.filter((change) => change.request);
  } catch {
    return [];
  }
}

function store() {
  changes = changes.slice(-MOST);
  try {
    sessionStorage.setItem(KEY, JSON.stringify(changes));
  } catch {
    // A browser that stores nothing, or not as much, undoes the changes of the open page.
  }
}

/**
 * Remember a change that can be undone.
 *
 * @param {object} change
 * @param {Request | null} change.request undoes it from a later page; null until the server has answered.
 * @param {() => unknown} [change.undo] undoes it on this page, and returns the restored value; by default the request.
 * @param {number | null} [change.image] the picture that changed; null for a change of several.
 * @returns {{ answer: (request: Request) => void, forget: () => void, notify: (text: string, key: string) => void }} sets
 *   another request; forgets the change; shows a notice with a button that undoes it.
 */
export function remember({ request, undo, image = null }) {
  const id = `${Date.now()} ${Math.random()}`;
  /** @type {Change} */
  const change = { id, image, request };
  changes.push(change);
  if (undo) own.set(id, undo);
  store();
  return {
    answer: (later) => {
      change.request = later;
      store();
    },
    forget: () => {
      changes = changes.filter((other) => other.id !== id);
      own.delete(id);
      store();
    },
    notify: (text, key) => {
      // It may be undone already, by its key.
      if (changes.some((other) => other.id === id)) toast(text, { key, change: id, undo: () => undoByNotice(id) });
    },
  };
}

/**
 * Remember that pictures are being moved away, and offer to undo it.
 *
 * @param {string} name of the undo file.
 */
export const rememberMove = (name) =>
  remember({ request: { path: "/api/evaluate/undo", body: { name }, word: "pictures moved away", files: true } }).notify(
    "Moving pictures away; nothing is deleted.",
    "move",
  );

/**
 * Remember a choice among pictures that belong together.
 *
 * @param {number[]} images
 * @param {number[]} before those of them that were chosen before.
 */
export const rememberKeeper = (images, before) =>
  remember({ request: { path: "/api/keepers/keep", body: { images, before }, word: "choice of keeper" } });

/**
 * Undo the latest change, or the latest one of a picture on this page.
 *
 * @param {number} [image]
 * @returns {{ image: number | null, restored: unknown } | null} the change; null if there is nothing to undo.
 */
export function undoLatest(image) {
  const place = changes.findLastIndex((change) => image === undefined || (change.image === image && own.has(change.id)));
  if (place < 0) {
    if (image === undefined) toast("Nothing to undo.", { key: "undo" });
    return null;
  }
  return undoAt(place);
}

/** @param {number} place index of the change. */
function undoAt(place) {
  const [change] = changes.splice(place, 1);
  store();
  withdraw(change.id);
  const undo = own.get(change.id);
  own.delete(change.id);
  return { image: change.image, restored: undo ? undo() : send(change) };
}

/** @param {string} id of the change. */
async function undoByNotice(id) {
  const place = changes.findIndex((change) => change.id === id);
  if (place < 0) return;
  await undoAt(place).restored;
  noticeHandlers.forEach((handler) => handler());
}

/**
 * Call a function after every undo by the button of a notice.
 *
 * @param {() => unknown} handler
 */
export const onUndoByNotice = (handler) => noticeHandlers.push(handler);

/**
 * Undo a change by its request.
 *
 * @param {Change} change
 */
async function send(change) {
  if (!change.request) return;
  const { path, body, word, files } = change.request;
  if (files) {
    try {
      await post(path, body);
    } catch (error) {
      showError(error);
      // Another move has to end first, or the server cannot say.
      const live = error.temporary || (await get("/api/evaluate").then((state) => state.live, () => true));
      if (live) changes.push(change);
      store();
      return;
    }
    watchJobs();
    sayUndone(word);
  } else {
    const response = await save(path, body);
    if (!response) return;
    const later = laterChanges(path, body, response);
    if (!later) sayUndone(word);
    else if (later === (body.before?.length ?? 1)) return;
  }
  handlers.forEach((handler) => handler());
}

/** @param {string} word for the change. */
const sayUndone = (word) => toast(`Undone: ${word}.`, { key: "undo" });

/**
 * Say that an undo has left later changes alone.
 *
 * @param {string} path
 * @param {any} body of the request.
 * @param {any} response
 * @returns {number} of these changes.
 */
function laterChanges(path, body, response) {
  if (path === "/api/rate") return Number(laterStays(response, body.stars));
  if (path === "/api/selection/rate") return laterOnesStay(response, body.before);
  const nothing = response.taken === false || response.changed?.length === 0;
  if (nothing) toast("This was undone already, or changed since.", { key: "undo" });
  return Number(nothing);
}

/**
 * Call a function after every undo by a request, whose change the page may show.
 *
 * @param {() => unknown} handler
 */
export const onUndo = (handler) => handlers.push(handler);

// Back may show a page as it was left: other pages have changed more since.
addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  own.clear();
  changes = load();
});
