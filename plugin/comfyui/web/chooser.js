// Runs that wait for a pick: shown in the node that asks, or in a corner of the page where that node is not to be seen.
import { api } from "../../scripts/api.js";
import { app } from "../../scripts/app.js";
import { button, el } from "./dom.js";
import { corner, everyNode, fit, isSeen, panelOf, tidyCorner } from "./panel.js";
import { caption, drawPicture, store } from "./pictures.js";
import { enlarge } from "./viewer.js";

/**
 * @import { GraphNode } from "./panel.js"
 * @import { Card } from "./pictures.js"
 *
 * @typedef {object} Question
 * @property {string} id
 * @property {string} node its number in the graph.
 * @property {string} workflow
 * @property {number} seconds left.
 * @property {number} fallback how many pass if nobody picks.
 * @property {string} judge
 * @property {Card[]} cards
 */

/** Messages of the server, as in choose.py. */
const ASKED = "soart.asked";
const CLOSED = "soart.closed";
const KIND = "SoartChoose";
const SECOND = 1000;
const MINUTE = 60;

/** Open questions by id, and when they end. @type {Map<string, { question: Question, ends: number, shown: HTMLElement }>} */
const open = new Map();

/** @param {number} seconds */
const clock = (seconds) => `${Math.floor(seconds / MINUTE)}:${String(seconds % MINUTE).padStart(2, "0")}`;

/** @param {Question} question */
function fallbackOf({ fallback, judge }) {
  if (!fallback) return "none passes";
  return fallback === 1 ? `the best passes (${judge})` : `the best ${fallback} pass (${judge})`;
}

/** The pictures of a question, to be picked by clicks in the order in which they pass. @param {Question} question */
function drawQuestion(question) {
  /** @type {string[]} */
  const picked = [];
  const left = el("span", "left");
  const message = el("span", "message");
  message.setAttribute("role", "status");
  const cards = question.cards.map((card, at) => {
    const order = el("span", "order");
    const choice = button("pick", "", `pick picture ${card.title}, ${card.score}`, () => {
      const present = picked.indexOf(card.title);
      if (present < 0) picked.push(card.title);
      else picked.splice(present, 1);
      show();
    });
    choice.append(drawPicture(card), order);
    const larger = button("larger", "⤢", `enlarge picture ${card.title}`, () => enlarge(question.cards, at));
    const drawn = el("div", "card", choice, el("div", "captions", el("span", "score", caption(card)), larger));
    return { drawn, choice, order, title: card.title };
  });
  const pass = button("pass", "Pass the picked", "go on with the picked pictures", () => answer(picked.map(Number)));
  const leave = button("leave", "Let the judge pick", `go on without a pick: ${fallbackOf(question)}`, () => answer([]));

  function show() {
    for (const { choice, order, title } of cards) {
      const at = picked.indexOf(title);
      choice.setAttribute("aria-pressed", String(at >= 0));
      order.textContent = at < 0 ? "" : String(at + 1);
    }
    pass.disabled = !picked.length;
  }

  /** @param {number[]} numbers */
  async function answer(numbers) {
    try {
      await store("/soart/pick", { id: question.id, picked: numbers });
      close(question.id);
    } catch (error) {
      message.textContent = error.message;
    }
  }

  show();
  const title = el("div", "score", "Pick one or several. ", left);
  return el("div", "question", title, el("div", "picks", ...cards.map(({ drawn }) => drawn)), el("div", "answers", pass, leave, message));
}

/** Show how long each question still waits, in its node where that is to be seen now. */
function tick() {
  placeQuestions();
  for (const { question, ends, shown } of open.values()) {
    const seconds = Math.max(0, Math.round((ends - Date.now()) / SECOND));
    const left = shown.querySelector(".soart-left");
    if (left) left.textContent = `In ${clock(seconds)} ${fallbackOf(question)}.`;
  }
}

/** The node that asks, if it can be seen. @param {Question} question @returns {GraphNode | undefined} */
function askingNode({ node, workflow }) {
  if (workflow && app.graph?.id && workflow !== app.graph.id) return undefined;
  const found = everyNode().find(([number, { type }]) => number === node && type === KIND)?.[1];
  return isSeen(found) ? found : undefined;
}

/** @param {string} id */
function place(id) {
  const entry = open.get(id);
  if (!entry) return;
  const node = askingNode(entry.question);
  const home = node ? panelOf(node) : corner();
  if (entry.shown.parentElement === home) return;
  home[node ? "prepend" : "append"](entry.shown);
  if (node) fit(node);
  tidyCorner();
}

/** @param {Question} question */
function ask(question) {
  if (open.has(question.id)) return;
  open.set(question.id, { question, ends: Date.now() + question.seconds * SECOND, shown: drawQuestion(question) });
  place(question.id);
  tick();
}

/** @param {string} id */
function close(id) {
  open.get(id)?.shown.remove();
  open.delete(id);
  tidyCorner();
}

/** Show the questions that wait on the server: after a reload, and after the connection was lost. */
async function readWaiting() {
  const answer = await api.fetchApi("/soart/waiting");
  if (!answer.ok) return;
  /** @type {Question[]} */
  const questions = await answer.json();
  const known = new Set(questions.map(({ id }) => id));
  for (const id of open.keys()) if (!known.has(id)) close(id);
  questions.forEach(ask);
}

/** Show open questions in the nodes of the workflow that was opened now. */
export function placeQuestions() {
  for (const id of open.keys()) place(id);
}

/** Listen for questions of the server. */
export async function listen() {
  api.addEventListener(ASKED, ({ detail }) => ask(detail));
  api.addEventListener(CLOSED, ({ detail }) => close(detail.id));
  api.addEventListener("reconnected", () => void readWaiting());
  setInterval(tick, SECOND);
  await readWaiting();
}
