// Pictures with their scores, reasons and stars.
import { button, el } from "./dom.js";
import { caption, store } from "./pictures.js";
import { drawEnlargeable } from "./viewer.js";

/** @import { Card, Rating } from "./pictures.js" */

const MOST_STARS = 5;
/** As in rating.py. */
const NOT_FOR_ME = "not for me";

/**
 * Stars that store a rating by click; a click on the present rating takes it back.
 *
 * @param {Rating} rate
 */
function drawStars(rate) {
  const row = el("div", "stars");
  const message = el("span", "message");
  const stars = Array.from({ length: MOST_STARS }, (_, place) =>
    button("star", "★", `${place + 1} of ${MOST_STARS} stars`, () => give(place + 1)),
  );
  const not = button("not", "not for me", "well made, but not for me", () => give(NOT_FOR_ME));
  const show = () => {
    const count = typeof rate.stars === "number" ? rate.stars : 0;
    stars.forEach((star, place) => star.setAttribute("aria-pressed", String(place < count)));
    not.setAttribute("aria-pressed", String(rate.stars === NOT_FOR_ME));
  };

  /** @param {number | typeof NOT_FOR_ME} count */
  async function give(count) {
    const before = rate.stars;
    rate.stars = before === count ? null : count;
    show();
    try {
      await store("/soart/rate", rate);
      message.textContent = "";
    } catch (error) {
      rate.stars = before;
      show();
      message.textContent = error.message;
    }
  }

  show();
  row.append(...stars, not, message);
  return row;
}

/**
 * @param {Card} card
 * @param {number} at
 * @param {Card[]} cards
 */
function drawCard(card, at, cards) {
  const words = el("figcaption", "words", el("div", "score", caption(card)), el("div", "note", card.note));
  for (const reason of card.why) words.append(el("div", "why", reason));
  if (card.rate) words.append(drawStars(card.rate));
  return el("figure", "card", drawEnlargeable(cards, at), words);
}

/** @param {Card[]} cards */
export function drawCards(cards) {
  return el("div", "cards", ...cards.map(drawCard));
}
