// What all views share: talking to the server, the outbox, notices, background work, and who is rating.

const data = document.body.dataset;
export const base = data.base;
export const rater = data.rater;
export const $ = (selector, root = document) => root.querySelector(selector);
export const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

/** An element with properties and children; text stays text. */
export function el(tag, properties = {}, ...children) {
  const { dataset, ...rest } = properties;
  const node = Object.assign(document.createElement(tag), rest);
  Object.assign(node.dataset, dataset);
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

export class Refused extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
  /** Whether the same request may succeed later: nothing was wrong with it. */
  get passing() {
    return this.status === 0 || this.status === 503 || this.status === 502;
  }
}

async function ask(address, options = {}) {
  let answer, text;
  try {
    answer = await fetch(address, { credentials: "same-origin", ...options });
    text = await answer.text();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused("The server does not answer: is it still running?", 0);
  }
  if (answer.ok) return text;
  let message = `The server answered ${answer.status}.`;
  try {
    message = JSON.parse(text).error || message;
  } catch {
    // Not JSON: the status must do.
  }
  throw new Refused(message, answer.status);
}

export const get = async (path, options) =>
  JSON.parse(await ask(base + path, { headers: { accept: "application/json" }, ...options }));
export const part = (path, options) => ask(base + path, { headers: { accept: "application/json" }, ...options });
export async function send(address, body = {}) {
  const headers = { "content-type": "application/json", "x-csrf-token": data.csrf };
  return JSON.parse(await ask(address, { method: "POST", headers, body: JSON.stringify(body) }));
}
export const post = (path, body) => send(base + path, body);

/** Show a sentence for a while; one with a key replaces an earlier one of that key, and stays while `sticky`. */
export function toast(text, { key = text, sticky = false, bad = false } = {}) {
  const room = $("#toasts");
  let node = $$(".toast", room).find((one) => one.dataset.key === key);
  if (!text) return node?.remove();
  if (!node) room.append((node = el("p", { dataset: { key } })));
  node.className = bad ? "toast bad" : "toast";
  node.textContent = text;
  clearTimeout(node.timer);
  if (!sticky) node.timer = setTimeout(() => node.remove(), 5000);
}
export const complain = (error) => error.name !== "AbortError" && toast(error.message, { bad: true });

/** Values of a form: every input by name. */
export const address = (values) =>
  new URLSearchParams(Object.entries(values).filter(([, value]) => value !== "" && value !== null));

// The outbox: what people say is kept in this browser until the server has it, in the order it was said.
const KEY = `soart outbox ${base} ${rater}`;
const CLAIM = "soart outbox lock";
let memory = null;

function read() {
  if (memory) return memory;
  try {
    return JSON.parse(localStorage.getItem(KEY)) || [];
  } catch {
    return [];
  }
}
function write(list) {
  try {
    if (list.length) localStorage.setItem(KEY, JSON.stringify(list));
    else localStorage.removeItem(KEY);
  } catch {
    memory = list;
  }
}

