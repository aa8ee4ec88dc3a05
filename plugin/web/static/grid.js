// A grid of any number of pictures: only those in sight are in the page.

import { badge, el, get, image } from "./base.js";

const GAP = 6;
const WINDOW = 200;

export class Grid {
  /** `open(number)` and `rate(id, key)` are told of clicks and keys. */
  constructor(root, { open, rate }) {
    Object.assign(this, {
      root,
      open,
      rate,
      ids: [],
      cells: new Map(),
      wanted: new Set(),
      nodes: new Map(),
      profile: "",
      focused: 0,
    });
    this.inner = el("div", { className: "inner" });
    root.append(this.inner);
    addEventListener("scroll", () => this.soon(), { passive: true });
    new ResizeObserver(() => this.measure()).observe(root);
    root.addEventListener("click", (event) => this.at(event, (number) => open(number)));
    root.addEventListener("keydown", (event) => this.at(event, (number) => this.key(event, number)));
    root.addEventListener("focusin", (event) => this.at(event, (number) => (this.focused = number)));
  }

  at(event, act) {
    const node = event.target.closest("[data-number]");
    if (node) act(Number(node.dataset.number));
  }

  show(ids, profile) {
    Object.assign(this, { ids, profile, cells: new Map(), focused: 0 });
    for (const node of this.nodes.values()) node.remove();
    this.nodes.clear();
    this.measure();
  }

  measure() {
    const width = this.root.clientWidth;
    const size = width < 500 ? 112 : 178;
    this.columns = Math.max(3, Math.floor((width + GAP) / (size + GAP)));
    this.side = (width - GAP * (this.columns - 1)) / this.columns;
    this.inner.style.height = `${Math.ceil(this.ids.length / this.columns) * (this.side + GAP)}px`;
    for (const [number, node] of this.nodes) this.put(node, number);
    this.soon();
  }

  soon() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.draw();
    });
  }

  draw() {
    const step = this.side + GAP;
    const top = -this.root.getBoundingClientRect().top;
    const first = Math.max(0, Math.floor(top / step) - 2) * this.columns;
    const last = Math.min(this.ids.length, (Math.ceil((top + innerHeight) / step) + 2) * this.columns);
    for (const [number, node] of this.nodes)
      if ((number < first || number >= last) && node !== document.activeElement) {
        // What was scrolled past must not stand in line before what is in sight.
        const image = node.querySelector("img");
        if (image && !image.complete) image.removeAttribute("src");
        node.remove();
        this.nodes.delete(number);
      }
    for (let number = first; number < last; number++) if (!this.nodes.has(number)) this.make(number);
    const missing = this.ids.slice(first, last).filter((id) => !this.cells.has(id) && !this.wanted.has(id));
    if (missing.length) this.fetch(missing.slice(0, WINDOW));
  }

  async fetch(ids) {
    ids.forEach((id) => this.wanted.add(id));
    const profile = this.profile;
    try {
      const found = await get(`/api/cells?ids=${ids.join(",")}&profile=${encodeURIComponent(profile)}`);
      if (profile === this.profile) found.cells.forEach((cell) => this.cells.set(cell.id, cell));
    } catch {
      setTimeout(() => this.soon(), 2000);
    }
    ids.forEach((id) => this.wanted.delete(id));
    for (const [number, node] of this.nodes) if (!node.dataset.full) this.fill(node, number);
    this.soon();
  }

  make(number) {
    const button = el("button", { className: "cell", tabIndex: number === this.focused ? 0 : -1 });
    const node = el("div", { className: "place", role: "listitem", dataset: { number } }, button);
    node.ariaSetSize = String(this.ids.length);
    node.ariaPosInSet = String(number + 1);
    this.put(node, number);
    this.fill(node, number);
    this.nodes.set(number, node);
    this.inner.append(node);
  }

  put(node, number) {
    const step = this.side + GAP;
    const [x, y] = [(number % this.columns) * step, Math.floor(number / this.columns) * step];
    node.style.transform = `translate(${x}px, ${y}px)`;
    node.style.width = node.style.height = `${this.side}px`;
  }

  fill(node, number) {
    const cell = this.cells.get(this.ids[number]);
    if (!cell) return;
    node.dataset.full = "1";
    const button = node.firstChild;
    const score =
      cell.percentile === null
        ? null
        : el("span", {
            className: "percent num",
            textContent: `${Math.round(cell.percentile)} %`,
            title: `better than ${Math.round(cell.percentile)} % (score ${cell.score.toFixed(1)})`,
          });
    button.replaceChildren(image(cell), ...[score].filter(Boolean));
    button.title = cell.title;
    if (cell.problem) button.classList.add("problem");
    badge(button, cell.stars);
  }

  /** Show what was said of a picture. */
  said(id, stars) {
    const cell = this.cells.get(id);
    if (cell) cell.stars = stars;
    for (const node of this.nodes.values()) if (this.ids[node.dataset.number] === id) badge(node.firstChild, stars);
  }

  focus(number) {
    const target = Math.max(0, Math.min(this.ids.length - 1, number));
    this.focused = target;
    const step = this.side + GAP;
    const y = this.root.getBoundingClientRect().top + Math.floor(target / this.columns) * step;
    const head = document.querySelector(".top").offsetHeight + 8;
    if (y < head) scrollBy(0, y - head);
    else if (y + step > innerHeight - 8) scrollBy(0, y + step - innerHeight + 8);
    this.draw();
    for (const [own, node] of this.nodes) node.firstChild.tabIndex = own === target ? 0 : -1;
    this.nodes.get(target)?.firstChild.focus({ preventScroll: true });
  }

  key(event, number) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const moves = {
      ArrowRight: 1,
      ArrowLeft: -1,
      ArrowDown: this.columns,
      ArrowUp: -this.columns,
      Home: -number,
      End: this.ids.length,
      PageDown: this.columns * 4,
      PageUp: -this.columns * 4,
    };
    if (event.key in moves) this.focus(number + moves[event.key]);
    else if (!this.rate(this.ids[number], event.key)) return;
    event.preventDefault();
  }
}
