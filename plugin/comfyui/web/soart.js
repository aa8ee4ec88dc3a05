// Shows the texts and tables of a SOART node's output below its widgets.
// Everything is set as text, never as HTML.
import { app } from "../../scripts/app.js";

/**
 * @typedef {object} Table
 * @property {string} title
 * @property {string[]} columns
 * @property {(string | number | null)[][]} rows
 *
 * @typedef {object} Output of a node.
 * @property {string[]} [text]
 * @property {Table[]} [soart_table]
 *
 * @typedef {object} Widget
 * @property {string} name
 * @property {HTMLElement} element
 * @property {boolean} [serialize]
 *
 * @typedef {object} GraphNode of ComfyUI, as far as it is used here.
 * @property {Widget[]} [widgets]
 * @property {[number, number]} size
 * @property {(name: string, type: string, element: HTMLElement, options: object) => Widget} addDOMWidget
 * @property {() => [number, number]} computeSize
 * @property {(size: [number, number]) => void} setSize
 */

/** Start of the names of SOART's nodes. */
const PREFIX = "Soart";
const WIDGET = "soart_report";
const PANEL_STYLE = [
  "overflow:auto",
  "font:11px/1.4 sans-serif",
  "color:var(--input-text,#ddd)",
  "background:var(--comfy-input-bg,#222)",
  "border-radius:4px",
  "padding:4px",
  "user-select:text",
].join(";");
const CELL_STYLE = [
  "padding:1px 6px",
  "text-align:left",
  "vertical-align:top",
  "border-bottom:1px solid rgba(128,128,128,.25)",
].join(";");

/**
 * @param {"td" | "th"} tag
 * @param {string | number | null} value
 */
function drawCell(tag, value) {
  const cell = document.createElement(tag);
  cell.textContent = value === null || value === undefined ? "–" : String(value);
  cell.style.cssText = CELL_STYLE;
  if (typeof value === "number") cell.style.textAlign = "right";
  return cell;
}

/** @param {Table} table */
function drawTable({ title, columns, rows }) {
  const table = document.createElement("table");
  table.style.cssText = "border-collapse:collapse;width:100%;margin-top:4px";
  const caption = table.createCaption();
  caption.textContent = title;
  caption.style.cssText = "text-align:left;font-weight:600;padding:2px 6px";
  const head = table.createTHead().insertRow();
  for (const column of columns) head.append(drawCell("th", column));
  const body = table.createTBody();
  for (const values of rows) {
    const row = body.insertRow();
    for (const value of values) row.append(drawCell("td", value));
  }
  return table;
}

/** @param {string} text */
function drawLine(text) {
  const line = document.createElement("div");
  line.textContent = text;
  line.style.cssText = "white-space:pre-wrap;padding:1px 6px";
  return line;
}

/**
 * The panel of a node, made on first use.
 *
 * @param {GraphNode} node
 */
function panelOf(node) {
  const present = node.widgets?.find((widget) => widget.name === WIDGET);
  if (present) return present.element;
  const panel = document.createElement("div");
  panel.style.cssText = PANEL_STYLE;
  const widget = node.addDOMWidget(WIDGET, WIDGET, panel, { serialize: false, getMinHeight: () => 90 });
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
  const tables = output?.soart_table ?? [];
  if (!texts.length && !tables.length) return;
  panelOf(node).replaceChildren(...texts.map(drawLine), ...tables.map(drawTable));
  const [width, height] = node.computeSize();
  node.setSize([Math.max(node.size[0], width), Math.max(node.size[1], height)]);
  app.graph.setDirtyCanvas(true, true);
}

app.registerExtension({
  name: "soart.report",
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
      show(this, output);
    };
  },
});
