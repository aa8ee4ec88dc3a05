// Two pictures of a batch, one over the other, with a line between them that follows the pointer.
import { button, el } from "./dom.js";
import { caption, drawPicture } from "./pictures.js";
import { openViewer } from "./viewer.js";

/** @import { Card } from "./pictures.js" */

/**
 * A list to choose one of the pictures from.
 *
 * @param {Card[]} cards best first.
 * @param {number} at
 * @param {string} label
 * @param {(at: number) => void} choose
 */
function drawChoice(cards, at, label, choose) {
  const list = el("select", "compared");
  list.append(...cards.map((card) => el("option", "", caption(card))));
  list.selectedIndex = at;
  list.setAttribute("aria-label", label);
  list.onchange = () => choose(list.selectedIndex);
  return list;
}

/**
 * Two of some pictures, to be compared.
 *
 * @param {Card[]} cards best first.
 * @param {[number, number]} pair of the picture at the left of the line and that at its right.
 */
function drawStage(cards, pair) {
  const above = el("div", "above");
  const under = el("div", "under");
  const stage = el("div", "stage", under, above);
  const line = el("input", "line");
  Object.assign(line, { type: "range", min: "0", max: "100", value: "50" });
  line.setAttribute("aria-label", "share of the left picture");
  const cut = () => stage.style.setProperty("--soart-cut", `${line.value}%`);
  line.oninput = cut;
  stage.onpointermove = ({ clientX }) => {
    const { left, width } = stage.getBoundingClientRect();
    line.value = String((100 * (clientX - left)) / width);
    cut();
  };
  const show = () => {
    above.replaceChildren(drawPicture(cards[pair[0]]));
    under.replaceChildren(drawPicture(cards[pair[1]]));
  };
  const choices = [0, 1].map((side) =>
    drawChoice(cards, pair[side], side ? "picture at the right" : "picture at the left", (at) => {
      pair[side] = at;
      show();
    }),
  );
  show();
  cut();
  return { stage, line, choices };
}

/**
 * A comparer of scored pictures, which starts with the best and the worst; nothing if fewer than two have different scores.
 *
 * @param {Card[]} cards
 */
export function drawComparer(cards) {
  const scored = cards.filter(({ value }) => value !== null).sort((a, b) => Number(b.value) - Number(a.value));
  if (!scored.length || scored[0].value === scored[scored.length - 1].value) return null;
  /** @type {[number, number]} */
  const pair = [0, scored.length - 1];
  const { stage, line, choices } = drawStage(scored, pair);
  const enlarge = () => {
    const large = drawStage(scored, [...pair]);
    openViewer("two pictures", large.stage, large.line, el("div", "captions", ...large.choices));
  };
  stage.onclick = enlarge;
  const captions = el("div", "captions", choices[0], button("larger", "⤢", "enlarge the comparison", enlarge), choices[1]);
  return el("details", "comparer", el("summary", "", "Compare two, the best and the worst first"), stage, line, captions);
}
