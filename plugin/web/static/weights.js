// Judges to choose in a form, each with its weight.

import { $, $$ } from "./dom.js";
import { lastWeights, rememberWeights } from "./judge.js";

/** @param {Element} box the checkbox of a judge. */
const weightOf = (box) => /** @type {HTMLInputElement} */ ($(".weight", box.closest(".weighted") ?? document));

/**
 * The boxes of a form's judges.
 *
 * @param {HTMLFormElement} form
 */
const boxesOf = (form) => /** @type {HTMLInputElement[]} */ ($$(".weighted [name=by]", form));

/**
 * Begin with the judges that were chosen last, and let only chosen judges have a weight to change.
 *
 * @param {HTMLFormElement} form
 */
export function startWeights(form) {
  const boxes = boxesOf(form);
  const last = lastWeights();
  // Judges of another collection may not be here.
  if (boxes.some((box) => box.value in last)) {
    for (const box of boxes) {
      box.checked = box.value in last;
      if (box.checked) weightOf(box).value = String(last[box.value]);
    }
  }
  for (const box of boxes) {
    const sync = () => weightOf(box).toggleAttribute("disabled", !box.checked);
    box.addEventListener("change", sync);
    // A browser that goes back to the page restores its boxes.
    sync();
  }
}

/**
 * Weights of the chosen judges by name, which are remembered.
 *
 * @param {HTMLFormElement} form
 */
export function weightsIn(form) {
  const chosen = boxesOf(form).filter((box) => box.checked);
  const weights = Object.fromEntries(chosen.map((box) => [box.value, weightOf(box).valueAsNumber]));
  rememberWeights(weights);
  return weights;
}
