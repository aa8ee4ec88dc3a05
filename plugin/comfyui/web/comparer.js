// Two pictures of a batch: one over the other, with a line that follows the pointer, or side by side for the better one.
import { button, el } from "./dom.js";
import { caption, drawPicture, store } from "./pictures.js";
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
 * @param {boolean} small
 */
function drawStage(cards, pair, small) {
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
    above.replaceChildren(drawPicture(cards[pair[0]], small));
    under.replaceChildren(drawPicture(cards[pair[1]], small));
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
 * A comparer of any two pictures, which starts with the best and the worst; nothing if there are fewer than two.
 *
 * @param {Card[]} cards
 */
export function drawComparer(cards) {
  if (cards.length < 2) return null;
  const scored = [...cards].sort((a, b) => Number(b.value) - Number(a.value));
  /** @type {[number, number]} */
  const pair = [0, scored.length - 1];
  const { stage, line, choices } = drawStage(scored, pair, true);
  const enlarge = () => {
    const large = drawStage(scored, [...pair], false);
    openViewer("two pictures", large.stage, large.line, el("div", "captions", ...large.choices));
  };
  stage.onclick = enlarge;
  const captions = el("div", "captions", choices[0], button("larger", "⤢", "enlarge the comparison", enlarge), choices[1]);
  return el("details", "comparer", el("summary", "", "Compare two, the best and the worst first"), stage, line, captions);
}

/** A name that no other choice has, of at most 36 characters; over plain HTTP there is no `randomUUID`. */
const newId = () => crypto.randomUUID?.() ?? `${Date.now()}-${Math.random().toString(36).slice(2)}`.slice(0, 36);

/** All pairs of cards in random order. @param {Card[]} cards @returns {[Card, Card][]} */
function shuffledPairs(cards) {
  const pairs = cards.flatMap((first, place) =>
    cards.slice(place + 1).map((second) => /** @type {[Card, Card]} */ (Math.random() < 0.5 ? [first, second] : [second, first])),
  );
  const keyed = pairs.map((pair) => ({ pair, key: Math.random() }));
  return keyed.sort((a, b) => a.key - b.key).map(({ pair }) => pair);
}

/** Choices between the pictures that can be rated; nothing for fewer than two. @param {Card[]} cards */
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
