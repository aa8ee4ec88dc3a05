// Stars for pictures in the cell of a notebook: clicks, touch and keys.

const HIGHEST = 5;
const NOT_FOR_ME = 0;
/** Milliseconds after which a kernel that has not answered is said to be silent. */
const PATIENCE = 4000;

/**
 * An element with a class and a text.
 *
 * @param {string} tag
 * @param {string} name
 * @param {string} text
 */
function make(tag, name, text = "") {
  const node = document.createElement(tag);
  node.className = `soart-${name}`;
  node.textContent = text;
  return node;
}

/** @param {{ model: any, el: HTMLElement }} cell */
function render({ model, el }) {
  const root = make("div", "rating");
  root.tabIndex = 0;
  const picture = /** @type {HTMLImageElement} */ (make("img", "large"));
  const stars = make("div", "stars");
  const strip = make("div", "strip");
  const progress = make("div", "progress");
  const silence = make("div", "silence");
  silence.setAttribute("role", "alert");
  root.append(picture, stars, progress, silence, strip);
  el.append(root);
  let at = 0;
  let waiting = 0;

  const sources = () => /** @type {string[]} */ (model.get("pictures"));
  const ratings = () => /** @type {Record<string, number>} */ (model.get("stars"));

  /** @param {number} place */
  function go(place) {
    at = Math.min(Math.max(place, 0), sources().length - 1);
    show();
  }

  /** @param {number | null} value */
  function rate(value) {
    const changed = { ...ratings() };
    if (value === null) delete changed[String(at)];
    else changed[String(at)] = value;
    model.set("stars", changed);
    model.save_changes();
    clearTimeout(waiting);
    waiting = setTimeout(listen, PATIENCE);
    if (value === null) show();
    else go(at + 1);
  }

  function listen() {
    const [given, received] = [ratings(), /** @type {Record<string, number>} */ (model.get("received"))];
    const numbers = Object.keys({ ...given, ...received });
    const heard = numbers.every((number) => given[number] === received[number]);
    silence.textContent = heard
      ? ""
      : model.get("trouble") || "The kernel is busy or has ended, so the last stars are not kept yet: run the cell again if it has ended.";
  }

  function show() {
    const count = sources().length;
    const given = ratings()[String(at)];
    if (count) picture.src = sources()[at];
    picture.alt = count ? `picture ${at + 1} of ${count}` : "no picture";
    const buttons = [...Array(HIGHEST).keys()].map((index) => {
      const star = make("button", "star", "★");
      star.setAttribute("aria-label", `${index + 1} of ${HIGHEST} stars`);
      star.setAttribute("aria-pressed", String(given !== undefined && given > index));
      star.onclick = () => rate(index + 1);
      return star;
    });
    const not = make("button", "not", "not for me");
    not.setAttribute("aria-pressed", String(given === NOT_FOR_ME));
    not.onclick = () => rate(NOT_FOR_ME);
    stars.replaceChildren(...buttons, not);
    progress.textContent = `${Object.keys(ratings()).length} of ${count} rated`;
    [...strip.children].forEach((thumb, place) => {
      thumb.toggleAttribute("data-rated", String(place) in ratings());
      thumb.toggleAttribute("data-here", place === at);
    });
  }

  function fill() {
    strip.replaceChildren(
      ...sources().map((source, place) => {
        const thumb = make("button", "thumb");
        const image = /** @type {HTMLImageElement} */ (make("img", "small"));
        image.src = source;
        image.alt = `picture ${place + 1}`;
        thumb.append(image);
        thumb.onclick = () => go(place);
        return thumb;
      }),
    );
    go(at);
  }

  root.onkeydown = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (/^[1-5]$/.test(event.key)) rate(Number(event.key));
    else if (event.key === "n") rate(NOT_FOR_ME);
    else if (event.key === "0") rate(null);
    else if (event.key === "ArrowRight") go(at + 1);
    else if (event.key === "ArrowLeft") go(at - 1);
    else return;
    // The notebook has commands on the same keys.
    event.preventDefault();
    event.stopPropagation();
  };
  let touched = 0;
  picture.ontouchstart = (event) => (touched = event.changedTouches[0].clientX);
  picture.ontouchend = (event) => {
    const moved = event.changedTouches[0].clientX - touched;
    if (Math.abs(moved) > 40) go(at + (moved < 0 ? 1 : -1));
  };
  model.on("change:stars", show);
  model.on("change:pictures", fill);
  model.on("change:received change:trouble", listen);
  fill();
  return () => {
    clearTimeout(waiting);
    model.off("change:received change:trouble", listen);
    model.off("change:stars", show);
    model.off("change:pictures", fill);
  };
}

export default { render };
