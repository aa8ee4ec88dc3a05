// How reliable the rater's taste is, in a sentence of the page.

import { $ } from "./dom.js";

/**
 * @typedef {object} Progress
 * @property {number} rated pictures with stars.
 * @property {number} rejected skipped pictures.
 * @property {number} pictures of the collection.
 * @property {string} word a verdict on the taste; empty without one.
 * @property {string} sentence
 * @property {string} advice
 * @property {boolean} stop true if further ratings would hardly help.
 * @property {boolean} learning
 * @property {string} failed the reason if learning failed, else empty.
 */

/**
 * Show how reliable the taste is.
 *
 * @param {Progress} progress
 */
export function showTrust(progress) {
  const parts = [];
  if (progress.learning) parts.push("Learning your taste…");
  if (progress.word) {
    const taste = `Taste: ${progress.sentence}.`;
    parts.push(taste, progress.stop ? "More ratings would hardly make this surer, but find more pictures that you may like." : progress.advice);
  } else if (!progress.learning) {
    parts.push(progress.failed || "Your taste is learnt after a few good and bad ratings, or a few choices.");
  }
  $("#trust").textContent = parts.join(" ");
}
