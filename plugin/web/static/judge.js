// Judges: the ones chosen last, which this browser remembers, and their scores as texts.

import { decimal, figure } from "./format.js";

/** Keys under which the browser keeps the judge, and the weights of several judges by name. */
const ONE = "soart judge";
const SEVERAL = "soart judges";

/**
 * A score of a judge: points, 0 to 100, with one decimal, other values with three digits.
 *
 * @param {number} score
 * @param {boolean} points
 */
export const scoreText = (score, points) => (points ? decimal(score, 1) : figure(score));

/**
 * Remember a value in the browser; one that stores nothing begins with the default judge.
 *
 * @param {string} key
 * @param {string} value
 */
function remember(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // Then the choice lasts as long as the page.
  }
}

/** @param {string} key */
function remembered(key) {
  try {
    return localStorage.getItem(key) ?? "";
  } catch {
    return "";
  }
}

/**
 * Remember the judge that a list is set to by hand.
 *
 * @param {HTMLSelectElement} list
 */
export const rememberJudge = (list) => list.addEventListener("change", () => remember(ONE, list.value));

/**
 * Begin with the judge that was chosen last, if the list has it, and remember the next one.
 *
 * @param {HTMLSelectElement} list
 * @param {boolean} [given] true if the address names the judge.
 */
export function startJudge(list, given = false) {
  const last = remembered(ONE);
  if (!given && [...list.options].some((option) => option.value === last)) list.value = last;
  rememberJudge(list);
}

/**
 * The weights of the judges that were chosen last, by name.
 *
 * @returns {Record<string, number>}
 */
export function lastWeights() {
  try {
    const weights = JSON.parse(remembered(SEVERAL) || "{}");
    return weights && typeof weights === "object" ? weights : {};
  } catch {
    return {};
  }
}

/** @param {Record<string, number>} weights by name. */
export const rememberWeights = (weights) => remember(SEVERAL, JSON.stringify(weights));
