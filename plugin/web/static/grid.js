// A grid of any number of pictures: the page holds only those in sight.

import { $, around, el, find } from "./dom.js";
import { counted } from "./format.js";
import { hasModifier } from "./keys.js";
import { scoreText } from "./judge.js";
import { badge, heart, image } from "./pictures.js";
import { get } from "./request.js";

/**
 * @import { Cell } from "./pictures.js"
 *
 * @typedef {object} Place an element of the grid.
 * @property {HTMLElement} node
 * @property {HTMLButtonElement} button
 * @property {boolean} full true once it shows its picture.
 */

/** Pixels between pictures. */
const GAP = 6;
/** Pictures that one request describes. */
const WINDOW = 200;

export class Grid {
  /** @type {number[]} Ids of all pictures, in order. */
  ids = [];
  /** @type {Map<number, Cell>} By id, as far as they were fetched. */
  cells = new Map();
  /** @type {Map<number, number[]>} Ids of each stack by that of its top, which is the first of them. */
  stacks = new Map();
  /** @type {Record<string, string>} What pictures show of the words that they were found by, by id. */
  evidence = {};
  /** Number of the picture that has, or had, the focus. */
  focused = 0;
  /** @type {Set<number>} Ids of the cells that are being fetched; another set as soon as others are shown. */
  #requested = new Set();
  /** @type {Map<number, Place>} By number in the order. */
  #places = new Map();
  #judge = "";
  /** True if its scores are points, 0 to 100. */
  #points = false;
  #columns = 3;
  /** Pixels of a picture's side. */
  #side = 0;
  /** Handle of the animation frame that will draw; 0 for none. */
  #frame = 0;

