// Quick start view: sixteen pictures to rate while the others are read, then the best by this taste.

import { $, find, setServerHtml } from "./dom.js";
import { counted, decimal, duration } from "./format.js";
import { onJobEnd, watchJobs } from "./jobs.js";
import { hasModifier, isForView } from "./keys.js";
import { flush } from "./outbox.js";
import { beginRound, fillAgain, onCounts, onEmpty } from "./rate.js";
import { get, latestHtml, post } from "./request.js";
import { rater } from "./session.js";
import { showError, toast } from "./toasts.js";
import { showTrust } from "./trust.js";
import { remember, undoLatest } from "./undo.js";
import { openThumbs } from "./viewer.js";

/**
 * @typedef {object} Reading
 * @property {number} job number of the job that reads.
 * @property {number} files 0 while unknown.
 * @property {number} done files that are done.
 * @property {number} pictures that can be rated.
 * @property {boolean} live true while files are read.
 * @property {number | null} left seconds.
 * @property {string} failed the reason if reading failed, else empty.
 *
 * @typedef {object} State
 * @property {Reading} reading
 * @property {import("./trust.js").Progress & { learnt: number }} progress
 * @property {string} lacking what the ratings lack for a ranking; empty for nothing.
 * @property {boolean} ranks true if the ratings rank at all.
 */

const goal = Number($(".rate").dataset.goal);
const best = $("#best");
const getBest = latestHtml();
/** @type {State | null} */
let state = null;
/** Ratings that the page knows of, which the server may not have yet. */
let rated = 0;
/** Ratings before this round. */
let before = 0;
/** True if the best are shown even where they are alike. */
let alike = false;
/** True if the ranking is shown although too few pictures are liked. */
let anyway = false;
/** True while a ranking has been asked for and has not arrived. */
let asked = false;
let timer = 0;

/** Ratings that are wanted by the end of this round: of a small folder one for each picture. */
const wanted = () => {
  const all = state && !state.reading.live ? state.reading.pictures - state.progress.rejected : 0;
  return all > 0 ? Math.min(before + goal, all) : before + goal;
};

/** Show the pictures to rate, also after a round in which too few were liked, or the ranking. */
function show() {
  const single = state?.reading.pictures === 1 && Boolean(state.lacking) && !state.ranks;
  const enough = rated >= wanted() || (single && rated > 0);
  const left = Boolean(state?.reading.live) || rated + (state?.progress.rejected ?? 0) < (state?.reading.pictures ?? 0);
  const hunting = enough && Boolean(state?.lacking) && left && !anyway;
  const ranking = enough && !hunting;
  $("#lacking").textContent = enough || single ? (state?.lacking ?? "") : "";
  $("#lacking").hidden = !$("#lacking").textContent;
  $("#anyway").hidden = !hunting || !state?.ranks;
  $("#change").hidden = !ranking || !state?.lacking || state.ranks;
  if (find(".rate")?.hidden !== ranking) {
    $(".rate").hidden = ranking;
    $("#intro").hidden = ranking;
    if (ranking) showRanking();
  }
  for (const id of ["#best", "#more", "#ranking-state"]) $(id).hidden = !ranking;
  if (!state) return;
  $("#ranking-state").hidden = !ranking || Boolean(best.childElementCount) || !state.ranks;
  $("#all").hidden = !best.childElementCount;
  $("#rate-more").hidden = !left;
  $("#ranking-state").textContent = state.progress.failed || "Learning your taste and ranking the pictures…";
  showReading(state.reading);
}

/** @param {Reading} reading */
function showReading({ files, done, live, left, failed, pictures }) {
  const node = $("#read");
  node.className = failed ? "error" : "dim num";
  if (failed) node.textContent = failed;
  else if (live && !files) node.textContent = "Looking for pictures…";
  else if (live)
    node.textContent = `${decimal(done)} of ${decimal(files)} files read${left === null ? "" : `, ${duration(left)} left`}`;
  else node.textContent = counted(pictures);
  $("#go-on").hidden = live || (!failed && done >= files);
  const stop = find("#stop");
  if (stop) stop.hidden = !live;
}

/** Have the taste learnt from all ratings, and show what there is. */
async function showRanking() {
  asked = true;
  await loadBest();
  await flush();
  const { progress, ranks } = /** @type {State} */ (await get("/api/start"));
  if (ranks && progress.learnt < Math.min(progress.rated, rated) && !progress.learning) await post("/api/learn");
  watchJobs();
}

async function loadBest() {
  try {
    setServerHtml(best, await getBest(`/start/best${alike ? "?alike=1" : ""}`));
    if (best.childElementCount) asked = false;
    show();
  } catch (error) {
    if (error.name !== "AbortError") showError(error);
  }
}

async function poll() {
  clearTimeout(timer);
  try {
    state = await get("/api/start");
    if (state) {
      rated = Math.max(rated, state.progress.rated);
      showTrust(state.progress);
      fillAgain();
      show();
    }
  } catch (error) {
    showError(error, { key: "start" });
  }
  const busy = !state || state.reading.live || state.progress.learning || asked;
  timer = setTimeout(poll, document.hidden ? 5000 : busy ? 1000 : 4000);
}

onCounts((counts) => {
  rated = counts.rated;
  show();
  // Then it is known if enough are liked.
  if (rated >= wanted()) flush().then(poll);
});
onEmpty(() => (state?.reading.live === false ? null : "Looking for pictures…"));
for (const prefix of [`learn:${rater}`, `rank:${rater}`, "evaluate"]) {
  onJobEnd(prefix, async (job) => {
    await poll();
    const late = state && prefix.startsWith("learn") && job.state === "done" && state.progress.learnt < Math.min(wanted(), rated);
    if (late && rated >= wanted()) await post("/api/learn");
    if (!$("#best").hidden) await loadBest();
  });
}

async function copy() {
  /** @type {{ count: number, folder: string, undo: string, problems: string[] }} */
  const { count, folder, undo, problems } = await post("/api/start/copy", { alike });
  const text = `${counted(count)} copied to ${folder}.`;
  if (undo) {
    const request = { path: "/api/start/undo", body: { name: undo }, word: "copies of the best" };
    remember({ request }).notify(text, "copied");
  } else toast(text, { key: "copied" });
  problems.forEach((problem) => toast(problem, { bad: true }));
}

best.addEventListener("click", (event) => {
  const button = /** @type {Element} */ (event.target).closest("button");
  if (button?.id === "copy") copy().catch(showError);
  if (button?.id !== "alike") return;
  alike = !alike;
  loadBest();
});
openThumbs(best);
$("#rate-more").onclick = () => {
  before = rated;
  anyway = false;
  beginRound(rated);
  show();
};
$("#anyway").onclick = () => {
  anyway = true;
  show();
};
find("#stop")?.addEventListener("click", () => post("/api/jobs/cancel", { job: state?.reading.job }).then(poll, showError));
$("#go-on").onclick = () => post("/api/start/read").then(poll, showError);
addEventListener("keydown", (event) => {
  if (!$(".rate").hidden || !isForView(event) || hasModifier(event)) return;
  if (event.key === "u" || event.key === "U") undoLatest();
  else if (event.key === "c" && find("#copy")) copy().catch(showError);
  else return;
  event.preventDefault();
});
poll();
