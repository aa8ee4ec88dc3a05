"""Every view in a real browser: headless Chromium and the real server."""

import datetime as dt

from specimens.waiting import until
from sqlalchemy import update

from soart.pipelines.collection.tables import ImageRow


def test_a_hostile_prompt_stays_text_in_every_view(come, address, folder):
    page = come()
    for view in ("gallery?sort=date&up=1", "compare?ids=1,2,3"):
        page.goto(f"{address}/c/0/{view}")
        page.wait_for_selector("#grid img, .choice img")
        assert page.title() in ("Gallery · things", "Compare · things")
    page.goto(f"{address}/c/0/gallery?sort=date&up=1")
    page.click(".place:first-child .cell")
    page.wait_for_selector("#viewer .prompt")
    assert page.inner_text("#viewer .prompt").startswith("<img src=x onerror=")
    assert page.get_attribute("#viewer-image", "alt").startswith("<img src=x")
    assert page.evaluate("document.querySelectorAll('[onerror], main script').length") == 0
    assert page.title() == "Gallery · things"


def test_a_form_that_is_sent_before_the_scripts_have_loaded_waits_for_them(come, address):
    page = come()
    held = []
    page.route("**/static/generate.js*", lambda route: held.append(route))
    page.goto(f"{address}/c/0/generate", wait_until="commit")
    page.fill("[name=prompt]", "a boat")
    page.fill("[name=count]", "1")
    page.fill("[name=steps]", "1")
    page.click("#draw .primary", no_wait_after=True)
    until(lambda: page.wait_for_timeout(20) or held)
    held[0].continue_()
    page.wait_for_selector("#live img")


def test_the_list_of_keys_begins_at_its_top_on_a_phone(come, address):
    page = come()
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{address}/c/0/gallery")
    page.wait_for_selector("#grid img")
    page.keyboard.press("?")
    page.wait_for_selector("#keys[open]")
    assert page.evaluate("document.querySelector('#keys').scrollTop") == 0
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Close"
    page.keyboard.press("Escape")
    page.wait_for_selector("#keys", state="hidden")


def test_every_view_says_that_the_server_is_gone(come, address):
    """And complains of nothing else: `come` fails on an error nobody handled."""
    page = come()
    page.route("**/api/**", lambda route: route.abort())
    for view in ("gallery", "rate", "compare?ids=1,2,3", "tune", "evaluate"):
        page.goto(f"{address}/c/0/{view}")
        page.wait_for_selector(".toast.bad:has-text('does not answer')")


def test_the_rater_is_named_on_pages_that_rate_nothing(come, address):
    page = come()
    for path, name in (("/collections", "ann"), ("/c/0/nowhere", "ben"), ("/c/0/taste", "cleo")):
        page.goto(f"{address}{path}")
        page.click("#who")
        page.fill("[name=rater]", name)
        page.click("#who-dialog .primary")
        page.wait_for_selector(f"body[data-rater={name}]")


def test_the_menu_of_a_phone_shows_all_views(come, address):
    page, width = come(), 280
    page.set_viewport_size({"width": width, "height": 500})
    page.goto(f"{address}/c/0/gallery")
    page.wait_for_selector("#grid img")
    views = page.locator(".top nav a")
    assert views.count() == 6
    assert not views.first.is_visible()
    page.click(".top .views")
    inside = f"node => {{ const box = node.getBoundingClientRect(); return box.left >= 0 && box.right <= {width} && box.bottom <= 500 }}"
    assert all(view.is_visible() and view.evaluate(inside) for view in views.all())
    page.keyboard.press("Escape")
    assert not views.first.is_visible()
    page.click(".top .views")
    page.click(".top nav a[href$='/evaluate']")
    page.wait_for_url("**/evaluate")
    assert page.locator(".top nav a").first.is_hidden()


def test_the_row_of_views_is_whole_on_wider_screens(come, address):
    page = come()
    page.goto(f"{address}/c/0/gallery")
    page.wait_for_selector("#grid img")
    for width in (800, 1280):
        page.set_viewport_size({"width": width, "height": 780})
        assert page.locator(".top .views").is_hidden()
        row = page.locator(".top nav")
        assert row.evaluate("row => row.scrollWidth <= row.clientWidth && row.scrollHeight <= row.clientHeight")


def test_times_are_those_of_the_time_zone_of_the_browser(come, address, app):
    zone, day = "Pacific/Kiritimati", "2026-02-01"
    page = come(timezone_id=zone)
    collection = app.state.server.collections[0].collection
    with collection.session("be written", write=True) as session:
        session.execute(update(ImageRow).values(created_at=dt.datetime(2026, 1, 31, 23, 5, tzinfo=dt.UTC)))
    page.goto(f"{address}/collections")
    page.wait_for_function("day => document.querySelector('.collection time').textContent === day", arg=day)
    page.goto(f"{address}/c/0/gallery")
    page.click("#grid img")
    page.wait_for_selector("#viewer-detail time:text-is('2026-02-01 13:05')")
    # Days of filters are those that are shown; the address stays one for all browsers.
    for date, shown in ((day, True), ("2026-01-31", False)):
        page.goto(f"{address}/c/0/gallery?since={date}&until={date}")
        page.wait_for_selector("#grid img" if shown else "#empty:not([hidden])")
        assert page.url.endswith(f"?sort=date&by=overall&since={date}&until={date}")
    # Without scripts the server's time stands there.
    silent = come(timezone_id=zone, java_script_enabled=False)
    silent.goto(f"{address}/collections")
    assert "2026" in silent.text_content(".collection time")
