// The evaluation of a collection: what was found, what to keep of near-duplicates, what to move away, and how to get it back.

import { $, $$, address, complain, get, part, post, toast, watchJobs } from "./base.js";
import { openThumbs } from "./viewer.js";

const ask = $("#ask");
const rule = $("#rule");
let version = -1;
let groups = "";
let timer = 0;
let live = false;

async function poll() {
  clearTimeout(timer);
  try {
    await show(await get("/api/evaluate"));
    toast("", { key: "evaluate" });
  } catch (error) {
    toast(error.message, { key: "evaluate", sticky: true, bad: true });
  }
  timer = setTimeout(poll, document.hidden ? 5000 : live ? 500 : 4000);
}

async function show(now) {
  if (live && !now.live && now.message && !now.failed) toast(now.message, { key: "done" });
  live = now.live;
  $(".primary", ask).disabled = live;
  $("#state").className = now.failed ? "error" : "dim";
  $("#state").textContent = live
    ? "At work: the line at the top shows how far it is."
    : now.failed
      ? now.message
      : now.found
        ? ""
        : "Nothing is evaluated yet: scores, suspected damage, near-duplicates, outliers and styles are found in the background.";
  if (live || now.version === version) return;
  version = now.version;
  await refresh();
}

async function refresh() {
  const focused = document.activeElement?.closest?.("[data-keep], [data-all]");
  const [kind, value] = focused
    ? focused.dataset.keep
      ? ["keep", focused.dataset.keep]
      : ["all", focused.dataset.all]
    : [];
  $("#findings").innerHTML = await part(`/evaluate/findings?${address({ groups })}`);
  $("#undo").replaceChildren(...$$("#undo-list", $("#findings")));
  $("#tidy").hidden = $("#jump").hidden = !$("#found")?.dataset.movable;
  if (kind)
    $$(`[data-${kind}]`)
      .find((one) => one.dataset[kind] === value)
      ?.focus();
  await plan();
}

const picked = () => Object.fromEntries(new FormData(rule));
let asked = null;
async function plan() {
  asked?.abort();
  asked = new AbortController();
  if ($("#tidy").hidden) return;
  try {
    $("#plan").innerHTML = await part(`/evaluate/plan?${address(picked())}`, { signal: asked.signal });
  } catch (error) {
    if (error.name !== "AbortError") $("#plan").replaceChildren();
    complain(error);
  }
}

const act = (path, body) => post(path, body).then(async (now) => (await show(now), watchJobs(), poll()));
document.addEventListener("click", (event) => {
  const { keep, all, groups: more, plan: digest, undo } = event.target.closest("button")?.dataset ?? {};
  let done = null;
  if (keep ?? all) done = act("/api/evaluate/keep", { image: keep ?? all, all: keep === undefined });
  else if (digest) {
    done = act("/api/evaluate/move", { ...picked(), plan: digest });
    // What is left is not to be moved by a second click.
    rule.reset();
  } else if (undo) done = act("/api/evaluate/undo", { name: undo });
  else if (more) {
    groups = more;
    done = refresh();
  }
  done?.catch(complain);
});
let typing = 0;
rule.addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(plan, 150);
});
rule.addEventListener("submit", (event) => event.preventDefault());
ask.addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    await act("/api/evaluate", Object.fromEntries(new FormData(ask)));
    $(".error", ask).textContent = "";
  } catch (error) {
    $(".error", ask).textContent = error.message;
  }
});
document.addEventListener("visibilitychange", () => document.hidden || poll());
openThumbs($("#main"));
poll();
