import { $, send } from "./base.js";

$("#login").addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    await send("/login", { password: new FormData(event.target).get("password") });
    location.assign("/");
  } catch (error) {
    $(".error", event.target).textContent = error.message;
  }
});
