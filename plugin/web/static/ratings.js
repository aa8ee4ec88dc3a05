// Ratings, of one picture or of many, which can be undone.

import { NOT_FOR_ME } from "./keys.js";
import { save } from "./outbox.js";
import { toast } from "./toasts.js";
import { remember } from "./undo.js";

/** @typedef {number | null} Stars 1–5; 0 for skip, -1 for "not for me", null for none. */

/** @param {Stars} stars */
function wordOf(stars) {
  if (stars === null) return "no rating";
  return stars === NOT_FOR_ME ? "not for me" : String(stars || "skip");
}

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
    toast(`Undone: ${wordOf(stars)}.`, { key: "undo" });
    /** @param {{ stars: Stars } | null} response */
    const check = (response) => {
      if (!response || response.stars === known) return;
      show(response.stars);
      toast(`You have changed this in another tab since: ${wordOf(response.stars)} stays.`, { key: "undo" });
    };
    save("/api/rate", { image, stars: known, instead_of: stars }).then(check);
    return known;
  };
  const request = () => ({ path: "/api/rate", body: { image, stars: known, instead_of: stars }, word: wordOf(stars) });
  const { answer } = remember({ request: request(), undo, image });
  /** @type {{ before: Stars } | null} */
  const response = await save("/api/rate", { image, stars });
  if (!response || response.before === before) return;
  // Another tab has rated it: undo must restore that rating.
  known = response.before;
  answer(request());
  if (known === null) return;
  const earlier = known === NOT_FOR_ME ? 'marked this "not for me"' : known ? `rated this ${known}` : "skipped this";
  toast(`You ${earlier} in another tab; your latest choice (${wordOf(stars)}) counts.`, { key: "twice" });
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
  /** @type {Promise<{ before: [number, Stars][] } | null>} */
  const stored = save("/api/selection/rate", { images, stars });
  // At once: u may be pressed before the server has answered.
  const undo = async () => {
    const before = (await stored)?.before ?? [];
    toast(`Undone: ${wordOf(stars)} for ${before.length} pictures.`, { key: "undo" });
    /** @type {{ now: [number, Stars][] } | null} */
    const restored = await save("/api/selection/rate", { before, stars });
    restored?.now.forEach(([image, now]) => show(image, now));
  };
  const { answer, forget, notify } = remember({ request: null, undo });
  const response = await stored;
  if (!response) forget();
  else {
    const { before } = response;
    answer({ path: "/api/selection/rate", body: { before, stars }, word: `${wordOf(stars)} for ${before.length} pictures` });
    const word = stars && stars > 0 ? `rated ${stars}` : wordOf(stars);
    notify(`${response.before.length} pictures: ${word}.`, "rated");
  }
}
