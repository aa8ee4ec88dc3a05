// Values that a page remembers when it is left, for its reload or return.

/**
 * The value that this page had when it was left, if it was reloaded or returned to; and remember the next one.
 *
 * @param {string} name of the value.
 * @param {() => string} value called when the page is left.
 * @returns {string} empty without a value.
 */
export function whenLeft(name, value) {
  const key = () => `soart ${name} ${location.pathname}${location.search}`;
  const [navigation] = /** @type {PerformanceNavigationTiming[]} */ (performance.getEntriesByType("navigation"));
  try {
    const stored = navigation && navigation.type !== "navigate" ? sessionStorage.getItem(key()) : null;
    addEventListener("pagehide", () => sessionStorage.setItem(key(), value()));
    return stored ?? "";
  } catch {
    // A browser that refuses to store anything starts anew.
    return "";
  }
}
