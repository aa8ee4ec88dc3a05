// Outputs of nodes that the server has stored, so that panels survive undo, reload and another tab.
import { api } from "../../scripts/api.js";
import { app } from "../../scripts/app.js";

/**
 * @import { Output } from "./soart.js"
 *
 * @typedef {{ class_type?: string }} PromptNode
 *
 * @typedef {object} Run an entry of the server's history.
 * @property {[number, string, Record<string, PromptNode>, { client_id?: string, extra_pnginfo?: { workflow?: { id?: string } } }?]} prompt
 * @property {Record<string, Output>} outputs
 */

/** Most runs of the history that are looked at. */
const MOST_RUNS = 30;

/** Outputs by workflow, class and number of a node. @type {Map<string, Output>} */
const latest = new Map();

/**
 * @param {string} workflow
 * @param {string} kind
 * @param {string | number} id
 */
const keyOf = (workflow, kind, id) => `${workflow} ${kind} ${id}`;

/** The identity of the open workflow; empty in front ends that give it none. */
const openWorkflow = () => String(app.graph?.id ?? "");

/**
 * Remember what a node has shown.
 *
 * @param {string} kind
 * @param {string | number} id
 * @param {Output} output
 */
export function remember(kind, id, output) {
  latest.set(keyOf(openWorkflow(), kind, id), output);
}

/** The latest output of a node of the open workflow, if any is known. @param {string} kind @param {string | number} id */
export function recall(kind, id) {
  return latest.get(keyOf(openWorkflow(), kind, id));
}

/** Read the outputs of the latest runs from the server. @param {string} prefix start of the classes of nodes. */
export async function readStored(prefix) {
  const answer = await api.fetchApi(`/history?max_items=${MOST_RUNS}`);
  if (!answer.ok) return;
  /** @type {Record<string, Run>} */
  const runs = await answer.json();
  // Runs of this page come last, and count: another page may have another copy of the workflow.
  const page = api.clientId ?? sessionStorage.getItem("clientId");
  const own = (/** @type {Run} */ { prompt }) => Number(prompt[3]?.client_id === page);
  const ordered = Object.values(runs).sort((a, b) => own(a) - own(b) || a.prompt[0] - b.prompt[0]);
  for (const { prompt, outputs } of ordered) {
    const workflow = prompt[3]?.extra_pnginfo?.workflow?.id ?? "";
    for (const [id, output] of Object.entries(outputs ?? {})) {
      const kind = prompt[2][id]?.class_type;
      if (kind?.startsWith(prefix)) latest.set(keyOf(workflow, kind, id), output);
    }
  }
}
