"""Learning a taste, and its view."""

from soart.metrics.damage.technical import TechnicalJudge
from soart.pipelines.collection.collection import Collection


def test_a_taste_is_learnt_and_shown(visitor, folder):
    assert "No taste of “me” yet" in visitor.get("/taste").text
    for image in range(1, 13):
        visitor.send("rate", image=image, stars=5 if image % 2 else 1)
    visitor.wait_for("learn:")
    page = visitor.get("/taste").text
    assert "Best by this taste" in page
    assert "Learning curve" in page
    assert "40 of 40 pictures scored." in page
    assert "cannot be judged" not in page
    with Collection(folder) as collection:
        for judge in (TechnicalJudge.load().stored_name, "taste:me"):
            collection.set_scores(judge, {6: 40.0}, {5: "all black"})
    page = visitor.get("/taste").text
    assert "39 of 39 pictures scored. 1 picture cannot be judged." in page
    assert 'data-picture="5"' not in page
    assert visitor.get("/api/cells", ids="5,6", by="me").json()["cells"][0]["score"] is None
    assert visitor.get("/api/progress").json()["word"]
    assert visitor.post("/c/0/api/learn").status_code == 200
    visitor.wait_for("learn:")


def test_a_rater_without_a_taste_is_not_shown_the_one_of_another(visitor, folder):
    for image in range(1, 7):
        visitor.send("rate", image=image, stars=5 if image % 2 else 1)
    visitor.wait_for("learn:")
    assert visitor.post("/rater", {"rater": "zoe"}).status_code == 200
    page = visitor.get("/taste").text
    assert "No taste of “zoe” yet" in page
    assert 'href="?name=me"' in page
    assert "<h1>me " in visitor.get("/taste", name="me").text


def test_lists_of_scores_say_why_a_taste_is_not_to_be_relied_on(visitor):
    for image in range(1, 7):
        visitor.send("rate", image=image, stars=5 if image % 2 else 1)
    visitor.wait_for("learn:")
    for view in ("gallery", "compare", "evaluate", "keepers", "tune"):
        page = visitor.get(f"/{view}").text
        assert "taste: me (too few examples)" in page
        assert "no better than chance" not in page


def test_judges_that_are_not_tastes_are_refused(reader):
    assert reader.get("/taste", name="zoe").status_code == 400
    refused = reader.get("/taste", name="technical")
    assert refused.status_code == 400
    assert "not a taste" in refused.json()["error"]


def test_a_taste_of_choices_leads_to_more_choices(visitor):
    for number in range(4):
        visitor.send("compare", choice=f"c{number}", winner=2 * number + 2, losers=[2 * number + 1])
    assert visitor.post("/c/0/api/learn", {"rater": "me"}).status_code == 200
    visitor.wait_for("learn:")
    page = visitor.get("/taste").text
    assert "Choose at least five times between two pictures" in page
    assert '<a class="button" href="/c/0/compare">Choose more</a>' in page
