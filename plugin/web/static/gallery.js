// Gallery view: the filters in the address, and a grid of the pictures that pass them.

import "./page.js";

import { $, around, el, find, formValues, setServerHtml } from "./dom.js";
import { counted } from "./format.js";
import { Grid } from "./grid.js";
import { goBack, whenBack } from "./history.js";
import { onJobEnd, onNewest, watchJobs } from "./jobs.js";
import { startImport } from "./import.js";
import { startJudge } from "./judge.js";
import { enable, startJudging } from "./judging.js";
import { isForView, starsOf } from "./keys.js";
import { whenLeft } from "./leaving.js";
import { rate } from "./ratings.js";
import { get, getHtml, post, queryOf } from "./request.js";
import { restoreScroll } from "./scroll.js";
import { Selected } from "./selected.js";
import { compare, favour, rateSelected, startSelection } from "./selection.js";
import { showError, toast } from "./toasts.js";
import { onUndo, undoLatest } from "./undo.js";
import { openViewer } from "./viewer.js";

/** @type {HTMLFormElement} */
const form = $("#filter");
const selected = new Selected();
const grid = new Grid($("#grid"), {
  open: (number) => {
    const top = grid.ids[number];
    if (grid.stacks.has(top)) {
      spread(top);
      return;
    }
    openViewer(grid.ids, number, {
      by: form.by.value,
      onRate: (id, stars) => grid.showRating(id, stars),
      onFavourite: (id, on) => grid.showFavourite(id, on),
    });
  },
  act: (id, key) => {
    const several = selected.has(id);
    if (key === "f") {
      favour(grid, several ? selected.ids : [id]);
      return true;
    }
    if (key === "c") {
      compare(selected.ids);
      return true;
    }
    const stars = starsOf(key);
    const cell = grid.cells.get(id);
    if (stars === null || !cell) return false;
    if (several) {
      rateSelected(grid, selected.ids, stars);
      return true;
    }
    const value = cell.stars === stars ? null : stars;
    rate(id, value, cell.stars, (now) => grid.showRating(id, now));
    grid.showRating(id, value);
    return true;
  },
  selected,
});

selected.members = (id) => grid.stacks.get(id) ?? [id];

/**
 * Show the pictures of one stack, and no other; Back shows all stacks again.
 *
 * @param {number} id of a picture of the stack.
 */
async function spread(id) {
  await whenBack();
  form.stack.value = String(id);
  const parameters = new URLSearchParams(location.search);
  parameters.set("stack", String(id));
  history.pushState({ stack: id }, "", `?${parameters}`);
  scrollTo(0, 0);
  await load();
  grid.focus(0);
}

/** Show all stacks again, with the focus on the one that was open. */
async function closeStack() {
  const id = Number(form.stack.value);
  form.stack.value = "";
  await load();
  const number = grid.ids.findIndex((top) => selected.members(top).includes(id));
  if (number >= 0) grid.focus(number);
}

async function leaveStack() {
  await whenBack();
  if (history.state?.stack) goBack();
  else if (form.stack.value) closeStack();
}
addEventListener("popstate", () => {
  const stack = new URLSearchParams(location.search).get("stack") ?? "";
  if (stack === form.stack.value) return;
  if (!stack) closeStack();
  else {
    form.stack.value = stack;
    load();
  }
});

/** The filters of the form, and the time zone in which their days are meant. */
function zonedValues() {
  const values = formValues(form);
  if (values.since || values.until) values.zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return values;
}

/**
 * @typedef {object} Answer
 * @property {number[]} ids
 * @property {number[][]} [stacks] ids of each stack, the top first.
 * @property {Record<string, string>} [evidence] why pictures were found in which the words are not written.
 * @property {string} [note] on the words, such as that nothing knows them.
 * @property {number} [unseen] pictures that can still be looked at.
 */

/** The newest picture of the collection as far as the page knows, and as it was when those that are shown were asked for. */
let newest = Number(grid.root.dataset.newest);
let asked = newest;
/** Query of those that are shown; null before the first answer. */
let shownQuery = /** @type {string | null} */ (null);
/** Number of pictures that are not in their places yet. */
let late = 0;
/** @type {AbortController | null} The request for pictures that is under way. */
let request = null;
/**
 * Ask for the pictures that pass the filters; an earlier request is given up.
 *
 * @returns {Promise<Answer>}
 */
async function ask() {
  request?.abort();
  const mine = new AbortController();
  request = mine;
  const [query, now] = [String(queryOf(zonedValues())), newest];
  try {
    const answer = await get(`/api/ids?${query}`, { signal: mine.signal });
    [shownQuery, asked] = [query, now];
    return answer;
  } finally {
    if (request === mine) request = null;
  }
}

