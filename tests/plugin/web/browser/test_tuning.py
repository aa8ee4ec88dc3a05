"""Tuning in a real browser: headless Chromium, the real server, the embedded model."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from specimens.browsing import Held, press, stored
from specimens.waiting import until

from soart.pipelines.collection.collection import Collection
from soart.pipelines.services.tuning import READ, RUN

SPACE = """
template: a {palette} {subject}, {style}
slots:
  palette: [warm, cool, neon, pastel]
  subject: [boat, fox, owl, tree, castle, house]
  style: [flat, woodcut, ink sketch, watercolor, pixel art, pointillism]
  steps: ['2']
"""


def test_a_tune_arrives_live_is_narrowed_and_survives_a_reload(come, address, folder):
    page = come()
    page.goto(f"{address}/c/0/tune")
    page.fill("[name=text]", SPACE)
    page.fill("[name=budget]", "400")
    page.uncheck("[name=prune]")
    page.click("#start .primary")
    page.wait_for_selector("#live img")
    subject = "Tuning “a {palette} {subject}, {style}”, judged by overall score"
    assert page.inner_text("#subject") == subject
    page.wait_for_selector("#course .chart-mean-of-the-batch circle >> nth=1", state="attached")
    page.click("[data-ban='palette=warm']")
    page.wait_for_selector(".chip[data-ban='palette=warm']")
    arrived = page.locator("#live img").count()
    page.reload()
    page.wait_for_selector("#live img")
    page.wait_for_function("count => document.querySelectorAll('#live img').length > count + 16", arg=arrived)
    newest = page.eval_on_selector_all("#live .cell", "nodes => nodes.slice(0, 8).map((node) => node.title)")
    assert not any("warm" in title for title in newest)
    page.focus("#live .cell")
    page.keyboard.press("5")
    until(lambda: 5.0 in stored(folder).values())
    page.click("#pause")
    page.wait_for_selector("#state.paused")
    assert page.is_visible("#resume")


def test_a_tune_and_a_drawing_by_a_chosen_judge(package, come, address, folder):
    page = come()
    page.goto(f"{address}/c/0/tune")
    weight = ".weighted:has([value=redness]) .weight"
    assert page.is_hidden(weight)
    page.check("[name=by][value=redness]")
    page.fill(weight, "2.5")
    page.fill("[name=adherence]", "0.3")
    page.fill("[name=text]", SPACE)
    page.fill("[name=budget]", "2")
    with page.expect_request("**/api/tune/start") as started:
        page.click("#start .primary")
    body = started.value.post_data_json
    assert (body["by"], body["adherence"]) == ({"overall": 1, "redness": 2.5}, "0.3")
    page.wait_for_selector("#state.ended")
    page.goto(f"{address}/c/0/generate")
    # The judges of the tune, with their weights, until others are chosen.
    assert page.is_checked("[name=by][value=redness]")
    assert page.input_value(weight) == "2.5"
    page.uncheck("[name=by][value=overall]")
    page.fill("[name=prompt]", "a {red|blue} boat")
    page.fill("[name=count]", "3")
    page.fill("[name=steps]", "1")
    page.click("#draw .primary")
    page.wait_for_selector("#live[aria-label='Pictures, best first']")
    with Collection(folder) as collection:
        stored = collection.scores("judge:redness@1")
    shown = page.eval_on_selector_all("#live [data-id]", "nodes => nodes.map((node) => Number(node.dataset.id))")
    assert len(shown) == 3
    assert shown == sorted(shown, key=lambda image: -stored[image])
    assert page.inner_text("#legend") == "Scores by redness"
    lefts = page.eval_on_selector_all("#live .place", "nodes => nodes.map((node) => node.offsetLeft)")
    assert lefts == sorted({*lefts}), "pictures run along rows"


def test_a_tune_whose_pictures_do_not_arrive_says_so(come, address, folder):
    page = come()
    page.route("**/api/cells*", lambda route: route.abort())
    page.goto(f"{address}/c/0/tune")
    page.fill("[name=text]", SPACE)
    page.fill("[name=budget]", "8")
    page.check("[name=propose]")
    page.click("#start .primary")
    page.wait_for_selector(".toast.bad:has-text('does not answer')")
    page.unroute("**/api/cells*")
    page.wait_for_selector("#live img")
    page.wait_for_selector(".toast.bad", state="detached")
    page.wait_for_selector("#changes")


def test_the_step_of_the_present_picture_is_shown_and_it_can_be_given_up(come, address):
    page, sent = come(), []
    state = {
        "state": "running", "version": 1, "found": False, "reading": False, "done": 3, "budget": 60, "left": None, "doing": "step 7 of 20",
        "why": "", "exhausted": False, "subject": "a boat", "judges": ["overall score"], "points": True, "bans": [], "pins": [], "pictures": [],
    }  # fmt: skip

    def pause(route):
        sent.append(route.request.post_data_json)
        state["state"] = "pausing"
        route.fulfill(json=state)

    page.route("**/api/tune", lambda route: route.fulfill(json=state))
    page.route("**/api/tune/pause", pause)
    page.goto(f"{address}/c/0/tune")
    page.wait_for_selector("#numbers:has-text('3 of 60 pictures (step 7 of 20)')")
    assert not page.is_visible("#stop")
    for button in ("#pause", "#stop"):
        with page.expect_response("**/api/tune/pause"):
            page.click(button)
    assert [bool(body and body.get("now")) for body in sent] == [False, True]


@pytest.mark.slow
def test_findings_that_fail_are_fetched_again(come, address):
    page = come()
    page.route("**/tune/findings", lambda route: route.abort())
    page.goto(f"{address}/c/0/tune")
    page.fill("[name=text]", SPACE)
    page.fill("[name=budget]", "2")
    page.click("#start .primary")
    page.wait_for_selector("#state.ended")
    # The next question follows once the findings have failed.
    for _ in range(2):
        with page.expect_response("**/api/tune"):
            pass
    assert not page.query_selector("#findings .slot")
    page.unroute("**/tune/findings")
    page.wait_for_selector("#findings .slot")


def test_the_whole_name_of_a_banned_option_and_its_cross_are_shown(come, address):
    page = come()
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{address}/c/0/tune")
    long = "on a very quiet morning in the early spring of the year"
    page.fill("[name=text]", f"slots: {{subject: [boat, fox], when: [{long}, at noon], steps: ['2']}}")
    page.fill("[name=budget]", "2")
    page.click("#start .primary")
    page.wait_for_selector("#state.ended")
    page.click(f"[data-ban='when={long}']")
    page.wait_for_selector(f".chip[data-ban='when={long}']:has-text('✕')")
    cut = "chip => chip.scrollWidth > chip.clientWidth || chip.scrollHeight > chip.clientHeight"
    assert not page.eval_on_selector(".chip[data-ban]", cut)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.slow
def test_an_earlier_tune_is_opened_in_the_place_of_the_present_one(come, address):
    page = come()
    page.goto(f"{address}/c/0/tune")
    for text in ("a {fox|owl} in {snow|rain}", "a {boat|castle}"):
        page.wait_for_selector("#start", state="visible")
        assert page.is_hidden("#earlier")
        page.fill("[name=text]", text)
        page.fill("[name=budget]", "2")
        page.click("#start .primary")
        page.wait_for_selector("#state.ended >> visible=true")
        page.wait_for_selector(f"#subject:has-text('{text}')")
        page.click("#again")
    page.wait_for_selector("#earlier li:has-text('a {fox|owl} in {snow|rain}'):has-text('2 pictures')")
    assert page.locator("#earlier li").count() == 1
    page.click("#earlier button")
    page.wait_for_selector("#subject:has-text('a {fox|owl} in {snow|rain}')")
    assert page.is_hidden("#start")
    assert page.is_hidden("#earlier")
    page.wait_for_selector("#findings pre:has-text('fox'), #findings pre:has-text('owl')")
    assert page.locator("#live img").count() == 2
    page.reload()
    page.wait_for_selector("#subject:has-text('a {fox|owl} in {snow|rain}')")


def test_a_tune_that_has_begun_is_not_hidden_by_an_earlier_state(come, address):
    page = come()
    page.goto(f"{address}/c/0/tune")
    page.fill("[name=text]", SPACE)
    held = Held(page, "/api/tune$", answered=True)
    held.wait()
    page.fill("[name=budget]", "2")
    page.click("#start .primary")
    page.wait_for_selector("#run", state="visible")
    page.evaluate(
        """() => {
            const form = document.querySelector("#start");
            new MutationObserver(() => (window.shown ||= !form.hidden)).observe(form, { attributes: true });
        }"""
    )
    held.release()
    page.wait_for_selector("#state.ended")
    assert not page.evaluate("window.shown")


def test_a_drawing_that_has_begun_is_not_hidden_by_an_earlier_state(come, address):
    page = come()
    held = Held(page, "/api/generate$", answered=True)
    page.goto(f"{address}/c/0/generate")
    held.wait()
    page.fill("[name=prompt]", "a boat")
    page.fill("[name=count]", "1")
    page.fill("[name=steps]", "1")
    page.click("#draw .primary")
    page.wait_for_selector("#state:not(:empty)")
    page.evaluate(
        """() => {
            const state = document.querySelector("#state");
            new MutationObserver(() => (window.emptied ||= !state.textContent)).observe(state, { childList: true });
        }"""
    )
    held.release()
    page.wait_for_selector("#live img")
    assert not page.evaluate("window.emptied")


def start(folder, tmp_path, port):
    """The command itself, in a process of its own, and the address that it prints."""
    environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state"), "XDG_CONFIG_HOME": str(tmp_path / "config")}
    line = [
        sys.executable,
        "-m",
        "soart.plugin.cli",
        "web",
        "--collection",
        str(folder),
        "--no-open",
        "--port",
        str(port),
    ]
    process = subprocess.Popen(line, env=environment, stdout=subprocess.PIPE, text=True, cwd=tmp_path)
    return process, process.stdout.readline().split()[2]


def pictures(folder):
    with Collection(folder) as collection:
        return len(collection.images())


@pytest.mark.slow
def test_a_killed_server_loses_nothing(come, folder, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    server, printed = start(folder, tmp_path, port)
    try:
        page, rating = come(), come()
        for tab, view in ((page, "tune"), (rating, "rate")):
            tab.goto(printed)
            tab.goto(f"http://127.0.0.1:{port}/c/0/{view}")
        rating.wait_for_selector("#picture[data-id]")
        rated = {press(rating, "4"): 4.0}
        until(lambda: stored(folder) == rated)
        page.fill("[name=text]", SPACE)
        page.fill("[name=budget]", "400")
        page.click("#start .primary")
        page.wait_for_selector("#live img >> nth=3")
        server.send_signal(signal.SIGKILL)
        server.wait(240)
        server.stdout.close()
        # Rating goes on: ratings wait in the browser, and the page says so.
        rated[press(rating, "2")] = 2.0
        rating.wait_for_selector(".toast.bad:has-text('kept in this browser')")
        page.wait_for_selector(".toast.bad:has-text('does not answer')")
        drawn = pictures(folder)
        # The session of before is still good: nobody needs the new token.
        server, _ = start(folder, tmp_path, port)
        until(lambda: stored(folder) == rated)
        page.wait_for_selector("#state.interrupted")
        assert "nothing is lost" in page.inner_text("#state")
        shown = page.locator("#live img").count()
        page.click("#resume")
        until(lambda: pictures(folder) > drawn)
        page.wait_for_function("count => document.querySelectorAll('#live img').length > count", arg=shown)
        server.send_signal(signal.SIGINT)
        assert server.wait(240) == 0
    finally:
        server.kill()
        server.wait(240)
        server.stdout.close()
    assert Path(folder / "soart.db").is_file()


def test_jobs_of_a_tune_are_not_listed(come, address):
    page = come()
    job = {"state": "running", "done": 0, "total": 0, "message": "", "live": True, "left": None, "cancellable": True}
    keys = [f"{READ} 1", f"{RUN} 2", "evaluate"]
    jobs = [job | {"number": number, "key": key, "title": key} for number, key in enumerate(keys)]
    page.route("**/api/jobs", lambda route: route.fulfill(json={"jobs": jobs}))
    page.goto(f"{address}/c/0/taste")
    page.wait_for_selector("#jobs p")
    assert [text.split()[0] for text in page.locator("#jobs p").all_inner_texts()] == ["evaluate"]
