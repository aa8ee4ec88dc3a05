// A form that is sent before the page's modules have loaded waits for them: a browser would leave the page with it.
// A classic script, which runs before the page is seen.

{
  /** @type {SubmitEvent | null} The latest of such submissions. */
  let early = null;

  /** @param {SubmitEvent} event */
  const hold = (event) => {
    event.preventDefault();
    early = event;
  };
  addEventListener("submit", hold, true);
  // Modules run before this event.
  addEventListener("DOMContentLoaded", () => {
    removeEventListener("submit", hold, true);
    if (early?.target instanceof HTMLFormElement) early.target.requestSubmit(early.submitter);
  });
}
