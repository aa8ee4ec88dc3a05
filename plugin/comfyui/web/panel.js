// The panel of a node, below its widgets.
import { app } from "../../scripts/app.js";
import { el } from "./dom.js";

/**
 * @typedef {object} Widget
 * @property {string} name
 * @property {HTMLElement} element
 * @property {boolean} [serialize]
 *
 * @typedef {object} GraphNode of ComfyUI, as far as it is used here.
 * @property {string} type
 * @property {number | string} id
 * @property {{ collapsed?: boolean }} [flags]
 * @property {Widget[]} [widgets]
 * @property {[number, number]} size
 * @property {(name: string, type: string, element: HTMLElement, options: object) => Widget} addDOMWidget
 * @property {() => [number, number]} computeSize
 * @property {(size: [number, number]) => void} setSize
 */

const WIDGET = "soart_report";
/** Least height of a panel in pixels: without pictures, with them, and while it asks. */
const LOW = 90;
const HIGH = 240;
const ASKING = 400;
/** Least width of a node that asks. */
const WIDE = 400;

/** @param {HTMLElement} panel */
const asks = (panel) => panel.querySelector(".soart-question") !== null;

/**
 * The panel of a node, if it has one.
 *
 * @param {GraphNode} node
 */
export function presentPanel(node) {
  return node.widgets?.find((widget) => widget.name === WIDGET)?.element;
}

/**
 * The panel of a node, made on first use.
 *
 * @param {GraphNode} node
 */
export function panelOf(node) {
  const present = presentPanel(node);
  if (present) return present;
  const panel = el("div", "panel");
  const getMinHeight = () => (asks(panel) ? ASKING : panel.querySelector("img, svg") ? HIGH : LOW);
  const widget = node.addDOMWidget(WIDGET, WIDGET, panel, { serialize: false, getMinHeight });
  widget.serialize = false;
  return panel;
}

/**
 * Make a node at least as large as its contents need.
 *
 * @param {GraphNode} node
 */
export function fit(node) {
  const [width, height] = node.computeSize();
  const panel = presentPanel(node);
  node.setSize([Math.max(node.size[0], width, panel && asks(panel) ? WIDE : 0), Math.max(node.size[1], height)]);
  app.graph.setDirtyCanvas(true, true);
}
