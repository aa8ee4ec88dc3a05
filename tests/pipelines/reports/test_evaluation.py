"""The page of an evaluation in a real browser."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from specimens.scanning import Here

from soart.pipelines.collection.collection import Collection
from soart.pipelines.evaluation.folders import sync_and_evaluate
from soart.pipelines.evaluation.judging import JudgedPictures
from soart.pipelines.ingest.local_engine import LocalEngine
from soart.pipelines.ingest.scan import Scan
from soart.pipelines.judges.phrase_judgements import Adherence, PhraseJudgement
from soart.pipelines.keepers.finding import find_keepers
from soart.pipelines.reports.evaluation import write_evaluation
from soart.prompts.phrases.cutting import Phrase

EVIL = "<img src=x onerror=\"document.title='owned'\"></script><script>document.title='owned'</script>"


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """150 pictures, lighter and lighter, with prompts; one prompt and one name are hostile."""
    folder = tmp_path_factory.mktemp("art")
    rng = np.random.default_rng(0)
    for k in range(150):
        pixels = rng.integers(0, 60 + k, (24, 24, 3), dtype=np.uint8)
        name = "<b>bold<b>" if k == 7 else f"{k:03}"
        Image.fromarray(pixels).save(folder / f"{name}.png")
        (folder / f"{name}.txt").write_text(EVIL if k == 8 else f"a {'boat' if k % 3 else 'tree'} number {k}")
    with Collection(tmp_path_factory.mktemp("collection")) as collection:
        yield sync_and_evaluate(collection, Scan([folder]), LocalEngine(2), "technical")


@pytest.mark.parametrize("form", ["file", "folder"])
def test_the_page_sorts_filters_and_opens_pictures(found, come, tmp_path, form):
    path = write_evaluation(tmp_path / ("page.html" if form == "file" else "page"), found)
    page = come()
    requests = []
    page.on("request", lambda request: requests.append(request.url))
    page.goto(path.as_uri())
    cards, count = page.locator("#grid li"), page.locator("#count")
    assert count.text_content() == "150 of 150"
    assert cards.count() < 150
    first = cards.first.locator("img")
    first.scroll_into_view_if_needed()
    page.wait_for_function("() => document.querySelector('#grid img').naturalWidth > 0")
    scores = [float(text) for text in page.locator("#grid .num").all_text_contents()]
    assert scores == sorted(scores, reverse=True)
    page.select_option("select[name=sort]", "name")
    assert cards.first.locator(".dim").text_content() == "000.png"
    page.fill("input[name=text]", "TREE")
    assert count.text_content() == "50 of 150"
    page.fill("input[name=text]", "onerror")
    assert count.text_content() == "1 of 150"
    cards.first.locator("img").focus()
    page.keyboard.press("Enter")
    assert EVIL in page.locator("dialog dd", has_text="owned").text_content()
    page.keyboard.press("Escape")
    assert page.locator("dialog").is_hidden()
    page.fill("input[name=text]", "")
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    page.wait_for_function("() => document.querySelectorAll('#grid li').length === 150")
    assert page.title() == f"soart: {found.title}"
    assert all(url.startswith(("file:", "data:")) for url in requests)


def test_the_page_fits_a_phone(found, come, tmp_path):
    path = write_evaluation(tmp_path / "page.html", found)
    page = come()
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(path.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_what_was_asked_for_and_not_shown(found, come, tmp_path):
    ids = found.evaluation.ids.tolist()
    adherence = {}
    for number, image in enumerate(ids[:20]):
        phrases = [PhraseJudgement.of(Phrase("boat", "subject"), -3.0 if number < 5 else 3.0, 0.1)]
        adherence[image] = Adherence.of([*phrases, PhraseJudgement.untold(Phrase("</script>", "detail"))])
    judged = replace(found, judged=JudgedPictures(adherence=adherence))
    page = come()
    page.goto(write_evaluation(tmp_path / "page.html", judged).as_uri())
    assert "5 of 20 pictures with a prompt" in page.text_content("body")
    assert "Cannot be told: </script>." in page.text_content("body")
    page.select_option("select[name=only]", "missed")
    assert page.locator("#count").text_content() == "5 of 150"
    page.select_option("select[name=sort]", "shown")
    page.locator("#grid img").first.click()
    assert page.locator("dialog dd", has_text="no boat seen: 0.05").count() == 1


def test_the_page_counts_the_keepers_of_each_prompt(tmp_path, paint):
    folder = paint(tmp_path / "art", 6, 3, vivid=True)
    for number, prompt in enumerate((EVIL, EVIL, EVIL, "a fox", "a fox", "an owl")):
        (folder / f"3-{number}.txt").write_text(prompt)
    with Collection(tmp_path / "collection") as collection:
        evaluated = sync_and_evaluate(collection, Scan([folder]), Here(), "technical")
        keepers = find_keepers(evaluated)
        page = write_evaluation(tmp_path / "page.html", evaluated).read_text(encoding="utf-8")
    assert "2 groups, 2 to keep, 3 others" in page
    assert f"{keepers.trust_sentence}." in page
    assert EVIL not in page


def test_the_page_shows_the_values_of_judges(found, come, tmp_path):
    ids = found.evaluation.ids.tolist()
    first, least = np.arange(150.0), np.full(150, np.nan)
    least[:100] = -np.arange(100.0) / 7
    judged = replace(found.judged, values={"judge:appeal@1": first, "judge:noise@1": least})
    found.collection.set_scores("judge:clip:</script>@1", dict.fromkeys(ids[:30], 0.25))
    found.collection.set_scores("judge:appeal@0", dict.fromkeys(ids, 5.0))
    page = come()
    page.goto(write_evaluation(tmp_path / "page.html", replace(found, judged=judged)).as_uri())
    rows = [
        row.split("\t") for row in page.locator("h2:has-text('Judges') ~ .scroll table").first.inner_text().split("\n")
    ]
    assert rows[1:] == [
        ["judge: appeal", "150", "74.5", "37.0, 75.0, 112.0"],
        ["judge: noise", "100", "−7.07", "−10.57, −7.00, −3.43"],
        ["judge: clip:</script>", "30", "0.25", "0.25, 0.25, 0.25"],
    ]
    page.select_option("select[name=sort]", label="best by judge: noise")
    values = page.locator("#grid .num").all_text_contents()
    assert values[:3] == ["0", "−0.143", "−0.286"]
    page.locator("#grid img").first.click()
    facts = page.locator("dialog dl").inner_text().replace("\n", "\t").split("\t")
    assert facts[facts.index("judge: noise") + 1] == "0"
    assert facts[facts.index("judge: appeal") + 1] == "0"
    assert page.title() == f"soart: {found.title}"


def test_the_page_has_a_row_for_a_judge_that_gave_no_picture_a_value(found, tmp_path):
    judged = replace(found.judged, values={"judge:silent@1": np.full(150, np.nan)})
    text = write_evaluation(tmp_path / "page.html", replace(found, judged=judged)).read_text(encoding="utf-8")
    assert "<td>judge: silent</td><td>0</td><td></td><td></td></tr>" in text


def test_the_list_shows_values_as_the_tables_do_and_judges_of_one_title_apart(found, come, tmp_path):
    shown = {1234.4: "1234", 999.6: "1000", 999.4: "999", 12.345: "12.3", 0.0: "0", -0.5: "−0.5", -1234.6: "−1235"}
    values = np.full(150, -2000.0)
    values[: len(shown)] = list(shown)
    names = [f"judge:clip:/{folder}/fine@1" for folder in "ab"]
    judged = replace(found.judged, values={names[0]: values, names[1]: -values})
    page = come()
    page.goto(write_evaluation(tmp_path / "page.html", replace(found, judged=judged)).as_uri())
    page.select_option("select[name=sort]", label="best by judge: clip:/a/fine")
    assert page.locator("#grid .num").all_text_contents()[: len(shown)] == list(shown.values())
    page.locator("#grid img").nth(5).click()
    facts = page.locator("dialog dl").inner_text().replace("\n", "\t").split("\t")
    assert [facts[facts.index(f"judge: clip:/{folder}/fine") + 1] for folder in "ab"] == ["−0.5", "0.5"]
