// Pictures of a node: their address on the server, and what is stored about them by a click.
import { api } from "../../scripts/api.js";
import { el } from "./dom.js";

/**
 * @typedef {object} Rating what a rating by click names.
 * @property {string} collection
 * @property {number | Record<string, string>} image its number in the collection, or where the server has it.
 * @property {string} rater
 * @property {number | "not for me" | null} stars
 *
 * @typedef {object} Card a picture with its score.
 * @property {Record<string, string>} image where the server has it.
 * @property {string} title its number.
 * @property {number | null} value its score as a number.
 * @property {string} score
 * @property {string} note
 * @property {string[]} why reasons in words.
 * @property {Rating} [rate] of pictures in a collection.
 */

/** @param {Card} card */
export const caption = (card) => `${card.title}: ${card.score}`;

/**
 * The picture of a card.
 *
 * @param {Card} card
 */
export function drawPicture({ image, title, score }) {
  const picture = el("img", "picture");
  Object.assign(picture, {
    src: api.apiURL(`/view?${new URLSearchParams(image)}`),
    alt: `picture ${title}, ${score}`,
    draggable: false,
  });
  return picture;
}

/**
 * Store something; returns the server's answer. Its sentence is the message of a failure.
 *
 * @param {"/soart/rate" | "/soart/choose" | "/soart/pick" | "/soart/loop/next" | "/soart/loop/queued" | "/soart/loop/stop"} path
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
