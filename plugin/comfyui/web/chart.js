// The course of a closed loop: the mean and the best value of every run.
import { el, svg } from "./dom.js";

/**
 * @typedef {object} Run
 * @property {number} run its number, from 1.
 * @property {number} pictures
 * @property {number | null} mean
 * @property {number | null} best
 *
 * @typedef {object} Chart
 * @property {string} unit
 * @property {Run[]} runs
 */

const WIDTH = 320;
const HEIGHT = 110;
const LEFT = 34;
const BOTTOM = 16;
const MARGIN = 6;

/** The chart; nothing before the second run. @param {Chart} chart */
export function drawChart({ unit, runs }) {
  const judged = runs.filter(({ mean }) => mean !== null);
  if (judged.length < 2) return null;
  const values = judged.flatMap(({ mean, best }) => [Number(mean), Number(best)]);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const first = judged[0].run;
  const span = judged[judged.length - 1].run - first;
  /** @param {number} run */
  const x = (run) => LEFT + ((run - first) / span) * (WIDTH - LEFT - MARGIN);
  /** @param {number} value */
  const y = (value) => MARGIN + ((high - value) / (high - low || 1)) * (HEIGHT - BOTTOM - MARGIN);
  /** @param {"mean" | "best"} name */
  const line = (name) => {
    const points = judged.map((run) => `${x(run.run).toFixed(1)},${y(Number(run[name])).toFixed(1)}`).join(" ");
    return svg("polyline", { points, class: `soart-line-${name}` });
  };
  const dots = judged.map((run) => {
    const text = `run ${run.run}: mean ${run.mean}, best ${run.best} of ${run.pictures}`;
    return svg("circle", { cx: x(run.run), cy: y(Number(run.mean)), r: 2.5 }, svg("title", {}, text));
  });
  const ticks = [low, high].map((value) => svg("text", { x: LEFT - 4, y: y(value) + 3, "text-anchor": "end" }, value.toPrecision(3)));
  const ends = [judged[0], judged[judged.length - 1]];
  const numbers = ends.map(({ run }) => svg("text", { x: x(run), y: HEIGHT - 3, "text-anchor": "middle" }, String(run)));
  const drawing = svg(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `${unit} of ${judged.length} runs` },
    line("best"),
    line("mean"),
    ...dots,
    ...ticks,
    ...numbers,
  );
  return el("div", "chart", el("div", "score", `${unit} by run: mean (line with dots) and best`), drawing);
}
