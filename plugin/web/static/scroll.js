// Keeps the scroll position of a page whose content arrives after it has loaded.

import { whenLeft } from "./leaving.js";

/**
 * Return to where the page was before it was reloaded or left, now that its content is there.
 *
 * @param {string} view name of the view.
 */
export function restoreScroll(view) {
  const left = whenLeft(`scroll ${view}`, () => String(Math.round(scrollY)));
  if (left) scrollTo(0, Number(left));
}
