// Numbers as short texts.

/**
 * A duration in the unit that suits it: `45 s`, `12 min`, `1.5 h`.
 *
 * @param {number} seconds
 */
export function duration(seconds) {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${decimal(seconds / 3600, 1)} h`;
}

/**
 * A number in English, with a real minus sign.
 *
 * @param {number} value
 * @param {Intl.NumberFormatOptions} options
 */
const written = (value, options) => value.toLocaleString("en", options).replace("-", "−");

/**
 * A number with commas between thousands.
 *
 * @param {number} value
 * @param {number} [decimals] digits after the point.
 */
export const decimal = (value, decimals = 0) =>
  written(value, { minimumFractionDigits: decimals, maximumFractionDigits: decimals });

/**
 * A number with up to three significant digits.
 *
 * @param {number} value
 */
export const figure = (value) => written(value, { maximumSignificantDigits: 3 });

/**
 * A number with its noun: `1 picture`, `3 pictures`.
 *
 * @param {number} count
 * @param {string} [noun]
 */
export const counted = (count, noun = "picture") => `${decimal(count)} ${noun}${count === 1 ? "" : "s"}`;
