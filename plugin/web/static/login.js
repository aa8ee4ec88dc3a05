// Login page: the password.

import "./page.js";

import { $ } from "./dom.js";
import { postTo } from "./request.js";

/** @type {HTMLFormElement} */
const form = $("#login");
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    await postTo("/login", { password: new FormData(form).get("password") });
    location.assign("/");
  } catch (error) {
    $(".error", form).textContent = error.message;
  }
});
