import { $, complain, onJob, post, rater, watchJobs } from "./base.js";
import { openThumbs } from "./viewer.js";

openThumbs($("#main"));
$("#learn")?.addEventListener("click", () => post("/api/learn").then(watchJobs, complain));
$("#score")?.addEventListener("click", ({ target }) =>
  post("/api/score", { profile: target.dataset.profile }).then(watchJobs, complain),
);
for (const key of ["score:", `learn:${rater}`]) onJob(key, (job) => job.state === "done" && location.reload());
