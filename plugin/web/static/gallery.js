import { $, address, complain, get, onJob, post, say, starsOf, watchJobs } from "./base.js";
import { Grid } from "./grid.js";
import { open } from "./viewer.js";

const form = $("#filter");
const grid = new Grid($("#grid"), {
  open: (number) => open(grid.ids, number, { by: form.profile.value, onSay: (id, stars) => grid.said(id, stars) }),
  rate: (id, key) => {
    const stars = starsOf(key);
    if (stars === null || !grid.cells.has(id)) return false;
    const value = grid.cells.get(id).stars === stars ? null : stars;
    grid.said(id, value);
    say("/api/rate", { image: id, stars: value });
    return true;
  },
});

let running = null;
async function load() {
  running?.abort();
  running = new AbortController();
  const values = Object.fromEntries(new FormData(form));
  const asked = address(values);
  history.replaceState(null, "", `?${asked}`);
  try {
    const { ids } = await get(`/api/ids?${asked}`, { signal: running.signal });
    $("#count").textContent = ids.length === 1 ? "1 picture" : `${ids.length.toLocaleString()} pictures`;
    $("#empty").hidden = ids.length > 0;
    grid.show(ids, values.profile);
  } catch (error) {
    if (error.status !== 400) return complain(error);
    // Such as percentiles from 90 to 9, while 95 is typed: said where the number stands.
    grid.show([], values.profile);
    $("#empty").hidden = true;
    $("#count").textContent = error.message;
  }
}

let typing = 0;
form.addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(load, 200);
});
form.addEventListener("submit", (event) => event.preventDefault());
$("#more").onclick = ({ target }) => {
  const box = $("#filters");
  box.hidden = !box.hidden;
  target.setAttribute("aria-expanded", String(!box.hidden));
};
function clear() {
  for (const name of ["words", "low", "high", "since", "until"]) form[name].value = "";
  form.rated.value = form.damage.value = "";
  form.sort.value = "date";
  form.up.checked = false;
  load();
}
$("#clear").onclick = clear;
$("#all")?.addEventListener("click", clear);
$("#score").onclick = () => post("/api/score", { profile: form.profile.value }).then(watchJobs, complain);
onJob("score:", () => load());
if (
  ["low", "high", "rated", "damage", "since", "until", "up"].some((name) =>
    new URLSearchParams(location.search).get(name),
  )
)
  $("#more").click();
addEventListener("keydown", (event) => {
  if (event.target === document.body && ["ArrowDown", "ArrowRight"].includes(event.key) && grid.ids.length) {
    event.preventDefault();
    grid.focus(grid.focused);
  }
});
load();
