// Pictures of a node as large as the page, above everything.
import { button, el } from "./dom.js";
import { caption, drawPicture, drawStars } from "./pictures.js";

/** @import { Card } from "./pictures.js" */

/**
 * Show something over the whole page until Escape or a click beside it.
 *
 * @param {string} label
 * @param {...HTMLElement} contents
 */
export function openViewer(label, ...contents) {
  const viewer = el("dialog", "viewer", ...contents);
  viewer.setAttribute("aria-label", label);
  viewer.append(button("close", "✕", "close", () => viewer.close()));
  viewer.addEventListener("close", () => viewer.remove());
  viewer.onclick = ({ target }) => {
    if (target === viewer) viewer.close();
  };
  // The keys of the canvas, such as Delete, are not meant.
  viewer.addEventListener("keydown", (event) => event.stopPropagation());
  document.body.append(viewer);
  viewer.showModal();
  return viewer;
}

/**
 * Show a picture of a row of pictures; the arrow keys lead to the others, 1 to 5 and n rate it.
 *
 * @param {Card[]} cards
 * @param {number} first
 * @param {() => void} [closed] called when it is closed.
 */
export function enlarge(cards, first, closed = () => {}) {
  let at = first;
  /** @type {ReturnType<typeof drawStars> | undefined} */
  let stars;
  const stage = el("div", "enlarged");
  const words = el("div", "words");
  /** @param {number} step */
  function go(step) {
    at = (at + step + cards.length) % cards.length;
    const card = cards[at];
    stars = card.rate && drawStars(card.rate);
    stage.replaceChildren(drawPicture(card, false));
    words.replaceChildren(el("div", "score", caption(card)), el("div", "note", card.note), el("div", "why", card.why.join(", ")));
    if (stars) words.append(stars.row);
  }
  const steps = [button("step", "‹", "previous picture", () => go(-1)), button("step", "›", "next picture", () => go(1))];
  const viewer = openViewer("picture", stage, el("div", "below", ...(cards.length > 1 ? steps : []), words));
  viewer.addEventListener("keydown", async ({ key }) => {
    if (key === "ArrowLeft" || key === "ArrowRight") go(key === "ArrowLeft" ? -1 : 1);
    const rated = at;
    if ((await stars?.press(key)) && at === rated && at + 1 < cards.length) go(1);
  });
  viewer.addEventListener("close", closed);
  go(0);
}

/**
 * A picture that a click enlarges.
 *
 * @param {Card[]} cards
 * @param {number} at
 * @param {() => void} closed
 */
export function drawEnlargeable(cards, at, closed) {
  const opens = button("enlarge", "", `enlarge picture ${cards[at].title}`, () => enlarge(cards, at, closed));
  opens.append(drawPicture(cards[at]));
  return opens;
}