  /**
   * @param {HTMLElement} root
   * @param {object} actions
   * @param {(number: number) => void} actions.open opens a picture by its number in the order.
   * @param {(id: number, key: string) => boolean} actions.act acts on a picture by a key; false for any other key.
   * @param {import("./selected.js").Selected} actions.selected the selected pictures.
   */
  constructor(root, { open, act, selected }) {
    this.root = root;
    this.act = act;
    this.selected = selected;
    this.inner = el("div", { className: "inner" });
    root.append(this.inner);
    addEventListener("scroll", () => this.#drawSoon(), { passive: true });
    new ResizeObserver(() => this.#measure()).observe(root);
    root.addEventListener("click", (event) =>
      withNumber(event, (number) => {
        if (!selected.click(this.ids, number, event)) open(number);
      }),
    );
    // Space selects: it must not press the button too.
    root.addEventListener("keyup", (event) => {
      if (event.key === " ") event.preventDefault();
    });
    selected.onChange(() => {
      for (const [number, { button }] of this.#places) this.#mark(button, this.ids[number]);
    });
    root.addEventListener("keydown", (event) => withNumber(event, (number) => this.#onKey(event, number)));
    root.addEventListener("focusin", (event) => withNumber(event, (number) => (this.focused = number)));
  }

  /**
   * Show other pictures.
   *
   * @param {number[]} ids
   * @param {string} judge whose scores are shown.
   * @param {number[][]} [stacks] ids of each stack, the top first.
   */
  show(ids, judge, stacks = []) {
    // The keyboard goes on from the same picture, or from its place if it is gone.
    const place = ids.indexOf(this.ids[this.focused]);
    const active = this.active && document.activeElement;
    const box = active && active.getBoundingClientRect();
    const focused = place >= 0 || !active ? Math.max(0, place) : Math.min(this.focused, ids.length - 1);
    Object.assign(this, { ids, cells: new Map(), stacks: new Map(stacks.map((members) => [members[0], members])), focused });
    this.#judge = judge;
    this.#requested = new Set();
    for (const { node } of this.#places.values()) node.remove();
    this.#places.clear();
    this.#measure();
    // Whoever has scrolled away from the focused picture stays there.
    if (box && box.bottom > 0 && box.top < innerHeight && ids.length) this.focus(focused);
  }

  /**
   * Show further pictures after the others, none of which moves.
   *
   * @param {number[]} ids
   */
  extend(ids) {
    this.ids = [...this.ids, ...ids];
    for (const { node } of this.#places.values()) node.ariaSetSize = String(this.ids.length);
    this.#measure();
  }

  /** Fetch anew what is known of the pictures, such as their scores. */
  refresh() {
    this.cells = new Map();
    this.#requested = new Set();
    for (const place of this.#places.values()) place.full = false;
    this.#drawSoon();
  }

  /** True if a picture has the focus. */
  get active() {
    return this.inner.contains(document.activeElement);
  }

  #measure() {
    const width = this.root.clientWidth;
    const size = width < 500 ? 112 : 178;
    this.#columns = Math.max(3, Math.floor((width + GAP) / (size + GAP)));
    this.#side = (width - GAP * (this.#columns - 1)) / this.#columns;
    this.inner.style.height = `${Math.ceil(this.ids.length / this.#columns) * (this.#side + GAP)}px`;
    for (const [number, { node }] of this.#places) this.#put(node, number);
    this.#drawSoon();
  }

  #drawSoon() {
    if (this.#frame) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      this.#draw();
    });
  }

  #draw() {
    const step = this.#side + GAP;
    const top = -this.root.getBoundingClientRect().top;
    const first = Math.max(0, Math.floor(top / step) - 2) * this.#columns;
    const last = Math.min(this.ids.length, (Math.ceil((top + innerHeight) / step) + 2) * this.#columns);
    for (const [number, { node, button }] of this.#places) {
      // The picture with the focus stays, so that the keyboard goes on from it.
      if ((number >= first && number < last) || button === document.activeElement) continue;
      // A picture that was scrolled past must not delay the download of those in sight.
      const picture = node.querySelector("img");
      if (picture && !picture.complete) picture.removeAttribute("src");
      node.remove();
      this.#places.delete(number);
    }
    for (let number = first; number < last; number++) if (!this.#places.has(number)) this.#make(number);
    const missing = this.ids.slice(first, last).filter((id) => !this.cells.has(id) && !this.#requested.has(id));
    if (missing.length) this.#fetch(missing.slice(0, WINDOW));
  }

  /** @param {number[]} ids */
  async #fetch(ids) {
    const requested = this.#requested;
    ids.forEach((id) => requested.add(id));
    try {
      /** @type {{ cells: Cell[], points: boolean }} */
      const { cells, points } = await get(`/api/cells?ids=${ids.join(",")}&by=${encodeURIComponent(this.#judge)}`);
      // Others are shown meanwhile: their cells are fetched later, and are newer.
      if (requested !== this.#requested) return;
      this.#points = points;
      cells.forEach((cell) => this.cells.set(cell.id, cell));
    } catch {
      setTimeout(() => {
        ids.forEach((id) => requested.delete(id));
        this.#drawSoon();
      }, 2000);
      return;
    }
    // Pictures that were removed meanwhile have no cells, and are not asked for again.
    ids.filter((id) => this.cells.has(id)).forEach((id) => requested.delete(id));
    for (const [number, place] of this.#places) if (!place.full) this.#fill(place, number);
    this.#drawSoon();
  }

  /** @param {number} number */
  #make(number) {
    const button = el("button", { className: "cell", tabIndex: number === this.focused ? 0 : -1 });
    const node = el("div", { className: "place", role: "listitem", dataset: { number } }, button);
    node.ariaSetSize = String(this.ids.length);
    node.ariaPosInSet = String(number + 1);
    const place = { node, button, full: false };
    this.#put(node, number);
    this.#fill(place, number);
    this.#places.set(number, place);
    this.inner.append(node);
  }

  /**
   * Move an element to its place.
   *
   * @param {HTMLElement} node
   * @param {number} number
   */
  #put(node, number) {
    const step = this.#side + GAP;
    const [x, y] = [(number % this.#columns) * step, Math.floor(number / this.#columns) * step];
    node.style.transform = `translate(${x}px, ${y}px)`;
    node.style.width = node.style.height = `${this.#side}px`;
  }

  /**
   * Show the picture of a place, if its cell was fetched.
   *
   * @param {Place} place
   * @param {number} number
   */
  #fill(place, number) {
    const cell = this.cells.get(this.ids[number]);
    if (!cell) return;
    place.full = true;
    const { button } = place;
    const stack = this.stacks.get(cell.id);
    button.replaceChildren(image(cell), ...score(cell, this.#points), ...height(stack));
    button.classList.toggle("stack", Boolean(stack));
    const evidence = this.evidence[cell.id] ?? "";
    if (evidence) button.append(el("span", { className: "evidence", textContent: evidence }));
    button.title = evidence ? `${cell.title}\n${evidence}` : cell.title;
    if (cell.problem) button.classList.add("problem");
    badge(button, cell.stars);
    heart(button, cell.favourite);
    this.#mark(button, cell.id);
  }

  /**
   * Show whether a picture is selected.
   *
   * @param {HTMLButtonElement} button
   * @param {number} id
   */
  #mark(button, id) {
    if (this.selected.active) button.setAttribute("aria-pressed", String(this.selected.has(id)));
    else button.removeAttribute("aria-pressed");
  }

  /**
   * Show that a picture is a favourite, or is none.
   *
   * @param {number} id
   * @param {boolean} on
   */
  showFavourite(id, on) {
    const cell = this.cells.get(id);
    if (cell) cell.favourite = on;
    for (const [number, { button }] of this.#places) if (this.ids[number] === id) heart(button, on);
  }

  /**
   * Show the rating of a picture.
   *
   * @param {number} id
   * @param {number | null} stars
   */
  showRating(id, stars) {
    const cell = this.cells.get(id);
    if (cell) cell.stars = stars;
    for (const [number, { button }] of this.#places) if (this.ids[number] === id) badge(button, stars);
  }

  /**
   * Give a picture the focus, and scroll it into sight.
   *
   * @param {number} number
   */
  focus(number) {
    const target = Math.max(0, Math.min(this.ids.length - 1, number));
    this.focused = target;
    const step = this.#side + GAP;
    const y = this.root.getBoundingClientRect().top + Math.floor(target / this.#columns) * step;
    const head = $(".top").offsetHeight + 8;
    const foot = innerHeight - 8 - (find("#selection")?.offsetHeight ?? 0);
    if (y < head) scrollBy(0, y - head);
    else if (y + step > foot) scrollBy(0, y + step - foot);
    this.#draw();
    for (const [other, { button }] of this.#places) button.tabIndex = other === target ? 0 : -1;
    this.#places.get(target)?.button.focus({ preventScroll: true });
  }

  /**
   * @param {KeyboardEvent} event
   * @param {number} number of the picture that has the focus.
   */
  #onKey(event, number) {
    if (hasModifier(event)) return;
    /** @type {Record<string, number>} */
    const moves = {
      ArrowRight: 1,
      ArrowLeft: -1,
      ArrowDown: this.#columns,
      ArrowUp: -this.#columns,
      Home: -number,
      End: this.ids.length,
      PageDown: this.#columns * 4,
      PageUp: -this.#columns * 4,
    };
    if (event.key in moves) {
      this.focus(number + moves[event.key]);
      if (event.shiftKey) this.selected.extend(this.ids, this.focused, number);
    } else if (event.key === " ") this.selected.toggle(this.ids, number);
    else if (!this.act(this.ids[number], event.key)) return;
    event.preventDefault();
  }
}

/**
 * Call a function with the number of the picture that an event belongs to, if there is one.
 *
 * @param {Event} event
 * @param {(number: number) => void} act
 */
function withNumber(event, act) {
  const node = around(event, "[data-number]");
  if (node) act(Number(node.dataset.number));
}

/**
 * The mark of a picture's score; none without one.
 *
 * @param {Cell} cell
 * @param {boolean} points true if scores are points, 0 to 100.
 */
function score(cell, points) {
  if (cell.percentile === null || cell.score === null) return [];
  const title = `better than ${Math.min(99, Math.round(cell.percentile))} % of the pictures`;
  return [el("span", { className: "score-mark num", textContent: scoreText(cell.score, points), title })];
}

/**
 * The mark of a stack, with the number of its pictures; none for a picture that is in no stack.
 *
 * @param {number[] | undefined} stack ids.
 */
function height(stack) {
  if (!stack) return [];
  const textContent = counted(stack.length);
  return [el("span", { className: "badge-stack num", textContent })];
}
