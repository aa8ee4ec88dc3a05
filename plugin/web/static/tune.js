// Tune view: pictures as they arrive, findings as they change, and options to ban and to pin.

import "./page.js";

import { onSubmit } from "./actions.js";
import { copyText } from "./clipboard.js";
import { $, $$, around, el, setServerHtml } from "./dom.js";
import { counted, duration } from "./format.js";
import { get, getHtml, post } from "./request.js";
import { clearPictures, legendOf, showPictures, showRating } from "./strip.js";
import { showError, toast } from "./toasts.js";
import { numbersOf, openViewer } from "./viewer.js";
import { startWeights, weightsIn } from "./weights.js";

/**
 * @import { TunePicture } from "./strip.js"
 *
 * @typedef {"running" | "pausing" | "paused" | "ended" | "failed" | "interrupted" | "terminal"} StateName
 *
 * @typedef {object} State
 * @property {"idle" | StateName} state
 * @property {number} version grows with every change of the findings.
 * @property {boolean} found true if there are findings.
 * @property {boolean} reading true while findings are read.
 * @property {number} done pictures.
 * @property {number} budget pictures.
 * @property {number | null} left seconds.
 * @property {string} doing how far the present picture is; empty if that is not known.
 * @property {string} why the reason of the state, in a sentence; often empty.
 * @property {boolean} exhausted true if there is nothing more to draw.
 * @property {string} subject the prompts or the template.
 * @property {string[]} judges in words.
 * @property {boolean} points true if the goal is in points, 0 to 100.
 * @property {string[]} bans
 * @property {string[]} pins
 * @property {TunePicture[]} pictures newest first.
 */

/** @type {HTMLFormElement} */
const form = $("#start");
/** @type {Record<StateName, string>} */
const WORDS = {
  running: "Drawing and learning",
  pausing: "Pausing after this batch",
  paused: "Paused",
  ended: "Done",
  failed: "Stopped",
  terminal: "Started on the command line: it goes on there, or here with Resume",
  interrupted: "The server stopped during this tune: nothing is lost, press Resume",
};
/** @type {State | null} */
let state = null;
/** Version of the findings that are shown, or on their way. */
let version = -1;
/** States that were shown so far. */
let shows = 0;
let timer = 0;
let polling = false;
/** True while the form of a new tune is open. */
let composing = Boolean(form.text.value);

async function poll() {
  clearTimeout(timer);
  if (!polling) {
    polling = true;
    try {
      await showAnswer(get("/api/tune"));
      toast("", { key: "tune" });
    } catch (error) {
      toast(`${error.message} Everything drawn so far is kept.`, { key: "tune", sticky: true, bad: true });
    }
    polling = false;
  }
  const quick = state && (isRunning(state) || state.reading);
  timer = setTimeout(poll, document.hidden ? 5000 : quick ? 700 : 3000);
}

/** @param {State} tune */
const isRunning = (tune) => tune.state === "running" || tune.state === "pausing";

/**
 * Show the state that a request answers, unless another was shown since it was sent.
 *
 * @param {Promise<State>} answer
 */
async function showAnswer(answer) {
  const before = shows;
  const now = await answer;
  if (before === shows) await show(now);
}

/** @param {State} now */
async function show(now) {
  shows++;
  const mine = shows;
  state = now;
  const idle = now.state === "idle";
  if (!composing) {
    $("#run").hidden = idle;
    form.hidden = !idle;
  }
  if (idle && mine === 1) showEarlier().catch(showError);
  if (now.state === "idle") return;
  const running = isRunning(now);
  const reading = now.reading && !running ? "The findings are being read." : "";
  $("#state").textContent = [`${WORDS[now.state]}.`, now.why, reading].filter(Boolean).join(" ");
  $("#subject").textContent = `Tuning “${now.subject}”, judged by ${now.judges.join(", ")}`;
  $("#subject").title = $("#subject").textContent;
  $("#state").className = `state ${now.state}`;
  $("#pause").hidden = now.state !== "running";
  $("#stop").hidden = now.state !== "pausing";
  $("#resume").hidden = running || now.state === "ended";
  $("#longer").hidden = now.state !== "ended" || now.exhausted;
  $("#again").hidden = running;
  $("#filled").setAttribute("width", `${Math.min(100, (100 * now.done) / (now.budget || 1))}%`);
  const { done, budget } = now;
  const count = done > budget ? counted(done) : `${done} of ${counted(budget)}`;
  const left = now.left ? `, ${duration(now.left)} left` : "";
  $("#numbers").textContent = count + left + (now.doing && ` (${now.doing})`);
  $("#legend").hidden = !now.pictures.some(({ goal }) => goal !== null);
  $("#legend").textContent = legendOf(now.judges);
  await showPictures(now.pictures, now.points);
  if (mine === shows && now.found && now.version !== version) await showFindings(now.version);
}