/** @param {Answer} answer */
function show({ ids, stacks = [], evidence = {}, note = "", unseen = 0 }) {
  const seen = Object.keys(evidence).length;
  $("#count").textContent = numberOf(ids, stacks) + (seen ? `, ${seen} by what they show` : "");
  $("#note").textContent = note;
  $("#look").textContent = `Look for it in ${counted(unseen)}`;
  $("#look").hidden = !unseen;
  $("#look").dataset.few = unseen && unseen <= 1000 ? "few" : "";
  $("#found").hidden = !note && !unseen;
  grid.evidence = evidence;
  $("#spread").hidden = !form.stack.value;
  $("#empty").hidden = ids.length > 0;
  grid.show(ids, form.by.value, stacks);
  showLegend();
  selected.keep(ids);
  showLate(0);
}

/** Name the judge whose scores are on the pictures, if it has scored any. */
function showLegend() {
  const judge = form.by.selectedOptions[0];
  $("#legend").hidden = !grid.ids.length || !judge.dataset.known;
  $("#legend").textContent = `· scores by ${judge.dataset.title}`;
}

/** Show all pictures in order. */
async function load() {
  history.replaceState(history.state, "", `?${queryOf(formValues(form))}`);
  countFilters();
  try {
    show(await ask());
  } catch (error) {
    if (error.status !== 400 && error.status !== 404) {
      showError(error);
      return;
    }
    // Such as percentiles from 90 to 9 while 95 is typed: the message replaces the count.
    grid.show([], form.by.value);
    showLate(0);
    $("#found").hidden = true;
    $("#empty").hidden = true;
    $("#count").textContent = error.message;
  }
}

/** True while the pictures have another order by now than the one that is shown. */
let unsorted = false;
/**
 * Offer to put pictures in their places.
 *
 * @param {number} count of the new pictures that are not in their places yet.
 * @param {boolean} [others] true if others are not, either.
 */
function showLate(count, others = false) {
  [late, unsorted] = [count, others];
  $("#new").hidden = !count && !others;
  $("#new").textContent = count
    ? counted(count, "new picture")
    : "Sort by the new scores";
}

/** True while somebody looks at pictures below, selects or opens some, or moves among them by keys. */
const inUse = () => scrollY > 0 || selected.active || grid.active || Boolean(find("dialog[open]"));

/**
 * Take in the pictures that were added, after all others, so that none moves.
 *
 * @param {boolean} [ended] true after a job, which may have changed more: then all are shown in order, unless that would
 *   move pictures that are in use.
 */
async function takeIn(ended = false) {
  // Other filters were set meanwhile.
  if (shownQuery !== String(queryOf(zonedValues()))) return load();
  const before = asked;
  const answer = await ask();
  const all = new Set([...answer.ids, ...(answer.stacks ?? []).flat()]);
  const shown = new Set(grid.ids.flatMap(selected.members));
  const added = [...all].filter((id) => !shown.has(id));
  const gone = all.size < added.length + shown.size;
  // Pictures that come back, such as after a move was undone, have their old places.
  const changed = gone || added.some((id) => id <= before);
  if (!shown.size || (ended && (changed || !inUse()))) return show(answer);
  if (ended) grid.refresh();
  const others = unsorted || (ended && isReordered(answer.ids, grid.ids));
  // Of stacks only the number is shown: a new picture may belong to any.
  if (form.stacks.value) return showLate(added.length, others);
  grid.extend(added);
  showLate(late + added.length, others);
}

/**
 * True if pictures have another order among themselves.
 *
 * @param {number[]} now ids, perhaps of further pictures too.
 * @param {number[]} before
 */
function isReordered(now, before) {
  const kept = new Set(before);
  return now.filter((id) => kept.has(id)).some((id, place) => id !== before[place]);
}

onNewest((found, busy) => {
  newest = found;
  // While a job is at work they are taken in when they are a twentieth more: very many would take too many requests.
  const enough = newest > asked && newest - asked >= (busy ? asked / 20 : 0);
  // If it fails, the next time asks again.
  if (enough && !request && !form.stack.value) takeIn().catch(() => {});
});
$("#new").onclick = () => load().then(() => grid.focus(0));

/**
 * The numbers of pictures and stacks in words.
 *
 * @param {number[]} ids that are shown.
 * @param {number[][]} stacks
 */
function numberOf(ids, stacks) {
  const pictures = counted(ids.length + stacks.reduce((sum, members) => sum + members.length - 1, 0));
  return stacks.length ? `${pictures}, ${counted(stacks.length, "stack")}` : pictures;
}

form.stacks.addEventListener("input", () => (form.stack.value = ""));
let [typing, waiting, looked] = [0, 0, ""];
form.addEventListener("input", () => {
  for (const timer of [typing, waiting]) clearTimeout(timer);
  [typing, waiting] = [setTimeout(load, 200), setTimeout(lookOnce, 1500)];
});
const look = () =>
  post("/api/look", { words: (looked = form.words.value), faces: form.faces.value }).then(watchJobs, showError);
/** Look once for words that are written nowhere, in few pictures. */
const lookOnce = () => !request && !grid.ids.length && $("#look").dataset.few && form.words.value !== looked && look();
$("#look").onclick = look;
onJobEnd("look", load);
form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (!$("#found").hidden && !$("#look").hidden) look();
});

