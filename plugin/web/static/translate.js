// Texts of the scripts in the language of the page, and its numbers.

/**
 * @typedef {object} Catalogue of a language, from `texts/LANGUAGE.js`; English needs none.
 * @property {number[]} plurals number of the form for 0, 1, 2 … 199; larger numbers repeat the last hundred.
 * @property {Record<string, string | string[]>} texts by the English one; several forms for texts with a number.
 */

/** @type {Catalogue} */
const { plurals, texts } = /** @type {any} */ (globalThis).soartTexts ?? { plurals: [], texts: {} };
/** Code of the page's language. */
export const language = document.documentElement.lang || "en";

/** @typedef {Record<string, string | number>} Values by the names of their places. */

/**
 * Put values into a text: `%(name)s` stands for a value, `%%` for a percent sign.
 *
 * @param {string} text
 * @param {Values} values
 */
const fill = (text, values) =>
  text.replace(/%(?:%|\((\w+)\)s)/g, (_place, name) => (name ? String(values[name] ?? "") : "%"));

/**
 * The translation of a text; the English one without a translation.
 *
 * @param {string} text
 * @param {Values} [values]
 */
export const _ = (text, values = {}) => fill(String(texts[text] ?? text), values);

/**
 * The translation of a text with a number, in the form that the number asks for; `%(count)s` is the number.
 *
 * @param {string} singular
 * @param {string} plural
 * @param {number} count
 * @param {Values} [values]
 */
export function ngettext(singular, plural, count, values = {}) {
  const forms = texts[singular] ?? [singular, plural];
  const form = plurals[count < 200 ? count : 100 + (count % 100)] ?? Number(count !== 1);
  return fill(forms[form], { count, ...values });
}

/**
 * A number as the language writes it, with a real minus sign.
 *
 * @param {number} value
 * @param {Intl.NumberFormatOptions} options
 */
const written = (value, options) => value.toLocaleString(language, options).replace("-", "−");

/**
 * A number with the separators of the language.
 *
 * @param {number} value
 * @param {number} [decimals] digits after the decimal sign.
 */
export const decimal = (value, decimals = 0) =>
  written(value, { minimumFractionDigits: decimals, maximumFractionDigits: decimals });

/**
 * A number with up to three significant digits.
 *
 * @param {number} value
 */
export const figure = (value) => written(value, { maximumSignificantDigits: 3 });
