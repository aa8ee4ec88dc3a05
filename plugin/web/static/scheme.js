// Light or dark: applied before the page is seen, and changed by a button in its head. A classic script for that reason.

{
  const KEY = "soart scheme";
  const root = document.documentElement;
  /** @type {Record<string, string>} The scheme that a press brings, by the present one; the empty one is the system's. */
  const NEXT = { "": "light", light: "dark", dark: "" };

  /** @param {string} scheme */
  const apply = (scheme) => {
    if (scheme) root.dataset.scheme = scheme;
    else delete root.dataset.scheme;
  };
  const label = () => {
    const button = /** @type {HTMLElement | null} */ (document.querySelector("#scheme"));
    if (button) button.ariaLabel = button.dataset[root.dataset.scheme ?? "system"] ?? "";
  };
  try {
    const stored = localStorage.getItem(KEY) ?? "";
    if (stored in NEXT) apply(stored);
  } catch {
    // A browser that stores nothing follows the system.
  }
  addEventListener("DOMContentLoaded", () => {
    label();
    document.querySelector("#scheme")?.addEventListener("click", () => {
      apply(NEXT[root.dataset.scheme ?? ""]);
      label();
      try {
        localStorage.setItem(KEY, root.dataset.scheme ?? "");
      } catch {
        // Then the choice lasts as long as the page.
      }
    });
  });
}