const more = $("#more");
more.onclick = () => {
  const filters = $("#filters");
  filters.hidden = !filters.hidden;
  more.setAttribute("aria-expanded", String(!filters.hidden));
};
const FILTERS = ["low", "high", "rated", "damage", "faces", "shown", "since", "until", "up", "tag", "album", "favourite"];
/** Show on the button how many filters are set: on a small screen they are folded away. */
function countFilters() {
  const values = formValues(form);
  const count = FILTERS.filter((name) => values[name]).length;
  $("#set").textContent = count ? `(${count})` : "";
  return count;
}
if (countFilters() && matchMedia("(min-width: 761px) and (min-height: 561px)").matches) more.click();

function forgetLike() {
  form.like.value = "";
  $("#like").hidden = true;
  load();
}
$("#any").onclick = forgetLike;
$("#close-stack").onclick = leaveStack;
form.sort.addEventListener("change", forgetLike);

function clear() {
  for (const name of ["words", "low", "high", "since", "until", "rated", "damage", "faces", "shown", "tag", "album"]) form[name].value = "";
  form.sort.value = "date";
  form.up.checked = form.favourite.checked = false;
  forgetLike();
}
$("#clear").onclick = clear;
find("#all")?.addEventListener("click", clear);
/** @type {any} */
const effect = find("#model-effect");
effect?.addEventListener("change", () => post("/api/model-effect", { on: effect.checked }).then(load, showError));
$("#select-all").onclick = () => selected.set(grid.ids);
$("#score").onclick = () => post("/api/score", { by: form.by.value }).then(watchJobs, showError);
/** Show new scores: of the judges how many pictures they have scored, and of the pictures their order. */
async function takeInScores() {
  await renewJudges().catch(showError);
  await takeIn(true);
}
onJobEnd("score:", takeInScores);
onJobEnd("learn:", takeInScores);
onJobEnd("evaluate", async (job) => {
  toast(job.message);
  if (job.state === "done" && form.damage.disabled) enable(form.damage, form.rated);
  if (await renewLabels()) await takeInScores();
});
startSelection(selected, grid, reload);
onUndo(reload);
startImport();
startJudging(form, zonedValues, load, renewJudges);

/** The latest request for what is known of the judges. */
let latest = Promise.resolve("");
/** Show anew what is known of the judges; the one that is chosen stays. */
async function renewJudges() {
  latest = getHtml("/judges");
  let [mine, html] = [latest, await latest];
  // A later call has later numbers.
  while (mine !== latest) [mine, html] = [latest, await latest];
  const fresh = el("select");
  setServerHtml(fresh, html);
  const known = new Map([...form.by.options].map((option) => [option.value, option]));
  for (const option of [...fresh.options]) {
    const there = known.get(option.value);
    if (there) {
      // In its place, because the list may be open.
      there.textContent = option.textContent;
      delete there.dataset.known;
      Object.assign(there.dataset, option.dataset);
      there.title = option.title;
    } else form.by.insertBefore(option, find("optgroup", form.by));
  }
  showLegend();
}

let reloads = 0;
/** Show the pictures and the names of tags and albums anew. */
async function reload() {
  if (await renewLabels()) await load();
}

/** Show the names of tags and albums anew; false if that failed, or is done by a later call. */
async function renewLabels() {
  reloads++;
  const mine = reloads;
  /** @type {Record<string, [string, number][]>} */
  let labels;
  try {
    labels = await get("/api/labels");
  } catch (error) {
    showError(error);
    return false;
  }
  // A later call has later labels.
  if (mine !== reloads) return false;
  for (const kind of ["tag", "album"]) {
    const { value } = form[kind];
    const options = labels[kind].map(([name, count]) => el("option", { value: name, textContent: `${name} (${count})` }));
    form[kind].replaceChildren(form[kind].options[0], ...options);
    form[kind].value = value;
    if (form[kind].selectedIndex < 0) form[kind].value = "";
  }
  return true;
}

addEventListener("keydown", (event) => {
  if (event.key === "a" && (event.ctrlKey || event.metaKey) && !around(event, "input, textarea, select, dialog[open]")) {
    event.preventDefault();
    selected.set(grid.ids);
  }
  if (!isForView(event)) return;
  if (event.key === "u") undoLatest();
  if (event.key === "Escape" && selected.active) selected.choose(false);
  else if (event.key === "Escape" && form.stack.value) leaveStack();
  if (event.target === document.body && ["ArrowDown", "ArrowRight"].includes(event.key) && grid.ids.length) {
    event.preventDefault();
    grid.focus(grid.focused);
  }
});
const address = new URLSearchParams(location.search);
startJudge(form.by, address.has("by"));
load().then(() => {
  restoreScroll("gallery");
  if (address.has("look") && !$("#look").hidden) look();
  const left = whenLeft("selection", () => selected.ids.join(","));
  const there = new Set(grid.ids.flatMap(selected.members));
  if (left && !selected.active) selected.set(left.split(",").map(Number).filter((id) => there.has(id)));
});