/**
 * Fetch the findings; the focus stays on the button that had it.
 *
 * @param {number} latest their version.
 */
async function showFindings(latest) {
  version = latest;
  let html;
  try {
    html = await getHtml("/tune/findings");
  } catch (error) {
    // The next poll asks again.
    if (version === latest) version = -1;
    throw error;
  }
  // Later ones are on their way, or another tune has begun.
  if (version !== latest) return;
  const room = $("#findings");
  const focused = /** @type {HTMLElement | null} */ (document.activeElement?.closest("[data-ban], [data-pin]"));
  const kind = focused?.dataset.ban ? "ban" : "pin";
  const value = focused?.dataset[kind];
  setServerHtml(room, html);
  if (focused) {
    $$(`[data-${kind}]`, room)
      .find((button) => button.dataset[kind] === value)
      ?.focus();
  }
}

$("#findings").addEventListener("click", (event) => {
  const button = around(event, "button");
  if (!button) return;
  const { ban, pin, copy, picture } = button.dataset;
  if (copy !== undefined) copyText(copy);
  else if (picture) openViewer(...numbersOf(button), { onRate: showRating });
  else if (ban) narrow("bans", ban);
  else if (pin) narrow("pins", pin);
});

/** The changes of bans and pins so far: each begins from the lists that the one before has left. */
let narrowed = Promise.resolve();

/**
 * Ban or pin an option from the next batch on, or lift its ban or pin.
 *
 * @param {"bans" | "pins"} kind
 * @param {string} option such as `style=flat`, or `style=` for nothing.
 */
function narrow(kind, option) {
  narrowed = narrowed.then(() => banOrPin(kind, option));
}

/**
 * @param {"bans" | "pins"} kind
 * @param {string} option
 */
async function banOrPin(kind, option) {
  if (!state) return;
  const free = state[kind].includes(option);
  try {
    // Only the change, because another tab may have changed the lists since.
    const now = await post("/api/tune/narrow", { kind, option, on: !free });
    const empty = option.indexOf("=") === option.length - 1;
    const what = free ? "allowed again" : kind === "bans" ? "banned" : "pinned";
    toast(`${option}${empty ? "(nothing)" : ""} is ${what}, from the next batch on.`, { key: "narrow" });
    await show(now);
  } catch (error) {
    showError(error);
  }
}

/**
 * Post a change of the tune, then show its result.
 *
 * @param {string} path
 * @param {object} [body]
 */
const change = (path, body) => showAnswer(post(path, body)).catch(showError).then(poll);
$("#pause").onclick = () => change("/api/tune/pause");
$("#stop").onclick = () => change("/api/tune/pause", { now: true });
$("#resume").onclick = () => change("/api/tune/resume");
$("#longer").onclick = () => change("/api/tune/resume", { budget: (state?.budget ?? 0) + 24 });
$("#again").onclick = () => compose(true);
$("#back").onclick = () => compose(false);

/** @param {boolean} on true to open the form of a new tune, false to go back to the present one. */
function compose(on) {
  composing = on;
  form.hidden = !on;
  $("#back").hidden = !on;
  $("#run").hidden = on;
  $("#earlier").hidden = true;
  if (!on) return;
  form.text.focus();
  showEarlier().catch(showError);
}

/** Show the tunes before the present one below the form. */
async function showEarlier() {
  const room = $("#earlier");
  setServerHtml(room, await getHtml("/tune/earlier"));
  room.hidden = form.hidden || !room.childElementCount;
}

$("#earlier").addEventListener("click", (event) => {
  const key = around(event, "button")?.dataset.open;
  if (key) showReplacement(post("/api/tune/reopen", { key }), "The findings are being read.").catch(showError);
});

/**
 * Show the tune that replaces the present one.
 *
 * @param {Promise<State>} answer
 * @param {string} [notice] shown until there are findings; by default a line about loading the model.
 */
async function showReplacement(answer, notice) {
  const now = await answer;
  composing = false;
  version = -1;
  clearPictures();
  $("#earlier").hidden = true;
  const begins = `Loading the model and ${now.done ? "reading what is there" : "drawing the first batch"}…`;
  $("#findings").replaceChildren(el("p", { className: "dim", textContent: notice ?? begins }));
  await show(now);
  poll();
}

onSubmit(form, async () => {
  const values = new FormData(form);
  const texts = ["text", "negative", "budget", "adherence"].map((name) => [name, values.get(name)]);
  const boxes = ["pareto", "prune", "propose"].map((name) => [name, values.has(name)]);
  const body = { ...Object.fromEntries([...texts, ...boxes]), by: weightsIn(form) };
  await showReplacement(post("/api/tune/start", body));
});
startWeights(form);
document.addEventListener("visibilitychange", () => document.hidden || poll());
// The prompt of a picture, sent here to be tuned.
if (composing) compose(true);
poll();
