// A tune as it goes: pictures arrive, findings change, options are banned and pinned.

import { $, $$, badge, complain, el, get, image, part, post, say, starsOf, time, toast } from "./base.js";
import { open } from "./viewer.js";

const form = $("#start");
const live = $("#live");
const WORDS = {
  running: "Drawing and learning",
  pausing: "Pausing after this batch",
  paused: "Paused",
  ended: "Done",
  failed: "Stopped",
  interrupted: "The server ended while this tune was running: nothing is lost, resume it",
};
const nodes = new Map();
const unknown = new Set();
let state = null;
let version = -1;
let timer = 0;
let asking = false;
let composing = false;

async function poll() {
  clearTimeout(timer);
  if (!asking) {
    asking = true;
    try {
      await show(await get("/api/tune"));
      toast("", { key: "tune" });
    } catch (error) {
      toast(`${error.message} The tune goes on from what is kept.`, { key: "tune", sticky: true, bad: true });
    }
    asking = false;
  }
  const quick = state && (["running", "pausing"].includes(state.state) || state.reading);
  timer = setTimeout(poll, document.hidden ? 5000 : quick ? 700 : 3000);
}

async function show(now) {
  state = now;
  const idle = now.state === "idle";
  if (!composing) {
    $("#run").hidden = idle;
    form.hidden = !idle;
  }
  if (idle) return;
  const running = now.state === "running" || now.state === "pausing";
  $("#state").textContent =
    `${WORDS[now.state]}${now.reading && !running ? ", reading what was found" : ""}. ${now.why}`;
  $("#state").className = `state ${now.state}`;
  $("#pause").hidden = now.state !== "running";
  $("#resume").hidden = running || now.state === "ended";
  $("#longer").hidden = running || now.state !== "ended";
  $("#again").hidden = running;
  $("#filled").setAttribute("width", `${Math.min(100, (100 * now.done) / (now.budget || 1))}%`);
  $("#numbers").textContent =
    `${now.done > now.budget ? now.done : `${now.done} of ${now.budget}`} pictures${now.left ? `, ${time(now.left)} left` : ""}`;
  await pictures(now.pictures);
  if (now.found && now.version !== version) {
    version = now.version;
    await findings();
  }
}

async function pictures(list) {
  const missing = list.map((one) => one.id).filter((id) => !nodes.has(id) && !unknown.has(id));
  for (let start = 0; start < missing.length; start += 200) {
    const part = missing.slice(start, start + 200);
    const { cells } = await get(`/api/cells?ids=${part}`);
    part.forEach((id) => unknown.add(id));
    for (const cell of cells) {
      unknown.delete(cell.id);
      const goal = el("span", { className: "percent num" });
      const button = el(
        "button",
        {
          className: "cell",
          title: cell.title,
          onclick: () => open(order(), order().indexOf(cell.id), { onSay: said }),
        },
        image(cell),
        goal,
      );
      const node = el("div", { className: "place", role: "listitem", dataset: { id: cell.id } }, button);
      nodes.set(cell.id, { node, goal, button, stars: cell.stars });
      badge(button, cell.stars);
    }
  }
  const wanted = list.filter((one) => nodes.has(one.id));
  wanted.forEach((one, place) => {
    const { node, goal } = nodes.get(one.id);
    goal.textContent = one.goal === null ? "" : one.goal.toPrecision(3).replace(/\.0+$/, "");
    if (live.children[place] !== node) live.insertBefore(node, live.children[place] ?? null);
  });
  const kept = new Set(wanted.map((one) => one.id));
  for (const [id, { node }] of nodes) if (!kept.has(id)) (node.remove(), nodes.delete(id));
}
const order = () => [...live.children].map((node) => Number(node.dataset.id));

function said(id, stars) {
  const found = nodes.get(id);
  if (!found) return;
  found.stars = stars;
  badge(found.button, stars);
}

async function findings() {
  const room = $("#findings");
  const focused = document.activeElement?.closest?.("[data-ban], [data-pin]");
  const [kind, value] = focused
    ? focused.dataset.ban
      ? ["ban", focused.dataset.ban]
      : ["pin", focused.dataset.pin]
    : [];
  room.innerHTML = await part("/tune/findings");
  if (kind)
    $$(`[data-${kind}]`, room)
      .find((one) => one.dataset[kind] === value)
      ?.focus();
}

live.addEventListener("keydown", (event) => {
  const node = event.target.closest("[data-id]");
  const stars = starsOf(event.key);
  if (!node || event.ctrlKey || event.metaKey || event.altKey) return;
  if (stars !== null) {
    const id = Number(node.dataset.id);
    const value = nodes.get(id).stars === stars ? null : stars;
    said(id, value);
    say("/api/rate", { image: id, stars: value });
  } else if (event.key === "ArrowRight" || event.key === "ArrowLeft") {
    const next = event.key === "ArrowRight" ? node.nextElementSibling : node.previousElementSibling;
    next?.firstChild.focus();
  } else return;
  event.preventDefault();
});

$("#findings").addEventListener("click", async (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  const { ban, pin, copy, picture } = button.dataset;
  if (copy !== undefined) {
    try {
      await navigator.clipboard.writeText(copy);
      toast("Copied.", { key: "copy" });
    } catch {
      toast("The browser does not let this page copy: select the text instead.", { key: "copy", bad: true });
    }
  } else if (picture) {
    const list = $$("[data-picture]", button.parentElement).map((one) => Number(one.dataset.picture));
    open(list, list.indexOf(Number(picture)), { onSay: said });
  } else if (ban ?? pin) {
    const lists = { bans: [...state.bans], pins: [...state.pins] };
    const [list, text] = ban ? [lists.bans, ban] : [lists.pins, pin];
    const at = list.indexOf(text);
    if (at < 0) list.push(text);
    else list.splice(at, 1);
    try {
      await show(await post("/api/tune/narrow", lists));
      await findings();
      toast(`${text} is ${at < 0 ? (ban ? "banned" : "pinned") : "free again"}, from the next batch on.`, {
        key: "narrow",
      });
    } catch (error) {
      complain(error);
    }
  }
});

const act = (path, body) => post(path, body).then(show).catch(complain).then(poll);
$("#pause").onclick = () => act("/api/tune/pause");
$("#resume").onclick = () => act("/api/tune/resume");
$("#longer").onclick = () => act("/api/tune/resume", { budget: state.budget + 24 });
$("#again").onclick = () => compose(true);
$("#back").onclick = () => compose(false);
function compose(on) {
  composing = on;
  form.hidden = !on;
  $("#back").hidden = !on;
  $("#run").hidden = on;
  if (on) form.text.focus();
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const values = new FormData(form);
  const even = (names) => Object.fromEntries(names.map((name) => [name, 1]));
  const body = {
    text: values.get("text"),
    budget: values.get("budget"),
    profiles: even(values.getAll("profile")),
    raters: even(values.getAll("person")),
    pareto: values.has("pareto"),
    prune: values.has("prune"),
  };
  try {
    const now = await post("/api/tune/start", body);
    $(".error", form).textContent = "";
    composing = false;
    version = -1;
    live.replaceChildren();
    nodes.clear();
    $("#findings").replaceChildren(
      el("p", { className: "dim", textContent: "The model is loaded, and the first batch is drawn…" }),
    );
    await show(now);
    poll();
  } catch (error) {
    $(".error", form).textContent = error.message;
  }
});
document.addEventListener("visibilitychange", () => document.hidden || poll());
poll();
