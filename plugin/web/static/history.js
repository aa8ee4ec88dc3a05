// The way back in the browser's history: it takes a moment, and would close what is opened meanwhile.

import { find } from "./dom.js";

/** @type {Promise<void> | null} Settled once the browser is back. */
let goingBack = null;

/** Go back from the place of what was closed, unless that is under way. */
export function goBack() {
  if (goingBack) return;
  goingBack = new Promise((resolve) => addEventListener("popstate", resolve, { once: true })).then(() => {
    goingBack = null;
  });
  history.back();
}

/** Wait until the browser is back; to be called before something is opened that has a place of its own. */
export async function whenBack() {
  // The event that follows the closing of the viewer, and goes back, may be yet to come.
  if (history.state?.viewer && !find("#viewer[open]")) goBack();
  await goingBack;
}

// A page that was left on its way back, and is shown as it was left, is on its way no more.
addEventListener("pageshow", (event) => {
  if (event.persisted) goingBack = null;
});
