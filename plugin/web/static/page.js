// Start-up of every page: background jobs, the outbox, the rater's dialog, and the row of views.

import "./rater.js";

import { $, around, find } from "./dom.js";
import { watchJobs } from "./jobs.js";
import { hasModifier } from "./keys.js";
import { startOutbox } from "./outbox.js";
import { showLocalTimes } from "./times.js";

showLocalTimes(document);
startOutbox();
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) watchJobs();
});
watchJobs();

/** @type {HTMLDialogElement} */
const keys = $("#keys");
find("#help")?.addEventListener("click", () => keys.showModal());
addEventListener("keydown", (event) => {
  if (event.key !== "?" || hasModifier(event) || keys.open || around(event, "input, textarea, select")) return;
  keys.showModal();
  event.preventDefault();
});
