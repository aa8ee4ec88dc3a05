// Dates and times in the time zone of the browser; the server writes them in its own.

/**
 * A time in the zone of the browser.
 *
 * @param {string} form such as `YYYY-MM-DD hh:mm`
 * @param {Date} time
 */
function written(form, time) {
  /** @type {Record<string, number>} */
  const parts = {
    YYYY: time.getFullYear(),
    MM: time.getMonth() + 1,
    DD: time.getDate(),
    hh: time.getHours(),
    mm: time.getMinutes(),
  };
  return form.replace(/YYYY|MM|DD|hh|mm/g, (part) => String(parts[part]).padStart(part.length, "0"));
}

/**
 * Write the times of a part of the page anew.
 *
 * @param {ParentNode} root
 */
export function showLocalTimes(root) {
  for (const node of /** @type {NodeListOf<HTMLTimeElement>} */ (root.querySelectorAll("time[data-form]"))) {
    node.textContent = written(node.dataset.form ?? "", new Date(node.dateTime));
  }
}
