// Shows the sentences and the table that a SOART node sends, below its widgets. Everything is set as text, never as HTML.
import { app } from "../../scripts/app.js";

const PREFIX = "Soart";

function cell(kind, value) {
  const element = document.createElement(kind);
  element.textContent = value === null || value === undefined ? "–" : String(value);
  element.style.cssText =
    "padding:1px 6px;text-align:left;vertical-align:top;border-bottom:1px solid rgba(128,128,128,.25)";
  if (typeof value === "number") element.style.textAlign = "right";
  return element;
}

function drawTable(table) {
  const element = document.createElement("table");
  element.style.cssText = "border-collapse:collapse;width:100%;margin-top:4px";
  const caption = element.createCaption();
  caption.textContent = table.title;
  caption.style.cssText = "text-align:left;font-weight:600;padding:2px 6px";
  const head = element.createTHead().insertRow();
  for (const name of table.columns) head.append(cell("th", name));
  const body = element.createTBody();
  for (const values of table.rows) {
    const row = body.insertRow();
    for (const value of values) row.append(cell("td", value));
  }
  return element;
}

function panelOf(node) {
  const known = node.widgets?.find((widget) => widget.name === "soart_report");
  if (known) return known.element;
  const panel = document.createElement("div");
  panel.style.cssText =
    "overflow:auto;font:11px/1.4 sans-serif;color:var(--input-text,#ddd);background:var(--comfy-input-bg,#222);border-radius:4px;padding:4px;user-select:text";
  const widget = node.addDOMWidget("soart_report", "soart_report", panel, { serialize: false, getMinHeight: () => 90 });
  widget.serialize = false;
  return panel;
}

function show(node, output) {
  const texts = (output?.text ?? []).filter((text) => text);
  const tables = output?.soart_table ?? [];
  if (!texts.length && !tables.length) return;
  const parts = texts.map((text) => {
    const line = document.createElement("div");
    line.textContent = text;
    line.style.cssText = "white-space:pre-wrap;padding:1px 6px";
    return line;
  });
  panelOf(node).replaceChildren(...parts, ...tables.map(drawTable));
  const [width, height] = node.computeSize();
  node.setSize([Math.max(node.size[0], width), Math.max(node.size[1], height)]);
  app.graph.setDirtyCanvas(true, true);
}

app.registerExtension({
  name: "soart.report",
  async beforeRegisterNodeDef(nodeType, nodeData) {
    if (!nodeData.name.startsWith(PREFIX)) return;
    const before = nodeType.prototype.onExecuted;
    nodeType.prototype.onExecuted = function (output) {
      before?.apply(this, arguments);
      show(this, output);
    };
  },
});
