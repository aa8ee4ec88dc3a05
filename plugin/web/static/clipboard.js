// Copying texts.

import { el } from "./dom.js";
import { toast } from "./toasts.js";

/**
 * Copy a text, and say so.
 *
 * @param {string} text
 */
export async function copyText(text) {
  try {
    // Browsers offer the clipboard only on this machine and over TLS.
    if (navigator.clipboard) await navigator.clipboard.writeText(text);
    else copyBySelection(text);
    toast("Copied.", { key: "copy" });
  } catch {
    toast("The browser does not allow this page to copy: select the text instead.", { key: "copy", bad: true });
  }
}

/**
 * @param {string} text
 * @throws {Error} the browser refuses.
 */
function copyBySelection(text) {
  // An open dialog takes the focus from everything outside.
  const room = document.querySelector("dialog[open]") ?? document.body;
  const field = el("textarea", { value: text, className: "sr" });
  const before = document.activeElement;
  room.append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  if (before instanceof HTMLElement) before.focus();
  if (!done) throw new Error("The browser refuses to copy.");
}
