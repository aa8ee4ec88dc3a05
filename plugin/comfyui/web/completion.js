// Completes what is typed: __styles__ and <lora:…> in every field of several lines, and the names of judges and tastes.
import { api } from "../../scripts/api.js";
import { app } from "../../scripts/app.js";
import { el } from "./dom.js";
import { everyNode } from "./panel.js";

/**
 * @typedef {object} Words
 * @property {string[]} wildcards
 * @property {string[]} judges
 * @property {string[]} tastes
 * @property {string[]} loras
 *
 * @typedef {object} TextWidget
 * @property {string} name
 * @property {string} [label] its name in the language of the front end.
 * @property {HTMLElement} [element]
 * @property {(options: object) => void} [onClick]
 *
 * @typedef {object} TypedNode
 * @property {string} type
 * @property {string} [comfyClass] its type, which a node has from the beginning.
 * @property {string | number} id
 * @property {TextWidget[]} [widgets]
 */

/** The setting that switches it off. */
export const COMPLETES = "soart.Completion";
/** Fields of one line by node and name, and what completes them. @type {Map<string, "judges" | "tastes">} */
const LINES = new Map([
  ["SoartRate by", "judges"],
  ["SoartJudge by", "judges"],
  ["SoartTaste name", "tastes"],
]);
/** What is being typed, up to the caret: a style from its two underscores, or a LoRA from its bracket. */
const TYPED = /__([\w-]*)$|<lora:([^:<>\n]*)$/u;
const LIST = "soart-words";

/** @type {Words} */
let words = { wildcards: [], judges: [], tastes: [], loras: [] };

const isOn = () => app.extensionManager?.setting.get(COMPLETES) !== false;

async function readWords() {
  const answer = await api.fetchApi("/soart/words");
  if (answer.ok) words = await answer.json();
}

/** The list of suggestions that is open, and the field that it belongs to. @type {{ field: HTMLTextAreaElement, list: HTMLElement, at: number } | null} */
let open = null;

function close() {
  open?.list.remove();
  open?.field.removeAttribute("aria-activedescendant");
  open = null;
}

/** @param {number} at */
function mark(at) {
  if (!open) return;
  const rows = [...open.list.children];
  open.at = (at + rows.length) % rows.length;
  rows.forEach((row, number) => row.setAttribute("aria-selected", String(number === open?.at)));
  rows[open.at].scrollIntoView({ block: "nearest" });
  open.field.setAttribute("aria-activedescendant", rows[open.at].id);
}

function accept() {
  if (!open) return;
  const { field, list, at } = open;
  const end = field.selectionStart;
  const typed = TYPED.exec(field.value.slice(0, end));
  const word = list.children[at].textContent;
  close();
  if (!typed) return;
  field.setRangeText(typed[2] === undefined ? `__${word}__` : `<lora:${word}:1>`, end - typed[0].length, end, "end");
  // The front end reads the field when it hears of a change.
  field.dispatchEvent(new Event("input", { bubbles: true }));
  close();
}

/** Suggest what begins as what stands before the caret. @param {HTMLTextAreaElement} field */
function suggest(field) {
  close();
  const typed = field.selectionStart === field.selectionEnd ? TYPED.exec(field.value.slice(0, field.selectionStart)) : null;
  const [known, start] = typed?.[2] === undefined ? [words.wildcards, typed?.[1]] : [words.loras, typed[2]];
  const found = typed ? known.filter((word) => word.startsWith(start ?? "")) : [];
  if (!found.length) return;
  const list = el("div", "words-list");
  list.setAttribute("role", "listbox");
  found.forEach((word, number) => {
    const row = el("div", "word", word);
    row.id = `${LIST}-${number}`;
    row.setAttribute("role", "option");
    // Before the field loses the focus.
    row.onpointerdown = (event) => {
      event.preventDefault();
      mark(number);
      accept();
    };
    list.append(row);
  });
  const { left, bottom } = field.getBoundingClientRect();
  Object.assign(list.style, { left: `${left}px`, top: `${bottom}px` });
  document.body.append(list);
  open = { field, list, at: 0 };
  mark(0);
}

/** What keys do while the list is open. @type {Map<string, () => void>} */
const KEYS = new Map([
  ["ArrowDown", () => mark((open?.at ?? 0) + 1)],
  ["ArrowUp", () => mark((open?.at ?? 0) - 1)],
  ["Enter", accept],
  ["Tab", accept],
  ["Escape", close],
]);

/** @param {KeyboardEvent} event */
function press(event) {
  const act = open && !event.isComposing && !event.ctrlKey && !event.metaKey ? KEYS.get(event.key) : undefined;
  if (!act) return;
  event.preventDefault();
  event.stopPropagation();
  act();
}

/**
 * The node that a field belongs to: drawn by the canvas with its own elements, or by Nodes 2.0.
 *
 * @param {Element} field
 * @returns {TypedNode | undefined}
 */
function nodeOf(field) {
  const id = field.closest("[data-node-id]")?.getAttribute("data-node-id");
  /** @param {TypedNode} node */
  const holds = (node) => (id ? String(node.id) === id : node.widgets?.some(({ element }) => element?.contains(field)));
  return everyNode().find(([, node]) => node.graph === (app.canvas?.graph ?? node.graph) && holds(node))?.[1];
}

/** Let the browser itself complete a field of one line. @param {HTMLInputElement} field @param {"judges" | "tastes"} kind */
async function completeLine(field, kind) {
  await readWords();
  document.getElementById(LIST)?.remove();
  const list = el("datalist", "", ...words[kind].map((word) => Object.assign(el("option", ""), { value: word })));
  list.id = LIST;
  document.body.append(list);
  field.setAttribute("list", LIST);
}

/** @param {FocusEvent} event */
function enter({ target: field }) {
  if (!(field instanceof HTMLTextAreaElement || field instanceof HTMLInputElement) || !isOn()) return;
  const node = nodeOf(field);
  if (!node) return;
  if (field instanceof HTMLInputElement) {
    const label = field.getAttribute("aria-label");
    const widget = node.widgets?.find((one) => label && (one.label ?? one.name) === label);
    const kind = widget && LINES.get(`${node.type} ${widget.name}`);
    if (kind) void completeLine(field, kind);
  } else if (!field.dataset.soartCompletes) {
    field.dataset.soartCompletes = "true";
    field.setAttribute("aria-autocomplete", "list");
    field.addEventListener("input", () => suggest(field));
    field.addEventListener("keydown", press, { capture: true });
    field.addEventListener("blur", close);
    void readWords();
  }
}

/** Complete the fields of one line that the canvas opens as a small dialog. @param {TypedNode} node */
export function completeWidgets(node) {
  for (const widget of node.widgets ?? []) {
    const kind = LINES.get(`${node.comfyClass ?? node.type} ${widget.name}`);
    const before = widget.onClick;
    if (!kind || !before) continue;
    widget.onClick = (options) => {
      before.call(widget, options);
      const field = document.querySelector(".graphdialog input.value");
      if (field instanceof HTMLInputElement) void completeLine(field, kind);
    };
  }
}

/** Listen for the fields of SOART's nodes. */
export function watchFields() {
  document.addEventListener("focusin", enter);
}
