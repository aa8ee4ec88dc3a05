// Rate view: prefetches the next pictures and sends ratings in the background.

import "./page.js";

import { $, $$, around, el } from "./dom.js";
import { decimal } from "./format.js";
import { onJobEnd, watchJobs } from "./jobs.js";
import { isForView, starsOf } from "./keys.js";
import { addressOf, failureOf, image, isTiny } from "./pictures.js";
import { rate } from "./ratings.js";
import { get } from "./request.js";
import { base } from "./session.js";
import { showError, toast } from "./toasts.js";
import { showTrust } from "./trust.js";
import { onUndo, undoLatest } from "./undo.js";

/**
 * @import { Cell } from "./pictures.js"
 * @import { Progress } from "./trust.js"
 */

const view = $(".rate");
/** Pictures to have in the queue ahead of the current one. */
const AHEAD = Number(view.dataset.ahead ?? 8);
/** Ratings that the view asks for in a round; 0 for as many as there are pictures. */
const GOAL = Number(view.dataset.goal ?? 0);
/** Ratings before this round. */
let begun = 0;
/** @type {HTMLImageElement} */
const picture = $("#picture");
/** @type {Cell[]} */
let queue = [];
/** Index of the current picture in the queue. */
let place = 0;
/** @type {Progress | null} */
let counts = null;
let filling = false;
/** True if something was rated since the pictures that are being fetched were asked for. */
let again = false;
/** True once the server has no further pictures. */
let dry = false;
/** @type {Map<number, HTMLImageElement>} Decoded pictures by id. */
const ready = new Map();
/** @type {(counts: Progress) => void} */
let onCount = () => {};
/** @type {() => string | null} */
let whenEmpty = () => null;
/** @type {Map<number, number>} Ratings of this page by picture id; 0 for skipped, -1 for "not for me". */
const ratings = new Map();

/**
 * Call a function with the counts whenever they change.
 *
 * @param {(counts: Progress) => void} handler
 */
export const onCounts = (handler) => {
  onCount = handler;
};

/**
 * Say something else where no picture is left.
 *
 * @param {() => string | null} text returns it; null for what is said otherwise.
 */
export const onEmpty = (text) => {
  whenEmpty = text;
  draw();
};

/**
 * Count the ratings of a new round.
 *
 * @param {number} rated ratings before it.
 */
export function beginRound(rated) {
  begun = rated;
  showCounts();
}

/** Ask for further pictures again, because there may be more. */
export function fillAgain() {
  if (dry) fill();
}

/** Keep the next pictures decoded. */
function prepare() {
  for (const cell of queue.slice(place, place + 4)) {
    if (ready.has(cell.id)) continue;
    const node = image(cell, "large");
    ready.set(cell.id, node);
    node.decode().catch(() => {});
  }
  const near = new Set(queue.slice(Math.max(0, place - 2), place + 5).map((cell) => cell.id));
  for (const id of [...ready.keys()]) if (!near.has(id)) ready.delete(id);
}

/** Fetch the pictures that follow the current one, which depend on all ratings so far, in place of those fetched before. */
async function fill() {
  if (filling) {
    again = true;
    return;
  }
  filling = true;
  again = false;
  try {
    const shown = queue.slice(Math.max(0, place - 20), place + 1).map((cell) => cell.id);
    /** @type {{ cells: Cell[], progress: Progress }} */
    const { cells, progress } = await get(`/api/queue?count=${AHEAD}&shown=${shown}`);
    // The next picture may have come up in the meantime.
    const past = new Set(queue.slice(0, place + 1).map((cell) => cell.id));
    const fresh = cells.filter((cell) => !past.has(cell.id));
    queue.splice(place + 1, Infinity, ...fresh);
    dry = !fresh.length;
    // Long sessions stay small: you cannot go back to pictures rated long ago.
    if (place > 200) {
      queue = queue.slice(place - 100);
      place = 100;
    }
    if (!counts) {
      counts = progress;
      showCounts();
    }
    showTrust(progress);
    prepare();
  } catch (error) {
    showError(error);
    setTimeout(() => {
      filling = false;
      fill();
    }, 2000);
    return;
  }
  filling = false;
  if (!picture.dataset.id || Number(picture.dataset.id) !== queue[place]?.id) draw();
  if (again) fill();
}

/** Show the current picture, or the end. */
function draw() {
  const cell = queue[place];
  $(".stage").hidden = !cell;
  $("#done").hidden = Boolean(cell) || filling || !dry;
  if (!cell) {
    picture.removeAttribute("data-id");
    if (!filling && !dry) fill();
    else if (!filling) showEnd();
    return;
  }
  picture.className = isTiny(cell) ? "sharp" : "";
  picture.alt = cell.title;
  picture.onerror = () => passOver(cell);
  picture.src = addressOf(cell, "large");
  picture.dataset.id = String(cell.id);
  $("#prompt").textContent = cell.title;
  const stars = ratings.get(cell.id) ?? cell.stars;
  for (const button of $$("[data-stars]", view)) {
    button.setAttribute("aria-pressed", String(stars === Number(button.dataset.stars)));
  }
  prepare();
  if (!dry && queue.length <= place + 1) fill();
}

/** @type {Cell | null} The picture that was fetched once more. */
let fetchedAgain = null;

/**
 * Pass over a picture whose file is gone; one that the server cannot send now is fetched again.
 *
 * @param {Cell} cell
 */
