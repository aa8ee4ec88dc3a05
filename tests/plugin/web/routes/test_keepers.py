"""The Keepers view without a browser: groups, choices, corrections, and moves of the others."""

import re

import pytest


@pytest.fixture
def folder(untidy):
    return untidy


def groups(visitor, group="look-alike", **values):
    """Ids of each group in order, and those marked as keepers."""
    page = visitor.get("/keepers/groups", group=group, **values).text
    found = [[int(i) for i in ids.split(",")] for ids in re.findall(r'data-group="([\d,]+)"', page)]
    kept = [int(i) for i in re.findall(r'data-keep="(\d+)" aria-pressed="true"', page)]
    return found, kept


def test_choices_and_corrections_are_seen_in_all_views_and_a_guest_moves_nothing(visitor, visit):
    assert groups(visitor) == ([], [])
    visitor.post("/c/0/api/evaluate")
    visitor.wait_for_evaluation()
    found, kept = groups(visitor)
    assert kept == [group[0] for group in found]
    page = visitor.get("/keepers/groups", group="look-alike").text
    assert "style=" not in page
    first, other = found[0][:2]

    def act(name, **body):
        return visitor.post(f"/c/0/api/keepers/{name}", body)

    assert act("keep", images=found[0], image=other).json() == {"before": []}
    assert f'data-keep="{other}" aria-pressed="true"' in visitor.get("/evaluate/findings").text
    assert act("keep", images=found[0], image=first, all=True).status_code == 200
    assert groups(visitor)[1][: len(found[0])] == found[0]
    name = act("distinct", images=found[0]).json()["name"]
    assert visitor.get("/evaluate/findings").text.count('role="group" aria-label="Near-duplicates') == 1
    assert f'data-forget="{name}"' in visitor.get("/keepers/groups", group="prompt").text
    assert act("distinct", undo=name).status_code == 200
    for wrong in (
        act("distinct", undo=name),
        act("distinct", images=[first]),
        act("distinct", images="x"),
        act("keep", images=found[0], image=found[1][0]),
        act("move", group="look-alike", plan="old"),
        act("move", group="colour"),
        visitor.get("/keepers/groups", group="colour"),
        visitor.get("/keepers/groups", per=0),
    ):
        assert wrong.status_code == 400
        assert wrong.json()["error"]
    body = {"group": "look-alike", "plan": page.split('data-plan="')[1].split('"')[0]}
    assert visitor.client.post("/c/0/api/keepers/move", json=body).status_code == 403
    guest = visit(guests=True, secrets={"token": ""})
    assert guest.post("/c/0/api/keepers/move", body).status_code == 403
    assert "data-plan" not in guest.get("/keepers/groups", group="look-alike").text


def test_the_choice_of_groups_is_in_the_address(visitor):
    page = visitor.get("/keepers", group="burst", per="3").text
    assert '<option value="burst" selected>' in page
    assert 'max="99" value="3"' in page
    assert visitor.get("/keepers", group="colour").status_code == 400
    visitor.post("/c/0/api/evaluate")
    visitor.wait_for_evaluation()
    page = visitor.get("/keepers/groups", group="prompt").text
    assert "Pictures without a prompt are in no such group: choose “group of look-alikes”." in page
    assert 'href="/c/0/keepers?group=look-alike"' in page
    assert page.index("No two pictures") < page.index('id="trust"')


def test_keys_swap_the_keeper_and_correct_a_group_in_the_browser(come, address):
    page = come()
    page.goto(f"{address}/c/0/keepers")
    page.select_option("[name=group]", "look-alike")
    page.click("#ask .primary")
    page.wait_for_selector("[data-group]")
    marked = "figure.keep [data-picture]"
    proposed, other = (page.get_attribute(f"figure >> nth={k} >> [data-picture]", "data-picture") for k in (0, 1))
    assert page.get_attribute(f"{marked} >> nth=0", "data-picture") == proposed
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("k")
    page.wait_for_selector(f"[data-keep='{other}'][aria-pressed='true']")
    assert page.evaluate("document.activeElement.dataset.picture") == other
    assert page.locator("text=your choice").count() == 1
    page.keyboard.press("Enter")
    page.wait_for_selector("dialog[open] #viewer-image")
    page.keyboard.press("Escape")
    page.keyboard.press("d")
    page.wait_for_selector("[data-forget]")
    assert page.locator("[data-group]").count() == 1
    page.click("[data-forget]")
    page.wait_for_selector("[data-forget]", state="detached")
    assert page.locator("[data-group]").count() == 2
    # The choice is in the address, and a move is asked about.
    assert page.url.endswith("/keepers?group=look-alike&per=1")
    page.reload()
    page.wait_for_selector("[data-group]")
    assert page.input_value("[name=group]") == "look-alike"
    questions = []
    page.on("dialog", lambda question: (questions.append(question.message), question.accept()))
    page.click("[data-plan]")
    page.click("[data-undo]")
    page.wait_for_selector("[data-undo]", state="detached")
    page.wait_for_selector("[data-group]")
    [question] = questions
    assert re.match(r"Move \d files?, .* to /.*/untidy/culled/others\?", question)
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
