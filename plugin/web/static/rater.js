// The dialog that changes the rater's name, and the button that logs out.

import { $, find, formValues } from "./dom.js";
import { flush } from "./outbox.js";
import { postTo } from "./request.js";
import { showError } from "./toasts.js";

/** @type {HTMLDialogElement} */
const dialog = $("#who-dialog");
/** @type {HTMLFormElement} */
const form = $("form", dialog);

find("#who")?.addEventListener("click", () => dialog.showModal());
$("[data-close]", dialog).addEventListener("click", () => dialog.close());
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    // Ratings that wait belong to the present name.
    await flush();
    await postTo("/rater", formValues(form));
    location.reload();
  } catch (error) {
    $("#who-error").textContent = error.message;
  }
});
find("#leave")?.addEventListener("click", () => postTo("/logout").then(() => location.assign("/"), showError));
