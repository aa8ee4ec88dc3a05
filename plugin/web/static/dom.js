// Finding elements of the page, building new ones, and reading forms.

import { showLocalTimes } from "./times.js";

/**
 * First element that matches a selector.
 *
 * @template {Element} [E=HTMLElement]
 * @param {string} selector
 * @param {ParentNode} [root]
 * @returns {E}
 * @throws {Error} nothing matches; see `find` for elements that only some pages have.
 */
export function $(selector, root = document) {
  const node = /** @type {E | null} */ (root.querySelector(selector));
  if (!node) throw new Error(`This page has no element that matches ${selector}.`);
  return node;
}

/**
 * First element that matches a selector, or null.
 *
 * @param {string} selector
 * @param {ParentNode} [root]
 * @returns {HTMLElement | null}
 */
export const find = (selector, root = document) => root.querySelector(selector);

/**
 * All elements that match a selector.
 *
 * @param {string} selector
 * @param {ParentNode} [root]
 * @returns {HTMLElement[]}
 */
export const $$ = (selector, root = document) => [
  .../** @type {NodeListOf<HTMLElement>} */ (root.querySelectorAll(selector)),
];

/**
 * Closest element around an event's target that matches a selector, or null.
 *
 * @param {Event} event
 * @param {string} selector
 * @returns {HTMLElement | null}
 */
export const around = (event, selector) => (event.target instanceof Element ? event.target.closest(selector) : null);

/**
 * @template E
 * @typedef {Omit<Partial<E>, "dataset"> & { dataset?: Record<string, string | number> }} Properties of an element.
 */

/**
 * An element with properties and children; strings become text, never HTML.
 *
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Properties<HTMLElementTagNameMap[T]>} [properties]
 * @param {...(Node | string | null | undefined)} children null and undefined are left out.
 * @returns {HTMLElementTagNameMap[T]}
 */
export function el(tag, properties = /** @type {any} */ ({}), ...children) {
  const { dataset, ...rest } = properties;
  const node = Object.assign(document.createElement(tag), rest);
  Object.assign(node.dataset, dataset);
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/**
 * An SVG element with attributes.
 *
 * @param {string} tag
 * @param {Record<string, string | number>} attributes
 */
export function svg(tag, attributes) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
  return node;
}

/**
 * Replace an element's content by HTML that the server rendered: its templates escape every text.
 *
 * @param {Element} node
 * @param {string} html
 */
export function setServerHtml(node, html) {
  // eslint-disable-next-line no-restricted-properties -- the only place where HTML is set
  node.innerHTML = html;
  showLocalTimes(node);
}

/**
 * Values of a form's fields by name.
 *
 * @param {HTMLFormElement} form without file fields.
 */
export const formValues = (form) => /** @type {Record<string, string>} */ (Object.fromEntries(new FormData(form)));
