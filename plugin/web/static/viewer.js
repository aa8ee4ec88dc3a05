// One picture with its rating, its reasons and all that is known of it, over any view.

import { $, $$, base, complain, get, part, say, sharp, source, starsOf, toast } from "./base.js";

const dialog = $("#viewer");
const picture = $("#viewer-image");
const detail = $("#viewer-detail");
const cells = new Map();
let ids = [];
let place = 0;
let profile = "";
let told = () => {};
let before = null;

/** Open pictures `list` at number `at`; `onSay` hears of every rating. */
export async function open(list, at, { by = "", onSay = () => {} } = {}) {
  [ids, place, profile, told, before] = [list, at, by, onSay, document.activeElement];
  if (!dialog.open) {
    dialog.showModal();
    // The keys work wherever the focus is; a ring around a button would only distract.
    dialog.focus();
  }
  await show();
}

async function cellOf(id) {
  if (!cells.has(id)) {
    const found = await get(`/api/cells?ids=${id}`);
    if (!found.cells.length) throw new Error("This picture is not in the collection any more.");
    cells.set(id, found.cells[0]);
  }
  return cells.get(id);
}

async function show() {
  const id = ids[place];
  $("#viewer-place").textContent = `${place + 1} of ${ids.length}`;
  $("#viewer-previous").disabled = place === 0;
  $("#viewer-next").disabled = place === ids.length - 1;
  try {
    const cell = await cellOf(id);
    if (ids[place] !== id) return;
    $("#viewer-gone").hidden = true;
    picture.hidden = false;
    picture.className = sharp(cell) ? "sharp" : "";
    picture.alt = cell.title;
    picture.src = source(cell, "large");
    mark(cell.stars);
    const text = await part(`/detail/${id}?profile=${encodeURIComponent(profile)}`);
    if (ids[place] === id) detail.innerHTML = text;
    if (ids[place + 1])
      cellOf(ids[place + 1]).then(
        (next) => (new Image().src = source(next, "large")),
        () => {},
      );
  } catch (error) {
    if (ids[place] === id) {
      detail.replaceChildren();
      complain(error);
    }
  }
}

picture.addEventListener("error", () => {
  picture.hidden = true;
  $("#viewer-gone").hidden = false;
});

function mark(stars) {
  for (const button of $$("[data-stars]", dialog))
    button.setAttribute("aria-pressed", String(stars !== null && Number(button.dataset.stars) === stars));
}

async function rate(stars) {
  const id = ids[place];
  const cell = await cellOf(id);
  const value = cell.stars === stars ? null : stars;
  cell.stars = value;
  mark(value);
  told(id, value);
  await say("/api/rate", { image: id, stars: value });
}

function move(step) {
  const next = place + step;
  if (next < 0 || next >= ids.length)
    return toast(step > 0 ? "That was the last picture." : "That was the first picture.", { key: "end" });
  place = next;
  show();
}

function heat() {
  const button = $("[data-heat]", detail);
  const cell = cells.get(ids[place]);
  if (!button || !cell) return;
  const on = button.getAttribute("aria-pressed") !== "true";
  button.setAttribute("aria-pressed", String(on));
  picture.src = on
    ? `${base}/heat/${cell.id}?profile=${encodeURIComponent(profile)}&v=${cell.v}`
    : source(cell, "large");
}

dialog.addEventListener("click", (event) => {
  const stars = event.target.closest("[data-stars]");
  if (stars) rate(Number(stars.dataset.stars)).catch(complain);
  else if (event.target.closest("[data-heat]")) heat();
  else if (event.target === dialog) dialog.close();
});
dialog.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const stars = starsOf(event.key);
  if (stars !== null) rate(stars).catch(complain);
  else if (event.key === "ArrowRight") move(1);
  else if (event.key === "ArrowLeft") move(-1);
  else if (event.key === "h") heat();
  else return;
  event.preventDefault();
});
$("#viewer-previous").onclick = () => move(-1);
$("#viewer-next").onclick = () => move(1);
$("#viewer-close").onclick = () => dialog.close();
dialog.addEventListener("close", () => {
  picture.removeAttribute("src");
  cells.clear();
  before?.focus?.();
});

/** Pictures marked up by the server open here, each among those of its strip. */
export function openThumbs(root = document) {
  root.addEventListener("click", (event) => {
    const thumb = event.target.closest("[data-picture]");
    if (!thumb) return;
    const list = $$("[data-picture]", thumb.parentElement).map((one) => Number(one.dataset.picture));
    open(list, list.indexOf(Number(thumb.dataset.picture)));
  });
}
