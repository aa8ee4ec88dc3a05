// Reads workflows that earlier versions saved: inputs that have another name now.

/**
 * @typedef {object} SavedInput of a node in a workflow.
 * @property {string} name
 * @property {{ name: string }} [widget]
 *
 * @typedef {object} SavedNode
 * @property {SavedInput[]} [inputs]
 */

/** Present names of inputs by their earlier ones; as in extension.py. */
const RENAMED = new Map([
  ["profile", "by"],
  ["judge", "by"],
]);

/**
 * Rename the inputs of a node that a workflow holds. Values of widgets go by place, and stay.
 *
 * @param {SavedNode | undefined} saved
 */
export function renameInputs(saved) {
  for (const input of saved?.inputs ?? []) {
    const name = RENAMED.get(input.name);
    if (!name) continue;
    input.name = name;
    if (input.widget) input.widget.name = name;
  }
}
