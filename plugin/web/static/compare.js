// Compare view: choices between two or four pictures until their order is clear.
// The address holds the pictures, the server holds the choices.

import "./page.js";

import { onSubmit } from "./actions.js";
import { $, el, formValues, setServerHtml, svg } from "./dom.js";
import { counted, decimal } from "./format.js";
import { whenBack } from "./history.js";
import { onJobEnd, watchJobs } from "./jobs.js";
import { startJudge } from "./judge.js";
import { isForView } from "./keys.js";
import { save } from "./outbox.js";
import { image } from "./pictures.js";
import { get, getHtml, queryOf } from "./request.js";
import { base } from "./session.js";
import { showError, toast } from "./toasts.js";
import { showTrust } from "./trust.js";
import { onUndo, remember, undoLatest } from "./undo.js";
import { openViewer } from "./viewer.js";

/**
 * @import { Cell } from "./pictures.js"
 *
 * @typedef {Cell & { strength: number, deviation: number }} RankedCell
 *
 * @typedef {object} State
 * @property {Cell[]} ask pictures to choose from next.
 * @property {RankedCell[]} order best first.
 * @property {boolean} clear true if the order is settled.
 * @property {number} settled share of the order, 0 to 1.
 * @property {number} gone pictures that left the collection.
 * @property {number} made choices.
 */

/** Most pictures whose differences are shown side by side. */
const MOST_BESIDE = 4;
/** @type {HTMLFormElement} */
const form = $("#pool");
/** @type {number[]} */
let ids = [];
/** Pictures to choose from at a time. */
let count = 2;
/** @type {Cell[]} */
let candidates = [];
/** @type {number[]} Skipped pairs, as a flat list of picture ids. */
let skipped = [];
let busy = false;
/** Questions so far, and leavings: only the answer to the latest is shown. */
let rounds = 0;
/** Milliseconds until the next attempt if the server does not answer. */
const PAUSE = 2000;
/** Ids of the pictures whose differences are shown or on their way. */
let compared = "";

/** Choices of this page. */
let made = 0;

const newId = () => crypto.randomUUID?.() ?? `${Date.now()}-${Math.random().toString(36).slice(2)}`.slice(0, 36);

onSubmit(form, async () => {
  const values = formValues(form);
  const pool = await get(`/api/pool?${queryOf(values)}`);
  const fewest = Number(form.dataset.fewest);
  if (pool.ids.length < fewest)
    throw new Error(`Only ${pool.ids.length} match, and an order needs at least ${fewest} pictures: choose others.`);
  begin(pool.ids, Number(values.up));
  history.pushState(null, "", `?ids=${ids}&up=${count}`);
});

/**
 * @param {number[]} pictures
 * @param {number} atATime
 */
function begin(pictures, atATime) {
  [ids, count] = [pictures, atATime];
  skipped = [];
  next();
  askForTrust().catch(showError);
}

async function askForTrust() {
  showTrust(await get("/api/progress"));
}
onJobEnd("learn:", askForTrust);

async function next() {
  busy = true;
  rounds++;
  const mine = rounds;
  try {
    /** @type {State} */
    const state = await get(`/api/compare?ids=${ids}&up=${count}&passed=${skipped}`);
    if (mine !== rounds) return;
    form.hidden = true;
    $("#duel").hidden = state.clear;
    if (state.gone) {
      const text = `${state.gone} ${state.gone === 1 ? "picture is" : "pictures are"} no longer in the collection: left out.`;
      toast(text, { key: "gone" });
    }
    candidates = state.ask;
    if (!state.clear) showCandidates();
    showOrder(state);
    // The next choice need not wait for them.
    showDifferences(state.clear ? state.order.slice(0, MOST_BESIDE) : candidates).catch(showError);
  } catch (error) {
    if (mine !== rounds) return;
    showError(error);
    if (error.temporary) {
      // What is shown rests meanwhile: it may have been answered.
      setTimeout(() => mine === rounds && next(), PAUSE);
      return;
    }
    form.hidden = false;
  }
  busy = false;
}

function showCandidates() {
  const room = $("#shown");
  room.className = `shown of-${candidates.length}`;
  const buttons = candidates.map((cell, place) => {
    const ariaLabel = `${cell.title} ${place + 1}: choose`;
    return el(
      "button",
      { className: "choice", ariaLabel, onclick: () => choose(place), dataset: { id: cell.id } },
      image(cell, "large"),
      el("span", { className: "caption", textContent: cell.title }),
      " ",
      el("kbd", { textContent: String(place + 1) }),
    );
  });
  room.replaceChildren(...buttons);
}

/**
 * Show in what pictures differ, in their order.
 *
 * @param {Cell[]} cells
 */
async function showDifferences(cells) {
  const list = (compared = String(cells.map((cell) => cell.id)));
  const html = await getHtml(`/compare/differences?ids=${list}`);
  if (list !== compared) return;
  $("#differences").hidden = false;
  setServerHtml($("#differences"), html);
}

