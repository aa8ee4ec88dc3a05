// Zoom and pan of the picture in the viewer, by keys, wheel, mouse and fingers; a swipe turns to the next picture.

/** @typedef {{ x: number, y: number }} Point in CSS pixels, from the centre of the stage. */

/** Largest zoom: screen pixels a side for one pixel of the picture. */
const MOST = 8;
/** Pixels that a finger must move to turn to another picture. */
const SWIPE = 60;

export class Zoom {
  /** Size of the picture in its pixels. */
  #width = 1;
  #height = 1;
  /** Factor on the size at which the whole picture fits. */
  #factor = 1;
  /** @type {Point} The picture's centre. */
  #offset = { x: 0, y: 0 };
  /** @type {Map<number, Point>} Fingers, or the mouse while its button is down, by pointer id. */
  #pointers = new Map();
  /** @type {Point | null} Where a single finger came down; null once there were two. */
  #start = null;

  /**
   * @param {HTMLElement} stage
   * @param {HTMLImageElement} image fills the stage with `object-fit: contain`.
   * @param {object} actions
   * @param {(step: number) => void} actions.turn turns to the next picture (1) or the previous one (-1).
   * @param {(percent: number | null) => void} actions.show called after every change: 100 for one screen pixel for each
   *   pixel of the picture; null while the whole picture fits.
   */
  constructor(stage, image, { turn, show }) {
    this.stage = stage;
    this.image = image;
    this.turn = turn;
    this.show = show;
    stage.addEventListener("wheel", (event) => this.#onWheel(event), { passive: false });
    stage.addEventListener("dblclick", (event) => this.toggle(this.#pointOf(event)));
    stage.addEventListener("pointerdown", (event) => this.#onDown(event));
    stage.addEventListener("pointermove", (event) => this.#onMove(event));
    for (const kind of /** @type {const} */ (["pointerup", "pointercancel"]))
      stage.addEventListener(kind, (event) => this.#onUp(event));
    new ResizeObserver(() => this.#draw()).observe(stage);
  }

  /**
   * Show a whole picture.
   *
   * @param {number} width in its pixels.
   * @param {number} height
   */
  fit(width, height) {
    this.#width = width;
    this.#height = height;
    this.#pointers.clear();
    this.#set(1, { x: 0, y: 0 });
  }

  /** True while the picture is larger than it fits. */
  get zoomed() {
    return this.#factor > 1.001;
  }

  /** CSS pixels for one pixel of the picture, while it fits. */
  get #fitted() {
    return Math.min(this.image.clientWidth / this.#width, this.image.clientHeight / this.#height) || 1;
  }

  /** Screen pixels for one pixel of the picture, while it fits. */
  get #resolution() {
    return this.#fitted * devicePixelRatio;
  }

  /**
   * Change between the whole picture and 100 %.
   *
   * @param {Point} [at] stays where it is.
   */
  toggle(at) {
    if (this.zoomed) this.#set(1, { x: 0, y: 0 });
    // A small picture is enlarged to fit already: go on to twice that.
    else this.by(Math.max(2, 1 / this.#resolution), at);
  }

  /**
   * Zoom in or out.
   *
   * @param {number} change factor.
   * @param {Point} [at] stays where it is.
   */
  by(change, at = { x: 0, y: 0 }) {
    const most = Math.max(2, MOST / this.#resolution);
    const factor = Math.min(most, Math.max(1, this.#factor * change));
    const ratio = factor / this.#factor;
    const { x, y } = this.#offset;
    this.#set(factor, { x: at.x - (at.x - x) * ratio, y: at.y - (at.y - y) * ratio });
  }

  /**
   * Move the picture.
   *
   * @param {number} x CSS pixels.
   * @param {number} y
   */
  pan(x, y) {
    this.#set(this.#factor, { x: this.#offset.x + x, y: this.#offset.y + y });
  }

  /**
   * @param {number} factor
   * @param {Point} offset
   */
  #set(factor, offset) {
    const { clientWidth, clientHeight } = this.image;
    /** @type {(value: number, size: number, room: number) => number} */
    const within = (value, size, room) => {
      const most = Math.max(0, (size * this.#fitted * factor - room) / 2);
      return Math.min(most, Math.max(-most, value));
    };
    this.#factor = factor;
    this.#offset = { x: within(offset.x, this.#width, clientWidth), y: within(offset.y, this.#height, clientHeight) };
    this.#draw();
  }

  #draw() {
    const { x, y } = this.#offset;
    this.image.style.transform = this.zoomed ? `translate(${x}px, ${y}px) scale(${this.#factor})` : "";
    this.stage.classList.toggle("zoomed", this.zoomed);
    this.show(this.zoomed ? Math.round(100 * this.#factor * this.#resolution) : null);
  }

  /** @param {MouseEvent} event */
  #pointOf(event) {
    const { left, top, width, height } = this.stage.getBoundingClientRect();
    return { x: event.clientX - left - width / 2, y: event.clientY - top - height / 2 };
  }

  /** @param {WheelEvent} event */
  #onWheel(event) {
    event.preventDefault();
    this.by(Math.exp(-Math.max(-60, Math.min(60, event.deltaY)) / 150), this.#pointOf(event));
  }

  /** @param {PointerEvent} event */
  #onDown(event) {
    if (event.pointerType === "mouse" && event.button !== 0) return;
    this.#pointers.set(event.pointerId, this.#pointOf(event));
    this.stage.setPointerCapture(event.pointerId);
    this.#start = this.#pointers.size === 1 ? this.#pointOf(event) : null;
  }

  /** @param {PointerEvent} event */
  #onMove(event) {
    const before = this.#pointers.get(event.pointerId);
    if (!before) return;
    const now = this.#pointOf(event);
    const others = [...this.#pointers].filter(([id]) => id !== event.pointerId).map(([, point]) => point);
    this.#pointers.set(event.pointerId, now);
    if (others.length) {
      const [other] = others;
      const middle = { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 };
      this.by(distance(now, other) / (distance(before, other) || 1), middle);
      this.pan((now.x - before.x) / 2, (now.y - before.y) / 2);
    } else if (this.zoomed) this.pan(now.x - before.x, now.y - before.y);
  }

  /** @param {PointerEvent} event */
  #onUp(event) {
    if (!this.#pointers.delete(event.pointerId)) return;
    const [start, end] = [this.#start, this.#pointOf(event)];
    this.#start = null;
    if (!start || this.zoomed || event.type !== "pointerup" || event.pointerType === "mouse") return;
    const [x, y] = [end.x - start.x, end.y - start.y];
    if (Math.abs(x) > SWIPE && Math.abs(x) > 1.5 * Math.abs(y)) this.turn(x < 0 ? 1 : -1);
  }
}

/**
 * @param {Point} first
 * @param {Point} second
 */
const distance = (first, second) => Math.hypot(first.x - second.x, first.y - second.y);
