// Shows the output of a SOART node below its widgets: texts, pictures with scores, the chart of a loop, and tables.
import { app } from "../../scripts/app.js";
import { drawCards } from "./cards.js";
import { drawChart } from "./chart.js";
import { drawComparer } from "./comparer.js";
import { el } from "./dom.js";
import { drawDuel } from "./duel.js";
import { renameInputs } from "./saved_workflows.js";
import { readStored, recall, remember } from "./stored.js";

/**
 * @import { Card } from "./pictures.js"
 * @import { Chart } from "./chart.js"
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
 *
 * @typedef {object} Widget
 * @property {string} name
 * @property {HTMLElement} element
 * @property {boolean} [serialize]
 *
 * @typedef {object} GraphNode of ComfyUI, as far as it is used here.
 * @property {string} type
 * @property {number | string} id
 * @property {Widget[]} [widgets]
 * @property {[number, number]} size
 * @property {(name: string, type: string, element: HTMLElement, options: object) => Widget} addDOMWidget
 * @property {() => [number, number]} computeSize
 * @property {(size: [number, number]) => void} setSize
 */

/** Start of the names of SOART's nodes. */
const PREFIX = "Soart";
const WIDGET = "soart_report";
/** Least height of a panel in pixels, without pictures and with them. */
const LOW = 90;
const HIGH = 240;

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

/**
 * The panel of a node, made on first use.
 *
 * @param {GraphNode} node
 */
function panelOf(node) {
  const present = node.widgets?.find((widget) => widget.name === WIDGET);
  if (present) return present.element;
  const panel = el("div", "panel");
  const getMinHeight = () => (panel.querySelector("img, svg") ? HIGH : LOW);
  const widget = node.addDOMWidget(WIDGET, WIDGET, panel, { serialize: false, getMinHeight });
  widget.serialize = false;
  return panel;
}

/**
 * Show a node's output, if there is something to show.
 *
 * @param {GraphNode} node
 * @param {Output | undefined} output
 */
function show(node, output) {
  const texts = (output?.text ?? []).filter((text) => text);
  const cards = output?.soart_cards ?? [];
  const tables = (output?.soart_table ?? []).map(drawTable);
  const parts = [
    ...texts.map((text) => el("div", "line-of-text", text)),
    ...(output?.soart_chart ?? []).map(drawChart),
    ...(cards.length ? [drawCards(cards), drawComparer([...cards]), drawDuel(cards)] : []),
    // The pictures tell the same, so that the table is folded under them.
    ...(cards.length && tables.length ? [el("details", "", el("summary", "", "As a table"), ...tables)] : tables),
  ].filter((part) => part !== null);
  if (!parts.length) return;
  panelOf(node).replaceChildren(...parts);
  const [width, height] = node.computeSize();
  node.setSize([Math.max(node.size[0], width), Math.max(node.size[1], height)]);
  app.graph.setDirtyCanvas(true, true);
}

const style = document.createElement("link");
style.rel = "stylesheet";
style.href = new URL("./soart.css", import.meta.url).href;
document.head.append(style);

/** Show again what was stored of the nodes of the open workflow that show nothing. */
function showStored() {
  for (const node of app.graph?._nodes ?? []) showAgain(node);
}

/** @param {GraphNode} node */
function showAgain(node) {
  if (!node.type?.startsWith(PREFIX)) return;
  const present = node.widgets?.find((widget) => widget.name === WIDGET);
  if (!present?.element.childElementCount) show(node, recall(node.type, node.id));
}

app.registerExtension({
  name: "soart.report",
  async setup() {
    try {
      await readStored(PREFIX);
    } catch (error) {
      console.warn("soart: the server's history cannot be read.", error);
    }
    showStored();
  },
  // After a workflow was opened, and after every undo and redo, which make all nodes anew.
  afterConfigureGraph() {
    showStored();
  },
  async beforeRegisterNodeDef(nodeType, nodeData) {
    if (!nodeData.name.startsWith(PREFIX)) return;
    const before = nodeType.prototype.onExecuted;
    /**
     * @this {GraphNode}
     * @param {Output} output
     * @param {...unknown} rest
     */
    nodeType.prototype.onExecuted = function (output, ...rest) {
      before?.call(this, output, ...rest);
      remember(nodeData.name, this.id, output);
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