/** @param {State} state */
function showOrder(state) {
  const share = Math.round(100 * state.settled);
  const choices = counted(state.made, "choice");
  $("#made").textContent = `${choices}, ${share} % of the order is settled`;
  $("#result").hidden = !state.made;
  const head = el("h2", { textContent: state.clear ? "The order is clear" : "The order so far" });
  const back = el("button", { className: "quiet", textContent: "Undo", onclick: undo });
  const again = el("button", { className: "quiet", textContent: "Other pictures", onclick: leave });
  const taste = el("a", { className: "button quiet", href: `${base}/taste`, textContent: "View your taste" });
  $("#verdict").replaceChildren(head, ...(state.clear ? [el("span", { className: "row wrap" }, back, again, taste)] : []));
  const low = Math.min(...state.order.map((cell) => cell.strength - cell.deviation));
  const high = Math.max(...state.order.map((cell) => cell.strength + cell.deviation));
  const list = state.order.map((cell) => cell.id);
  const items = state.order.map((cell, place) => {
    const onclick = () => openViewer(list, place);
    const thumb = el("button", { className: "thumb", ariaLabel: `Open ${cell.title}`, onclick }, image(cell));
    const caption = el("span", { className: "caption", textContent: cell.title });
    return el("li", {}, thumb, caption, strengthBar(cell, low, high));
  });
  $("#order").replaceChildren(...items);
}

/**
 * A picture's strength with its deviation, on a scale from `low` to `high`.
 *
 * @param {RankedCell} cell
 * @param {number} low
 * @param {number} high
 */
function strengthBar({ strength, deviation }, low, high) {
  const across = (/** @type {number} */ value) => (100 * (value - low)) / (high - low || 1);
  const [from, to] = [across(strength - deviation), across(strength + deviation)];
  const label = `strength ${decimal(strength, 2)} ± ${decimal(deviation, 2)}`;
  const bar = svg("svg", { width: "100%", height: 14, role: "img", "aria-label": label });
  bar.append(
    svg("rect", { x: `${from}%`, y: 5, width: `${to - from}%`, height: 4, rx: 2, class: "range" }),
    svg("rect", { x: `${across(strength)}%`, y: 1, width: 3, height: 12, rx: 1.5, class: "mean" }),
  );
  return bar;
}

/** @param {number | null} place of the better picture; null if all are equally good. */
async function choose(place) {
  if (busy || (place ?? 0) >= candidates.length || $("#duel").hidden) return;
  busy = true;
  const winner = place === null ? null : candidates[place];
  if (place !== null) $("#shown").children[place].classList.add("won");
  const choice = newId();
  const losers = candidates.filter((cell) => cell !== winner).map((cell) => cell.id);
  // At once: u may be pressed before the server has answered.
  const { forget } = remember({ request: { path: "/api/compare/undo", body: { choice }, word: "choice" } });
  if (!(await save("/api/compare", { choice, winner: winner?.id ?? null, losers }))) forget();
  made++;
  if (made % 5 === 0) watchJobs();
  await next();
}

const undo = () => undoLatest();
onUndo(() => {
  if (ids.length) next();
});

/** Show other pictures first if you cannot decide between these. */
function skip() {
  if (busy) return;
  for (const [at, first] of candidates.entries()) {
    for (const second of candidates.slice(at + 1)) skipped.push(first.id, second.id);
  }
  next();
}

async function leave() {
  await whenBack();
  history.pushState(null, "", location.pathname);
  showForm();
}

function showForm() {
  ids = [];
  rounds++;
  busy = false;
  compared = "";
  $("#duel").hidden = $("#result").hidden = $("#differences").hidden = true;
  form.hidden = false;
}

$("#undo").onclick = undo;
$("#equal").onclick = () => choose(null);
$("#skip").onclick = skip;
$("#other").onclick = leave;
addEventListener("keydown", (event) => {
  if (!isForView(event)) return;
  if (event.repeat || $("#duel").hidden) {
    if (event.key === "u" && !$("#result").hidden) undo();
    return;
  }
  if (event.key === "ArrowLeft") choose(0);
  else if (event.key === "ArrowRight") choose(1);
  else if (/^[1-4]$/.test(event.key)) choose(Number(event.key) - 1);
  else if (event.key === "u") undo();
  else if (event.key === "e" || event.key === "=") choose(null);
  else if (event.key === "s") skip();
  else return;
  event.preventDefault();
});

/** Only the best pictures need a judge. */
function offerJudge() {
  $("#judge").hidden = form.source.value !== "best";
}
form.source.addEventListener("change", offerJudge);
startJudge(form.by);
offerJudge();

/** Show what the address asks for. */
function restore() {
  const parameters = new URLSearchParams(location.search);
  const list = parameters.get("ids");
  // The viewer was closed.
  if (list && list === String(ids)) return;
  if (list) begin(list.split(",").map(Number), Number(parameters.get("up") || 2));
  else showForm();
}
addEventListener("popstate", restore);
restore();