let flushing = null;
let waiting = 0;
/** Say something to the server; resolves with its answer, or null if it refused for good (that was shown). */
export function say(path, body) {
  const entry = { id: crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`, path, body: { ...body, rater } };
  write([...read(), entry]);
  return new Promise((done) => {
    listeners.set(entry.id, done);
    flush();
  });
}
const listeners = new Map();

export function flush() {
  flushing ??= (navigator.locks ? navigator.locks.request(CLAIM, empty) : empty()).finally(() => (flushing = null));
  return flushing;
}

async function empty() {
  for (let list = read(); list.length; list = read()) {
    const [entry] = list;
    let answer = null;
    try {
      answer = await post(entry.path, entry.body);
      if (waiting) toast("Everything is saved again.", { key: "outbox" });
      waiting = 0;
    } catch (error) {
      if (error.passing) {
        waiting = Math.min(30, waiting ? waiting * 2 : 1);
        const many = list.length === 1 ? "One rating is" : `${list.length} ratings are`;
        toast(`${error.message} ${many} kept in this browser and sent again in ${waiting} s.`, {
          key: "outbox",
          sticky: true,
          bad: true,
        });
        setTimeout(flush, waiting * 1000);
        return;
      }
      if (error.status === 401 || error.status === 403) {
        toast(`${error.message} What you said is kept in this browser.`, { key: "outbox", sticky: true, bad: true });
        return;
      }
      complain(error);
    }
    write(read().filter((one) => one.id !== entry.id));
    heard(entry.id, answer);
  }
  // What another tab has sent is heard of no more.
  const left = new Set(read().map((one) => one.id));
  for (const id of [...listeners.keys()]) if (!left.has(id)) heard(id, null);
}
function heard(id, answer) {
  listeners.get(id)?.(answer);
  listeners.delete(id);
}
if (base) {
  addEventListener("online", flush);
  if (read().length) flush();
}

// Background work: what goes on in this collection, with progress and a way to cancel it.
const ended = new Map();
let polling = 0;
/** Have `act`, which may be asynchronous, told of every job that ends whose key begins so. */
export const onJob = (key, act) => ended.set(key, async (job) => act(job));
let over = null;
export async function watchJobs() {
  clearTimeout(polling);
  if (!base) return;
  let pause = 5000;
  try {
    const { jobs } = await get("/api/jobs");
    const live = jobs.filter(
      (job) => job.live && job.key !== "read tune" && !job.key.startsWith("tune") && !job.key.startsWith("propose"),
    );
    const room = $("#jobs");
    room.hidden = !live.length;
    room.replaceChildren(...live.map(line));
    // Work that was over before this page opened is no news.
    const finished = jobs.filter((job) => !job.live);
    over ??= new Set(finished.map((job) => job.number));
    for (const job of finished)
      if (!over.has(job.number)) {
        over.add(job.number);
        if (job.state === "failed") toast(job.message, { bad: true });
        for (const [key, act] of ended) if (job.key.startsWith(key)) act(job).catch(complain);
      }
    if (live.length) pause = 800;
  } catch {
    // The next request that matters will say so.
  }
  if (!document.hidden) polling = setTimeout(watchJobs, pause);
}
function line(job) {
  const share = job.total ? ` ${Math.floor((100 * job.done) / job.total)} %` : "";
  const left = job.left === null ? "" : `, ${time(job.left)} left`;
  const stop = el("button", {
    className: "quiet",
    textContent: "Cancel",
    onclick: () => post("/api/jobs/cancel", { job: job.number }).catch(complain),
  });
  return el("p", {}, el("span", { className: "spin", ariaHidden: "true" }), `${job.title}${share}${left} `, stop);
}
export function time(seconds) {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}
document.addEventListener("visibilitychange", () => document.hidden || watchJobs());
watchJobs();

// On a phone the current view may lie beside the screen.
$(".top [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });

// Who is rating.
const who = $("#who-dialog");
$("#who")?.addEventListener("click", () => who.showModal());
$("[data-close]", who)?.addEventListener("click", () => who.close());
$("form", who)?.addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    await flush();
    await send("/rater", { rater: new FormData(event.target).get("rater") });
    location.reload();
  } catch (error) {
    $("#who-error").textContent = error.message;
  }
});
$("#leave")?.addEventListener("click", () => send("/logout").then(() => location.assign("/"), complain));

/** Keys go to views only where nobody writes and no dialog is open. */
export const free = (event) =>
  !event.ctrlKey && !event.metaKey && !event.altKey && !event.target.closest("input, textarea, select, dialog[open]");

export const source = (cell, size = "small") => `${base}/pictures/${cell.id}/${size}?v=${cell.v}`;
export const sharp = (cell) => Math.max(cell.w, cell.h) <= 128;
/** A picture that says so when its file is gone. */
export function image(cell, size = "small") {
  const node = el("img", { alt: cell.title, decoding: "async", draggable: false });
  if (sharp(cell)) node.classList.add("sharp");
  node.onerror = () => {
    node.classList.add("lost");
    node.alt = `gone: ${cell.title}`;
  };
  node.src = source(cell, size);
  return node;
}

/** The key of a rating: 1–5, x for reject; null for any other. */
export const starsOf = (key) => (/^[1-5]$/.test(key) ? Number(key) : key === "x" || key === "X" ? 0 : null);

/** The mark of what was said of a picture, in the corner of its button; none for null. */
export function badge(button, stars) {
  $(".badge-stars", button)?.remove();
  if (stars !== null)
    button.append(
      el("span", {
        className: "badge-stars num",
        textContent: stars === 0 ? "✕" : `★${stars}`,
        ariaLabel: stars ? `rated ${stars}` : "rejected",
      }),
    );
}
