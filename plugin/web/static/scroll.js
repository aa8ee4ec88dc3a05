// Keeps the scroll position of a page whose content arrives after it has loaded.

/**
 * Return to where the page was before it was reloaded or left, now that its content is there.
 *
 * @param {string} view name of the view.
 */
export function restoreScroll(view) {
  const key = `soart scroll ${view} ${location.pathname}${location.search}`;
  const [navigation] = /** @type {PerformanceNavigationTiming[]} */ (performance.getEntriesByType("navigation"));
  try {
    if (navigation && navigation.type !== "navigate") scrollTo(0, Number(sessionStorage.getItem(key)));
    addEventListener("pagehide", () => {
      const left = `soart scroll ${view} ${location.pathname}${location.search}`;
      sessionStorage.setItem(left, String(Math.round(scrollY)));
    });
  } catch {
    // A browser that refuses to store anything starts at the top.
  }
}
