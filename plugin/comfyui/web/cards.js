// Pictures with their scores, reasons and stars.
import { el } from "./dom.js";
import { caption, drawPlace, drawStars, readStars } from "./pictures.js";
import { drawEnlargeable } from "./viewer.js";

/** @import { Card } from "./pictures.js" */

/** @param {Card[]} cards */
export function drawCards(cards) {
  const grid = el("div", "cards");
  const show = () =>
    grid.replaceChildren(
      ...cards.map((card, at) => {
        const words = el("figcaption", "words", el("div", "score", caption(card)), el("div", "note", card.note));
        card.why.forEach((reason, number) => {
          const like = (card.like?.[number] ?? []).map((place) => drawPlace(place, "a picture that you rated", true));
          words.append(el("div", "why", reason, ...like));
        });
        if (card.rate) words.append(drawStars(card.rate).row);
        return el("figure", "card", drawEnlargeable(cards, at, show), words);
      }),
    );
  show();
  void readStars(cards).then(show);
  return grid;
}
