// Start-up of every page: background jobs, the outbox, the rater's dialog, and the row of views.

import "./rater.js";

import { find } from "./dom.js";
import { watchJobs } from "./jobs.js";
import { startOutbox } from "./outbox.js";

startOutbox();
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) watchJobs();
});
watchJobs();
// On a phone the current view may lie beside the screen.
find(".top [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });
