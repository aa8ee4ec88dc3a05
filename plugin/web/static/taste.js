// Taste view: learning and scoring in the background.

import "./page.js";

import { $, find } from "./dom.js";
import { onJobEnd, watchJobs } from "./jobs.js";
import { post } from "./request.js";
import { rater } from "./session.js";
import { showError } from "./toasts.js";
import { openThumbs } from "./viewer.js";

openThumbs($("#main"));
find("#learn")?.addEventListener("click", () => post("/api/learn").then(watchJobs, showError));
const score = find("#score");
score?.addEventListener("click", () =>
  post("/api/score", { by: score.dataset.by }).then(watchJobs, showError),
);
for (const prefix of ["score:", `learn:${rater}`]) {
  onJobEnd(prefix, (job) => {
    if (job.state === "done") location.reload();
  });
}