async function passOver(cell) {
  ready.delete(cell.id);
  picture.classList.add("lost");
  const error = await failureOf(cell, "large");
  if (queue[place] !== cell) return;
  if (error?.temporary) {
    showError(error, { key: "lost" });
    setTimeout(() => queue[place] === cell && draw(), 1000);
  } else if (!error && fetchedAgain !== cell) {
    fetchedAgain = cell;
    draw();
  } else {
    toast("This picture's file is gone: skipped.", { key: "gone" });
    go(1);
  }
}

function showEnd() {
  const early = whenEmpty();
  if (early !== null) {
    $("#done").replaceChildren(el("p", { textContent: early }));
    return;
  }
  const [text, href, link] = counts?.pictures
    ? ["You have rated or skipped every picture.", `${base}/taste`, "View your taste"]
    : ["This collection has no pictures to rate yet.", `${base}/tune`, "Tune a prompt"];
  $("#done").replaceChildren(el("p", {}, el("b", { textContent: text })), el("a", { href, textContent: link, className: "button" }));
}

/** @param {number} step 1 for the next picture, -1 for the previous one. */
function go(step) {
  place += step;
  draw();
}

/**
 * Rate a picture, as the view has not shown it yet.
 *
 * @param {Cell} cell
 * @param {number} stars 0 for skip, -1 for "not for me".
 */
function store(cell, stars) {
  const before = ratings.get(cell.id) ?? cell.stars;
  /** @param {number | null} now */
  const show = (now) => {
    const shown = ratings.get(cell.id) ?? cell.stars;
    ratings.delete(cell.id);
    cell.stars = now;
    if (shown !== null) add(shown, -1);
    if (now !== null) add(now, 1);
    draw();
  };
  rate(cell.id, stars, before, show).then(fill);
  ratings.set(cell.id, stars);
  if (before !== null) add(before, -1);
  add(stars, 1);
}

/** @param {number} stars 0 for skip, -1 for "not for me". */
function rateCurrent(stars) {
  const cell = queue[place];
  if (!cell) return;
  store(cell, stars);
  flash(stars);
  go(1);
}

/**
 * Move the rating of the previous picture.
 *
 * @param {number} step in stars.
 */
function nudge(step) {
  const cell = queue[place - 1];
  const stars = cell && (ratings.get(cell.id) ?? cell.stars);
  if (!cell || !stars || stars < 1) {
    toast("The previous picture has no rating to change.", { key: "nudge" });
    return;
  }
  const value = Math.max(1, Math.min(5, stars + step));
  if (value !== stars) store(cell, value);
  toast(`Previous picture now rated ${decimal(value, value % 1 ? 1 : 0)}.`, { key: "nudge" });
}

/** Go back to the previous picture, and restore the rating it had; from the first one undo changes of earlier pages. */
function undo() {
  if (!place) {
    undoLatest();
    return;
  }
  place--;
  if (!undoLatest(queue[place].id)) draw();
}

/** @param {number} stars */
function flash(stars) {
  const button = $(`.rate [data-stars="${stars}"]`);
  button.classList.remove("pressed");
  requestAnimationFrame(() => button.classList.add("pressed"));
}

/**
 * Count a rating, or take it out of the counts.
 *
 * @param {number} stars
 * @param {1 | -1} change
 */
function add(stars, change) {
  if (!counts) return;
  counts[stars ? "rated" : "rejected"] += change;
  showCounts();
}

function showCounts() {
  if (!counts) return;
  onCount(counts);
  const { rated, rejected, pictures } = counts;
  if (GOAL) {
    const done = Math.max(0, Math.min(rated - begun, GOAL));
    $("#counts").textContent = `${done} of ${GOAL} rated`;
    $("#filled").setAttribute("width", `${(100 * done) / GOAL}%`);
    $("#bar").ariaLabel = $("#counts").textContent;
    return;
  }
  const done = rated + rejected;
  $("#counts").textContent = `${rated} rated, ${rejected} skipped, ${Math.max(0, pictures - done)} left`;
  $("#filled").setAttribute("width", `${pictures ? (100 * done) / pictures : 0}%`);
  $("#bar").ariaLabel = `${done} of ${pictures} rated or skipped`;
}

// The queue and the counts begin anew, where they are shown.
onUndo(() => view.hidden || location.reload());
onJobEnd("learn:", async () => showTrust(await get("/api/progress")));

let presses = 0;
/**
 * Act on a key.
 *
 * @param {string} key
 * @returns {boolean} false if it means nothing here.
 */
function press(key) {
  const stars = starsOf(key);
  if (stars !== null) {
    rateCurrent(stars);
    presses++;
    if (presses % 5 === 0) watchJobs();
  } else if (key === "u" || key === "U") undo();
  else if (key === "+" || key === "=") nudge(0.5);
  else if (key === "-") nudge(-0.5);
  else if (key === "ArrowRight" && place < queue.length) go(1);
  else if (key === "ArrowLeft" && place) go(-1);
  else return false;
  return true;
}
addEventListener("keydown", (event) => {
  if (isForView(event) && !event.repeat && !view.hidden && press(event.key)) event.preventDefault();
});
$(".stars.big").addEventListener("click", (event) => {
  const button = around(event, "button");
  if (button) press(button.getAttribute("aria-keyshortcuts") ?? "");
});
fill();
