// Judges to choose in a form, each with its weight.

import { $, $$ } from "./dom.js";

/** @param {Element} box the checkbox of a judge. */
const weightOf = (box) => /** @type {HTMLInputElement} */ ($(".weight", box.closest(".weighted") ?? document));

/**
 * Let only chosen judges have a weight to change.
 *
 * @param {HTMLFormElement} form
 */
export function startWeights(form) {
  for (const box of /** @type {HTMLInputElement[]} */ ($$(".weighted [type=checkbox]", form))) {
    const sync = () => weightOf(box).toggleAttribute("disabled", !box.checked);
    box.addEventListener("change", sync);
    // A browser that goes back to the page restores its boxes.
    sync();
  }
}

/**
 * Weights of the chosen judges.
 *
 * @param {HTMLFormElement} form
 * @param {string} kind name of their boxes.
 * @returns {Record<string, number>} by the value of the box.
 */
export function weightsIn(form, kind) {
  const chosen = /** @type {HTMLInputElement[]} */ ($$(`.weighted [name=${kind}]:checked`, form));
  return Object.fromEntries(chosen.map((box) => [box.value, weightOf(box).valueAsNumber]));
}
