// Rating: what comes next is here before it is needed, and what is said is sent behind the rater's back.

import { $, $$, base, complain, free, get, image, onJob, say, starsOf, toast, watchJobs } from "./base.js";

const AHEAD = 8;
const picture = $("#picture");
let queue = [];
let place = 0;
let counts = null;
let filling = false;
let dry = false;
const ready = new Map();
const given = new Map();

/** Keep pictures decoded ahead of the rater. */
function prepare() {
  for (const cell of queue.slice(place, place + 4)) {
    if (ready.has(cell.id)) continue;
    const node = image(cell, "large");
    ready.set(cell.id, node);
    node.decode().catch(() => {});
  }
  for (const id of [...ready.keys()])
    if (!queue.slice(Math.max(0, place - 2), place + 5).some((cell) => cell.id === id)) ready.delete(id);
}

async function fill() {
  if (filling || dry || queue.length - place > AHEAD) return;
  filling = true;
  try {
    const skip = queue.slice(place).map((cell) => cell.id);
    const recent = queue.slice(Math.max(0, place - 20), place).map((cell) => cell.id);
    const found = await get(`/api/queue?count=${AHEAD}&skip=${[...skip, ...recent]}`);
    dry = !found.cells.length;
    queue.push(...found.cells);
    // Long sessions stay small: what was rated long ago cannot be gone back to.
    if (place > 200) {
      queue = queue.slice(place - 100);
      place = 100;
    }
    if (!counts) show(found.progress);
    else learnt(found.progress);
    prepare();
  } catch (error) {
    complain(error);
    setTimeout(() => ((filling = false), fill()), 2000);
    return;
  }
  filling = false;
  if (!picture.dataset.id || !shown()) draw();
}

const shown = () => queue[place] && Number(picture.dataset.id) === queue[place].id;

function draw() {
  const cell = queue[place];
  const over = !cell;
  $(".stage").hidden = over;
  const end = $("#done");
  end.hidden = !over || filling;
  if (over) {
    picture.removeAttribute("data-id");
    if (!filling) {
      const text = !counts?.pictures ? "This collection has no pictures to rate yet." : "Every picture has been seen.";
      const link = Object.assign(document.createElement("a"), {
        href: `${base}/${counts?.pictures ? "taste" : "tune"}`,
        textContent: counts?.pictures ? "Look at your taste" : "Tune a prompt",
        className: "button",
      });
      const head = Object.assign(document.createElement("b"), { textContent: text });
      end.replaceChildren(Object.assign(document.createElement("p"), {}), link);
      end.firstChild.append(head);
    }
    return;
  }
  const node = ready.get(cell.id) ?? image(cell, "large");
  picture.className = node.className;
  picture.alt = node.alt;
  picture.onerror = () => {
    picture.classList.add("lost");
    toast("This picture's file is gone; it is passed over.", { key: "gone" });
    if (queue[place] === cell) (place++, draw());
  };
  picture.src = node.src;
  picture.dataset.id = cell.id;
  $("#prompt").textContent = cell.title;
  const stars = given.get(cell.id) ?? cell.stars;
  for (const button of $$("[data-stars]", $(".rate")))
    button.setAttribute("aria-pressed", String(stars === Number(button.dataset.stars)));
  prepare();
  fill();
}

function rate(stars) {
  const cell = queue[place];
  if (!cell) return;
  const before = given.get(cell.id) ?? cell.stars;
  given.set(cell.id, stars);
  if (counts) {
    if (before === null || before === undefined) counts[stars ? "rated" : "rejected"]++;
    count();
  }
  flash(stars);
  place++;
  draw();
  say("/api/rate", { image: cell.id, stars }).then((answer) => {
    if (answer && answer.before !== null && answer.before !== (before ?? null))
      toast(
        `You had said ${answer.before || "reject"} of this picture in another tab; the last word counts: ${stars || "reject"}.`,
        { key: "twice" },
      );
  });
}

function undo() {
  if (!place) return toast("Nothing to take back.", { key: "undo" });
  place--;
  const cell = queue[place];
  if (given.has(cell.id)) {
    const stars = given.get(cell.id);
    given.delete(cell.id);
    if (counts && cell.stars === null) counts[stars ? "rated" : "rejected"]--;
    count();
    say("/api/rate", { image: cell.id, stars: cell.stars });
    toast(`Taken back: ${stars || "reject"}.`, { key: "undo" });
  }
  draw();
}

function flash(stars) {
  const button = $(`.rate [data-stars="${stars}"]`);
  button.classList.remove("pressed");
  requestAnimationFrame(() => button.classList.add("pressed"));
}

function count() {
  const seen = counts.rated + counts.rejected;
  $("#counts").textContent =
    `${counts.rated} rated, ${counts.rejected} rejected, ${Math.max(0, counts.pictures - seen)} not seen`;
  $("#filled").setAttribute("width", `${counts.pictures ? (100 * seen) / counts.pictures : 0}%`);
  $("#bar").ariaLabel = `${seen} of ${counts.pictures} seen`;
}

function show(progress) {
  counts = progress;
  count();
  learnt(progress);
}

function learnt(progress) {
  const parts = [];
  if (progress.learning) parts.push("Learning your taste…");
  if (progress.word)
    parts.push(`Taste: ${progress.sentence}.`, progress.stop ? "Rating more would hardly help." : progress.advice);
  else if (!progress.learning) parts.push(progress.failed || "Your taste is learnt after a few good and bad ratings.");
  $("#trust").textContent = parts.join(" ");
}

onJob("learn:", async () => {
  // What is waiting was proposed by the taste before: all but the next two are asked for anew.
  queue.length = Math.min(queue.length, place + 3);
  dry = false;
  learnt(await get("/api/progress"));
  fill();
});
let rated = 0;
function act(key) {
  const stars = starsOf(key);
  if (stars !== null) {
    rate(stars);
    if (++rated % 5 === 0) watchJobs();
  } else if (key === "u" || key === "U") undo();
  else if (key === "ArrowRight" && place < queue.length) (place++, draw());
  else if (key === "ArrowLeft" && place) (place--, draw());
  else return false;
  return true;
}
addEventListener("keydown", (event) => {
  if (free(event) && !event.repeat && act(event.key)) event.preventDefault();
});
$(".stars.big").addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button) act(button.dataset.stars === "0" ? "x" : (button.dataset.stars ?? "u"));
});
fill();
