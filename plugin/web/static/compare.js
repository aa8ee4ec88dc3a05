// Two or four pictures at a time until their order is clear; the pool lies in the address, the choices on the server.

import { $, address, complain, el, free, get, image, say, toast } from "./base.js";
import { open } from "./viewer.js";

const form = $("#pool");
const made = [];
let ids = [];
let up = 2;
let asked = [];
let busy = false;
let passed = [];

const number = () => crypto.randomUUID?.() ?? `${Date.now()}-${Math.random().toString(36).slice(2)}`.slice(0, 36);

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const values = Object.fromEntries(new FormData(form));
  try {
    const pool = await get(`/api/pool?${address(values)}`);
    if (pool.ids.length < 3) throw new Error(`Only ${pool.ids.length} such pictures are there; at least 3 are needed.`);
    begin(pool.ids, Number(values.up));
    history.pushState(null, "", `?ids=${ids}&up=${up}`);
  } catch (error) {
    $(".error", form).textContent = error.message;
  }
});

function begin(list, count) {
  [ids, up] = [list, count];
  made.length = 0;
  passed = [];
  next();
}

async function next() {
  busy = true;
  try {
    const state = await get(`/api/compare?ids=${ids}&up=${up}&passed=${passed}`);
    form.hidden = true;
    $("#duel").hidden = state.clear;
    if (state.gone)
      toast(`${state.gone} pictures are not in the collection any more and were left out.`, { key: "gone" });
    asked = state.ask;
    if (!state.clear) ask();
    rank(state);
  } catch (error) {
    complain(error);
    form.hidden = false;
  }
  busy = false;
}

function ask() {
  const room = $("#shown");
  room.className = `shown of-${asked.length}`;
  room.replaceChildren(
    ...asked.map((cell, place) => {
      const button = el(
        "button",
        { className: "choice", ariaLabel: `Choose picture ${place + 1}: ${cell.title}`, onclick: () => choose(place) },
        image(cell, "large"),
        el("span", { className: "caption", textContent: cell.title }),
        el("kbd", { textContent: String(place + 1) }),
      );
      button.dataset.id = cell.id;
      return button;
    }),
  );
}

function rank(state) {
  const share = Math.round(100 * state.settled);
  $("#made").textContent = `${state.made} choices, ${share} % of the order is settled`;
  $("#result").hidden = !state.made;
  const verdict = $("#verdict");
  const head = el("h2", { textContent: state.clear ? "The order is clear" : "The order so far" });
  const again = el("button", { className: "quiet", textContent: "Other pictures", onclick: leave });
  verdict.replaceChildren(
    head,
    ...(state.clear
      ? [
          el(
            "span",
            { className: "row" },
            el("button", { className: "quiet", textContent: "Undo", onclick: undo }),
            again,
          ),
        ]
      : []),
  );
  const low = Math.min(...state.order.map((cell) => cell.strength - cell.deviation));
  const high = Math.max(...state.order.map((cell) => cell.strength + cell.deviation));
  const across = (value) => (100 * (value - low)) / (high - low || 1);
  const list = state.order.map((cell) => cell.id);
  $("#order").replaceChildren(
    ...state.order.map((cell, place) => {
      const label = `strength ${cell.strength.toFixed(2)} ± ${cell.deviation.toFixed(2)}`;
      const bar = svg("svg", { width: "100%", height: "14", role: "img", "aria-label": label });
      const [from, to] = [across(cell.strength - cell.deviation), across(cell.strength + cell.deviation)];
      bar.append(
        svg("rect", { x: `${from}%`, y: 5, width: `${to - from}%`, height: 4, rx: 2, class: "range" }),
        svg("rect", { x: `${across(cell.strength)}%`, y: 1, width: 3, height: 12, rx: 1.5, class: "mean" }),
      );
      return el(
        "li",
        {},
        el(
          "button",
          { className: "thumb", ariaLabel: `Open ${cell.title}`, onclick: () => open(list, place) },
          image(cell),
        ),
        el("span", { className: "caption", textContent: cell.title }),
        bar,
      );
    }),
  );
}

function svg(tag, attributes) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

async function choose(place) {
  if (busy || place >= asked.length || $("#duel").hidden) return;
  busy = true;
  const winner = asked[place];
  $("#shown").children[place].classList.add("won");
  const choice = number();
  const losers = asked.filter((cell) => cell !== winner).map((cell) => cell.id);
  const answer = await say("/api/compare", { choice, winner: winner.id, losers });
  if (answer) made.push(choice);
  await next();
}

async function undo() {
  const choice = made.pop();
  if (!choice) return toast("Nothing to take back on this page.", { key: "undo" });
  await say("/api/compare/undo", { choice });
  toast("Taken back.", { key: "undo" });
  await next();
}

/** Whoever cannot say is shown other pictures first. */
function skip() {
  if (busy) return;
  for (const [at, one] of asked.entries()) for (const other of asked.slice(at + 1)) passed.push(one.id, other.id);
  next();
}

function leave() {
  history.pushState(null, "", location.pathname);
  $("#duel").hidden = $("#result").hidden = true;
  form.hidden = false;
}

$("#undo").onclick = undo;
$("#skip").onclick = skip;
$("#other").onclick = leave;
addEventListener("keydown", (event) => {
  if (!free(event) || event.repeat || $("#duel").hidden)
    return event.key === "u" && free(event) && !$("#result").hidden ? undo() : undefined;
  if (event.key === "ArrowLeft") choose(0);
  else if (event.key === "ArrowRight") choose(1);
  else if (/^[1-4]$/.test(event.key)) choose(Number(event.key) - 1);
  else if (event.key === "u") undo();
  else if (event.key === "s") skip();
  else return;
  event.preventDefault();
});
function restore() {
  const given = new URLSearchParams(location.search);
  if (given.get("ids")) begin(given.get("ids").split(",").map(Number), Number(given.get("up") || 2));
  else leaveQuietly();
}
function leaveQuietly() {
  $("#duel").hidden = $("#result").hidden = true;
  form.hidden = false;
}
addEventListener("popstate", restore);
restore();
