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
/** Least width of a node that asks. */
const WIDE = 400;

/**
 * All nodes by their numbers in a run, those within subgraphs among them.
 *
 * @param {{ _nodes: any[] } | undefined} [graph]
 * @param {string} [before] numbers of the nodes around the graph.
 * @returns {[string, any][]}
 */
export function everyNode(graph = app.graph, before = "") {
  return (graph?._nodes ?? []).flatMap((node) => [
    [`${before}${node.id}`, node],
    ...(node.subgraph ? everyNode(node.subgraph, `${before}${node.id}:`) : []),
  ]);
}

/** The number of a node in a run. @param {GraphNode} node */
export const numberOf = (node) => everyNode().find(([, one]) => one === node)?.[0] ?? String(node.id);

/** Whether a node can be seen: not folded, and in the graph that is open. @param {any} node */
export const isSeen = (node) => node && !node.flags?.collapsed && (!app.canvas?.graph || node.graph === app.canvas.graph);

/** The corner of the page for what belongs to nodes that are not to be seen. */
export function corner() {
  const present = document.querySelector(".soart-corner");
  if (present) return present;
  const made = el("div", "corner");
  made.setAttribute("role", "region");
  made.setAttribute("aria-label", "SOART");
  document.body.append(made);
  return made;
}

/** Remove the corner if it is empty. */
export function tidyCorner() {
  const present = document.querySelector(".soart-corner");
  if (present && !present.childElementCount) present.remove();
}

/** The panel of a node, if it has one. @param {GraphNode} node */
export function presentPanel(node) {
  return node.widgets?.find((widget) => widget.name === WIDGET)?.element;
}

/** The panel of a node, made on first use; how high it is at least is said in soart.css. @param {GraphNode} node */
export function panelOf(node) {
  const present = presentPanel(node);
  if (present) return present;
  const panel = el("div", "panel");
  // Empty fields of text leave the room to the panel, but in Nodes 2.0, which lays them out by itself.
  for (const { element } of node.widgets ?? []) {
    if (element instanceof HTMLTextAreaElement && !element.value) element.style.setProperty("--comfy-widget-max-height", "64");
  }
  node.addDOMWidget(WIDGET, WIDGET, panel, { serialize: false }).serialize = false;
  return panel;
}

/** Make a node at least as large as its contents need. @param {GraphNode} node */
export function fit(node) {
  const [width, height] = node.computeSize();
  const asks = presentPanel(node)?.querySelector(".soart-question");
  node.setSize([Math.max(node.size[0], width, asks ? WIDE : 0), Math.max(node.size[1], height)]);
  app.graph.setDirtyCanvas(true, true);
}
