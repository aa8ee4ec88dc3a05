// The pictures that are selected in a grid.

export class Selected {
  /** @type {Set<number>} Ids. */
  #ids = new Set();
  /** Number of the picture from which a range begins. */
  #anchor = 0;
  #choosing = false;
  /** @type {(id: number) => number[]} Ids that are selected with a picture: those of its stack. */
  members = (id) => [id];
  /** @type {(() => void)[]} */
  #handlers = [];

  /** @param {() => void} handler called after every change. */
  onChange(handler) {
    this.#handlers.push(handler);
  }

  #changed() {
    this.#handlers.forEach((handler) => handler());
  }

  /** Ids in the order of their selection. */
  get ids() {
    return [...this.#ids];
  }

  /** True while a click selects: pictures are selected, or the button was pressed. */
  get active() {
    return this.#choosing || this.#ids.size > 0;
  }

  /**
   * True if a picture, with all of its stack, is selected.
   *
   * @param {number} id
   */
  has(id) {
    return this.members(id).every((member) => this.#ids.has(member));
  }

  /**
   * Select by a click, if it is meant so: one with Ctrl or Meta toggles, one with Shift selects a range, and a plain one
   * toggles while selecting is on.
   *
   * @param {number[]} list ids of all pictures, in order.
   * @param {number} number of the picture in that order.
   * @param {Event} event
   * @returns {boolean} false if the click means something else.
   */
  click(list, number, event) {
    if (!(event instanceof MouseEvent)) return false;
    if (event.shiftKey) this.extend(list, number);
    // Enter clicks too, and always opens.
    else if (event.ctrlKey || event.metaKey || (this.active && event.detail > 0)) this.toggle(list, number);
    else return false;
    return true;
  }

  /**
   * @param {number[]} list ids of all pictures, in order.
   * @param {number} number of the picture in that order.
   */
  toggle(list, number) {
    this.#anchor = number;
    const on = !this.has(list[number]);
    for (const id of this.members(list[number])) {
      if (on) this.#ids.add(id);
      else this.#ids.delete(id);
    }
    this.#changed();
  }

  /**
   * Select all pictures from the one that was selected last to another one.
   *
   * @param {number[]} list ids of all pictures, in order.
   * @param {number} number of that other one.
   * @param {number} [from] number of the picture to begin with, if none is selected.
   */
  extend(list, number, from = number) {
    if (!this.#ids.size) this.#anchor = from;
    const [first, last] = [Math.min(this.#anchor, number), Math.max(this.#anchor, number)];
    list.slice(first, last + 1).flatMap((id) => this.members(id)).forEach((id) => this.#ids.add(id));
    this.#changed();
  }

  /**
   * Select these pictures and no other.
   *
   * @param {number[]} list ids.
   */
  set(list) {
    this.#ids = new Set(list.flatMap((id) => this.members(id)));
    this.#anchor = 0;
    this.#changed();
  }

  /**
   * Give up the pictures that are not in a list.
   *
   * @param {number[]} list ids.
   */
  keep(list) {
    const there = new Set(list.flatMap((id) => this.members(id)));
    const kept = this.ids.filter((id) => there.has(id));
    if (kept.length === this.#ids.size) return;
    this.#ids = new Set(kept);
    this.#anchor = 0;
    this.#changed();
  }

  /**
   * Let clicks select, or end the selection.
   *
   * @param {boolean} on
   */
  choose(on) {
    this.#choosing = on;
    if (!on) this.#ids.clear();
    this.#changed();
  }
}
