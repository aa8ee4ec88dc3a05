// The best picture of a batch over the worst one, with a line to drag between them.
import { el } from "./dom.js";
import { drawPicture } from "./pictures.js";

/** @import { Card } from "./pictures.js" */

/** @param {Card} card */
const caption = (card) => `${card.title}: ${card.score}`;

/**
 * The best against the worst of scored pictures; nothing if fewer than two have different scores.
 *
 * @param {Card[]} cards
 */
export function drawComparer(cards) {
  const scored = cards.filter(({ value }) => value !== null);
  const ordered = scored.sort((a, b) => Number(b.value) - Number(a.value));
  const [best, worst] = [ordered[0], ordered[ordered.length - 1]];
  if (!best || best.value === worst.value) return null;
  const above = el("div", "above", drawPicture(best));
  const stage = el("div", "stage", drawPicture(worst), above);
  const line = el("input", "line");
  Object.assign(line, { type: "range", min: "0", max: "100", value: "50" });
  line.setAttribute("aria-label", "share of the best picture");
  const cut = () => stage.style.setProperty("--soart-cut", `${line.value}%`);
  line.oninput = cut;
  stage.onpointermove = ({ clientX }) => {
    const { left, width } = stage.getBoundingClientRect();
    line.value = String((100 * (clientX - left)) / width);
    cut();
  };
  cut();
  const captions = el("div", "captions", el("span", "", `best, ${caption(best)}`), el("span", "", `worst, ${caption(worst)}`));
  return el("details", "comparer", el("summary", "", "Best against worst"), stage, line, captions);
}
