// Better of two: pairs of the pictures of a run, to be chosen between by a click.
import { button, el } from "./dom.js";
import { drawPicture, store } from "./pictures.js";

/** @import { Card } from "./pictures.js" */

/** A name that no other choice has, of at most 36 characters; over plain HTTP there is no `randomUUID`. */
const newId = () => crypto.randomUUID?.() ?? `${Date.now()}-${Math.random().toString(36).slice(2)}`.slice(0, 36);

/**
 * All pairs of cards in random order.
 *
 * @param {Card[]} cards
 * @returns {[Card, Card][]}
 */
function shuffledPairs(cards) {
  const pairs = cards.flatMap((first, place) =>
    cards.slice(place + 1).map((second) => /** @type {[Card, Card]} */ (Math.random() < 0.5 ? [first, second] : [second, first])),
  );
  const keyed = pairs.map((pair) => ({ pair, key: Math.random() }));
  return keyed.sort((a, b) => a.key - b.key).map(({ pair }) => pair);
}

/**
 * Choices between the pictures that can be rated; nothing for fewer than two.
 *
 * @param {Card[]} cards
 */
export function drawDuel(cards) {
  const pairs = shuffledPairs(cards.filter(({ rate }) => rate));
  if (!pairs.length) return null;
  const stage = el("div", "duel");
  const message = el("div", "message");

  function next() {
    const pair = pairs.pop();
    if (!pair) {
      stage.replaceChildren("You have compared all pairs of these pictures.");
      return;
    }
    stage.replaceChildren(
      ...pair.map((card, place) => {
        const choice = button("choice", "", `picture ${card.title} is better`, () => choose(card, pair[1 - place]));
        choice.append(drawPicture(card));
        return choice;
      }),
    );
  }

  /**
   * @param {Card} winner
   * @param {Card} loser
   */
  async function choose(winner, loser) {
    if (!winner.rate || !loser.rate) return;
    const { collection, rater, image } = winner.rate;
    try {
      await store("/soart/choose", { collection, rater, choice: newId(), winner: image, loser: loser.rate.image });
      message.textContent = "";
      next();
    } catch (error) {
      message.textContent = error.message;
    }
  }

  next();
  return el("details", "comparer", el("summary", "", "Better of two"), stage, message);
}
