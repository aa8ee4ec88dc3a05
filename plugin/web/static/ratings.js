// Ratings, of one picture or of many, which can be undone.

import { counted } from "./format.js";
import { NOT_FOR_ME } from "./keys.js";
import { save } from "./outbox.js";
import { changeTo, laterOnesStay, laterStays, starsIn, wordOf } from "./stars.js";
import { toast } from "./toasts.js";
import { remember } from "./undo.js";

/** @typedef {import("./stars.js").Stars} Stars */

/**
 * Rate a picture.
 *
 * @param {number} image
 * @param {Stars} stars null to remove the rating.
 * @param {Stars} before the rating that this page knows.
 * @param {(stars: Stars) => void} show shows another rating of the picture, when this one is undone.
 */
export async function rate(image, stars, before, show) {
  // The rating in its place, as this page or, once it has answered, the server knows it.
  let known = before;
  const undo = () => {
    show(known);
    toast(`Undone: ${changeTo(stars)}.`, { key: "undo" });
    /** @param {{ stars: Stars } | null} response */
    const check = (response) => {
      if (laterStays(response, known)) show(response?.stars ?? null);
    };
    save("/api/rate", { image, stars: known, instead_of: stars }).then(check);
    return known;
  };
  const request = () => ({ path: "/api/rate", body: { image, stars: known, instead_of: stars }, word: changeTo(stars) });
  const { answer } = remember({ request: request(), undo, image });
  /** @type {{ before: Stars } | null} */
  const response = await save("/api/rate", { image, stars });
  if (!response || response.before === before) return;
  // Another tab has rated it: undo must restore that rating.
  known = response.before;
  answer(request());
  if (known === null) return;
  const did =
    known === NOT_FOR_ME ? 'marked this "not for me"' : known ? `rated this ${starsIn(known)}` : "skipped this";
  toast(`You ${did} in another tab; your latest choice (${wordOf(stars)}) counts.`, { key: "twice" });
}

/**
 * Give several pictures the same rating.
 *
 * @param {number[]} images
 * @param {Stars} stars null to remove the ratings.
 * @param {(image: number, stars: Stars) => void} show shows the rating of a picture.
 */
export async function rateAll(images, stars, show) {
  images.forEach((image) => show(image, stars));
  /** @param {number} count */
  const wordFor = (count) =>
    `${changeTo(stars)} for ${counted(count)}`;
  /** @type {Promise<{ before: [number, Stars][] } | null>} */
  const stored = save("/api/selection/rate", { images, stars });
  // At once: u may be pressed before the server has answered.
  const undo = async () => {
    const before = (await stored)?.before ?? [];
    toast(`Undone: ${wordFor(before.length)}.`, { key: "undo" });
    /** @type {{ now: [number, Stars][] } | null} */
    const restored = await save("/api/selection/rate", { before, stars });
    restored?.now.forEach(([image, now]) => show(image, now));
    laterOnesStay(restored, before);
  };
  const { answer, forget, notify } = remember({ request: null, undo });
  const response = await stored;
  if (!response) forget();
  else {
    const { before } = response;
    answer({ path: "/api/selection/rate", body: { before, stars }, word: wordFor(before.length) });
    const rating = stars && stars > 0 ? `rated ${starsIn(stars)}` : wordOf(stars);
    notify(`${counted(before.length)}: ${rating}.`, "rated");
  }
}
