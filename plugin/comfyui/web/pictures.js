// Pictures of a node: their address on the server, and what is stored about them by a click.
import { api } from "../../scripts/api.js";
import { button, el } from "./dom.js";

/**
 * @typedef {Record<string, string>} Place of a picture on the server.
 *
 * @typedef {object} Rating what a rating by click names.
 * @property {string} collection
 * @property {number | Place} image its number in the collection, or where the server has it.
 * @property {string} rater
 * @property {number | "not for me" | null} stars
 *
 * @typedef {object} Card a picture with its score.
 * @property {Place} image
 * @property {string} title its number.
 * @property {number | null} value its score as a number.
 * @property {string} score
 * @property {string} note
 * @property {string[]} why reasons in words.
 * @property {Place[][]} [like] rated pictures that each reason is about.
 * @property {Rating} [rate] of pictures in a collection.
 */

const MOST_STARS = 5;
/** As in rating.py. */
const NOT_FOR_ME = "not for me";
/** What small pictures are sent as, in ComfyUI's words. */
const SMALL = { preview: "webp;80" };

/** @param {Card} card */
export const caption = ({ title, score }) => (score ? `${title}: ${score}` : title);

/** @param {Place} image @param {string} alt @param {boolean} small */
export const drawPlace = (image, alt, small) =>
  Object.assign(el("img", "picture"), {
    src: api.apiURL(`/view?${new URLSearchParams(small ? { ...image, ...SMALL } : image)}`),
    alt,
    draggable: false,
  });

/** The picture of a card. @param {Card} card @param {boolean} [small] */
export const drawPicture = ({ image, title, score }, small = true) => drawPlace(image, `picture ${title}, ${score}`, small);

/**
 * Store something; returns the server's answer. Its sentence is the message of a failure.
 *
 * @param {"/soart/rate" | "/soart/rated" | "/soart/choose" | "/soart/pick" | "/soart/loop/next" | "/soart/loop/queued" | "/soart/loop/stop"} path
 * @param {object} content
 */
export async function store(path, content) {
  const answer = await api.fetchApi(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(content),
  });
  if (answer.ok) return answer.json();
  const { error } = await answer.json().catch(() => ({ error: `The server answered ${answer.status}.` }));
  throw new Error(error);
}

/** Read the ratings that the server has stored into cards. @param {Card[]} cards */
export async function readStars(cards) {
  const rated = cards.flatMap(({ rate }) => rate ?? []);
  if (!rated.length) return;
  const { collection, rater } = rated[0];
  const before = rated.map((rate) => rate.stars);
  try {
    const { stars } = await store("/soart/rated", { collection, rater, images: rated.map(({ image }) => image) });
    // A click in the meantime counts.
    rated.forEach((rate, at) => (rate.stars = rate.stars === before[at] ? stars[at] : rate.stars));
  } catch (error) {
    console.warn("soart: the stars given earlier cannot be read.", error);
  }
}

/** Stars that store a rating by click; a click on the present rating takes it back. @param {Rating} rate */
export function drawStars(rate) {
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
      message.textContent = error.message;
    }
    show();
    return rate.stars === count;
  }

  show();
  row.append(...stars, not, message);
  /** What the keys give. @param {string} key */
  const press = async (key) => /^[1-5n]$/u.test(key) && give(key === "n" ? NOT_FOR_ME : Number(key));
  return { row, press };
}
