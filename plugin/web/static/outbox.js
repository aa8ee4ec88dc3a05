// The outbox: keeps ratings and choices in this browser until the server has stored them, in their order.

import { post } from "./request.js";
import { base, rater } from "./session.js";
import { showError, toast } from "./toasts.js";

/**
 * @typedef {object} Entry
 * @property {string} id
 * @property {string} path
 * @property {object} body
 */

// Browsers hold entries under these names: they never change.
const KEY = `soart outbox ${base} ${rater}`;
const LOCK = "soart outbox lock";

/** @type {Entry[] | null} Entries, once the browser refuses to store them. */
let memory = null;

/** @returns {Entry[]} */
function read() {
  if (memory) return memory;
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? "null") || [];
  } catch {
    return [];
  }
}

/** @param {Entry[]} entries */
function write(entries) {
  try {
    if (entries.length) localStorage.setItem(KEY, JSON.stringify(entries));
    else localStorage.removeItem(KEY);
  } catch {
    memory = entries;
  }
}

/** @type {Promise<void> | null} */
let flushing = null;
/** Seconds until the next attempt; 0 while the server answers. */
let pause = 0;
/** @type {Map<string, (response: any) => void>} */
const callbacks = new Map();
// A tab may send what another one wrote: it passes the response on. Browsers without channels do without it.
const responses = typeof BroadcastChannel === "function" ? new BroadcastChannel(KEY) : null;
if (responses) responses.onmessage = ({ data }) => settle(data.id, data.response);
/** Milliseconds until an entry that another tab has sent counts as sent without a response. */
const PATIENCE = 1000;

/**
 * Have something stored by the server, at once or as soon as it can be reached.
 *
 * @param {string} path within the collection.
 * @param {object} body
 * @returns {Promise<any>} the response, or null if the server refused for good; that error was shown.
 */
export function save(path, body) {
  const entry = { id: crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`, path, body: { ...body, rater } };
  write([...read(), entry]);
  return new Promise((resolve) => {
    callbacks.set(entry.id, resolve);
    flush();
  });
}

/** Send the entries of the outbox, unless that is under way. */
export function flush() {
  flushing ??= sendUntilEmpty();
  return flushing;
}

async function sendUntilEmpty() {
  try {
    // What is saved in answer to a response may come after the last look at the outbox.
    while ((await takeTurn()) && read().length);
  } finally {
    flushing = null;
  }
}

/** Tabs send one after another, because they share the outbox. */
const takeTurn = () => (navigator.locks ? navigator.locks.request(LOCK, sendAll) : sendAll());

/** @returns {Promise<boolean>} false if entries must wait. */
async function sendAll() {
  for (let entries = read(); entries.length; entries = read()) {
    const [entry] = entries;
    let response = null;
    try {
      response = await post(entry.path, entry.body);
      if (pause) toast("All ratings are saved.", { key: "outbox" });
      pause = 0;
    } catch (error) {
      if (error.temporary) {
        pause = Math.min(30, pause ? pause * 2 : 1);
        const ratings = `${entries.length} ${entries.length === 1 ? "rating is" : "ratings are"}`;
        const kept = `${ratings} kept in this browser and will be sent again in ${pause} s.`;
        toast(`${error.message} ${kept}`, { key: "outbox", sticky: true, bad: true });
        setTimeout(flush, pause * 1000);
        return false;
      }
      if (error.status === 401 || error.status === 403) {
        const text = `${error.message} Your ratings are kept in this browser.`;
        toast(text, { key: "outbox", sticky: true, bad: true });
        return false;
      }
      showError(error);
    }
    write(read().filter((other) => other.id !== entry.id));
    if (callbacks.has(entry.id)) settle(entry.id, response);
    else responses?.postMessage({ id: entry.id, response });
  }
  // The response to an entry that another tab has sent comes through the channel, if at all.
  const waiting = new Set(read().map((entry) => entry.id));
  for (const id of [...callbacks.keys()])
    if (!waiting.has(id)) setTimeout(() => settle(id, null), responses ? PATIENCE : 0);
  return true;
}

/**
 * @param {string} id
 * @param {any} response
 */
function settle(id, response) {
  callbacks.get(id)?.(response);
  callbacks.delete(id);
}

/** Send the entries that an earlier page left, and send again whenever the connection comes back. */
export function startOutbox() {
  if (!base) return;
  addEventListener("online", flush);
  if (read().length) flush();
}
