// Shows the output of a SOART node below its widgets: texts, pictures with scores, the chart of a loop, and tables.
import { app } from "../../scripts/app.js";
import { drawCards } from "./cards.js";
import { drawChart } from "./chart.js";
import { listen, placeQuestions } from "./chooser.js";
import { drawComparer, drawDuel } from "./comparer.js";
import { COMPLETES, completeWidgets, watchFields } from "./completion.js";
import { el } from "./dom.js";
import { drawLoop, queueNext, watchLoops } from "./loop.js";
import { drawPlace, readStars } from "./pictures.js";
import { everyNode, fit, numberOf, panelOf, presentPanel } from "./panel.js";
import { renameInputs } from "./saved_workflows.js";
import { readStored, recall, remember } from "./stored.js";
import { enlarge } from "./viewer.js";

/**
 * @import { Card, Place } from "./pictures.js"
 * @import { Chart } from "./chart.js"
 * @import { GraphNode } from "./panel.js"
 * @import { LoopFacts } from "./loop.js"
 *
 * @typedef {object} Table
 * @property {string} title
 * @property {string[]} columns
 * @property {(string | number | null)[][]} rows
 *
 * @typedef {object} Output of a node.
 * @property {string[]} [text]
 * @property {Table[]} [soart_table]
 * @property {Card[]} [soart_cards]
 * @property {Chart[]} [soart_chart]
 * @property {LoopFacts[]} [soart_loop]
 * @property {Place[]} [soart_liked] pictures rated highly.
 */

/** Start of the names of SOART's nodes. */
const PREFIX = "Soart";

/** @param {Table} table */
function drawTable({ title, columns, rows }) {
  const table = document.createElement("table");
  table.createCaption().textContent = title;
  const head = table.createTHead().insertRow();
  for (const column of columns) head.append(el("th", "", column));
  const body = table.createTBody();
  for (const values of rows) {
    const row = body.insertRow();
    for (const value of values) row.append(el("td", typeof value === "number" ? "number" : "", String(value ?? "–")));
  }
  return table;
}

/** Pictures that were rated highly, small. @param {Place[]} places */
function drawLiked(places) {
  const pictures = places.map((place) => drawPlace(place, "a picture that you like", true));
  return places.length ? el("details", "", el("summary", "", "You like"), el("div", "why", ...pictures)) : null;
}

/** Show a node's output, if there is something to show. @param {GraphNode} node @param {Output | undefined} output */
function show(node, output) {
  const texts = (output?.text ?? []).filter((text) => text);
  const cards = output?.soart_cards ?? [];
  const tables = (output?.soart_table ?? []).map(drawTable);
  const parts = [
    drawLoop(node, output?.soart_loop?.[0]),
    ...texts.map((text) => el("div", "line-of-text", text)),
    ...(output?.soart_chart ?? []).map(drawChart),
    ...(cards.length ? [drawCards(cards), drawComparer(cards), drawDuel(cards)] : []),
    drawLiked(output?.soart_liked ?? []),
    // The pictures tell the same, so that the table is folded under them.
    ...(cards.length && tables.length ? [el("details", "", el("summary", "", "As a table"), ...tables)] : tables),
  ].filter((part) => part !== null);
  if (!parts.length) return;
  panelOf(node).replaceChildren(...parts);
  fit(node);
}

const style = document.createElement("link");
style.rel = "stylesheet";
style.href = new URL("./soart.css", import.meta.url).href;
document.head.append(style);

/** Show again what was stored of the nodes of the open workflow that show nothing. */
function showStored() {
  for (const [number, node] of everyNode()) {
    if (node.type?.startsWith(PREFIX) && !presentPanel(node)?.childElementCount) show(node, recall(node.type, number));
  }
}

/** Entries of the menu of any node that shows pictures. @param {any} node */
function rateThis(node) {
  const shown = app.nodeOutputs?.[node.graph === app.graph ? node.id : `${node.graph?.id}:${node.id}`]?.images ?? [];
  const cards = shown.map((image, at) => {
    const rate = { collection: "soart-rated", image, rater: "me", stars: null };
    return { image, title: String(at + 1), value: null, score: "", note: "", why: [], rate };
  });
  const callback = () => void readStars(cards).then(() => enlarge(cards, 0));
  return cards.length ? [{ content: "Rate this (SOART)", callback }] : [];
}

app.registerExtension({
  name: "soart.report",
  settings: [{ id: COMPLETES, name: "SOART: complete styles, tastes and LoRAs in text fields", type: "boolean", defaultValue: true }],
  async setup() {
    try {
      await readStored(PREFIX);
    } catch (error) {
      console.warn("soart: the server's history cannot be read.", error);
    }
    showStored();
    watchFields();
    try {
      await watchLoops();
    } catch (error) {
      console.warn("soart: the server does not tell of its loops.", error);
    }
    try {
      await listen();
    } catch (error) {
      console.warn("soart: the server does not tell what waits for a pick.", error);
    }
  },
  nodeCreated(node) {
    completeWidgets(node);
  },
  // After a workflow was opened, and after every undo and redo, which make all nodes anew.
  afterConfigureGraph() {
    showStored();
    placeQuestions();
    void queueNext();
  },
  async beforeRegisterNodeDef(nodeType, nodeData) {
    const entries = nodeType.prototype.getExtraMenuOptions;
    nodeType.prototype.getExtraMenuOptions = function (canvas, options) {
      const further = entries?.call(this, canvas, options);
      options.push(...rateThis(this));
      return further;
    };
    if (!nodeData.name.startsWith(PREFIX)) return;
    const before = nodeType.prototype.onExecuted;
    /**
     * @this {GraphNode}
     * @param {Output} output
     * @param {...unknown} rest
     */
    nodeType.prototype.onExecuted = function (output, ...rest) {
      before?.call(this, output, ...rest);
      remember(nodeData.name, numberOf(this), output);
      show(this, output);
    };
    const configure = nodeType.prototype.configure;
    /**
     * @this {GraphNode}
     * @param {import("./saved_workflows.js").SavedNode} saved
     */
    nodeType.prototype.configure = function (saved) {
      renameInputs(saved);
      configure.call(this, saved);
    };
  },
});
