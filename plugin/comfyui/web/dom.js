// Builds elements of the panels. Everything is set as text, never as HTML.

/**
 * An element with a class and children; strings become text.
 *
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {string} name its class, without the prefix of the pack.
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function el(tag, name, ...children) {
  const node = document.createElement(tag);
  if (name) node.className = `soart-${name}`;
  node.append(...children);
  return node;
}

/**
 * A button.
 *
 * @param {string} name class.
 * @param {string} text
 * @param {string} title tooltip, and name for screen readers.
 * @param {() => void} onclick
 */
export function button(name, text, title, onclick) {
  const node = el("button", name, text);
  Object.assign(node, { type: "button", title, onclick });
  node.setAttribute("aria-label", title);
  return node;
}

/**
 * An SVG element with attributes and children.
 *
 * @param {string} tag
 * @param {Record<string, string | number>} attributes
 * @param {...(Node | string)} children
 */
export function svg(tag, attributes, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
  node.append(...children);
  return node;
}
