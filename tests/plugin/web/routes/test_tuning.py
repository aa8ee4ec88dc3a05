"""A tune from its start to its findings."""

import re
import time
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from specimens.waiting import until

from soart.errors import PromptError
from soart.pipelines.collection.collection import Collection
from soart.pipelines.collection.ratings import rate
from soart.pipelines.models.request import DrawnPicture, Request
from soart.pipelines.services.judge_choices import JudgeChoice
from soart.pipelines.tastes.learning import Sources, learn
from soart.pipelines.tuning.proposing import SpaceStep
from soart.pipelines.tuning.settings import TuneSettings
from soart.plugin.web import judges
from soart.prompts.steering.proposals import Proposal

BLANK = np.full((8, 8, 3), 128, np.uint8)
SPACE = "template: a {palette} {thing}\nslots:\n  palette: [red, <b>blue</b>, grey]\n  thing: [boat, fox, '']\n  steps: ['1']\n"


@pytest.fixture(scope="module")
def tuned(visit_once, things):
    """A visitor of a collection that was tuned, with the state at the start and at the end."""
    visitor = visit_once(things)
    body = {
        "text": SPACE, "budget": 12, "by": {"technical": 1, "person:me": 1}, "pareto": True, "prune": False,
        "propose": True,
    }  # fmt: skip
    started = visitor.post("/c/0/api/tune/start", body).json()
    state = until(lambda: (state := visitor.get("/api/tune").json())["state"] != "running" and state)
    return SimpleNamespace(visitor=visitor, started=started, ended=state)


def test_before_the_first_start(visitor):
    assert visitor.get("/api/tune").json()["state"] == "idle"
    assert "not judged yet" in visitor.get("/tune/findings").text
    assert visitor.post("/c/0/api/tune/resume").status_code == 400


@pytest.mark.parametrize("wrong", [
    {"text": ""}, {"text": "a {fox"}, {"text": "a boat", "budget": 1}, {"text": "a boat", "by": {"zoe": 1}},
    {"text": "a boat", "by": {"person:me": "x"}}, {"text": "a boat", "by": {"adherence": "x"}},
    {"text": "a boat", "by": {"os:getcwd": 1}}, {"text": "a boat", "by": {"clip:/etc": 1}},
    {"text": "a boat", "adherence": "x"}, {"text": "a boat", "adherence": 2},
    {"text": "a boat", "seed": -1}, {"text": "a boat", "seed": 2**63}, {"text": "a boat", "seed": 2**63 - 1},
])  # fmt: skip
def test_wrong_settings_are_refused(reader, wrong):
    assert reader.post("/c/0/api/tune/start", wrong).status_code == 400
    assert reader.get("/api/tune").json()["state"] != "running"


def test_the_negative_prompt_of_a_picture_is_tuned_too(visitor, folder):
    with Collection(folder) as collection:
        drawn = DrawnPicture(Request("a boat", 1, negative="fog, rain", width=8, height=8), BLANK, None, 0.1)
        [row] = collection.add_drawn([drawn], "m", "s")
    page = visitor.get("/tune", like=str(row.id)).text
    assert 'name="negative" maxlength="10000" autocomplete="off" value="fog, rain"' in page
    space = TuneSettings.of_text("a boat", "embedded", " fog, rain ").whole()
    assert space.negative.startswith("fog, rain, ")
    assert "a boat" in space.to_yaml()
    assert TuneSettings.of_text("a boat", "embedded", " ") == TuneSettings.of_text("a boat", "embedded")
    with pytest.raises(PromptError, match="'negative:'"):
        TuneSettings.of_text(space.to_yaml(), "embedded", "fog")
    with pytest.raises(PromptError, match="at most 100,000 characters"):
        TuneSettings.of_text("a boat", "embedded", "x" * 100_000)
    refused = visitor.post("/c/0/api/tune/start", {"text": space.to_yaml(), "negative": "fog"})
    assert "'negative:'" in refused.json()["error"]


def test_it_runs_until_the_budget_is_spent(tuned):
    assert tuned.started["state"] == "running"
    assert tuned.started["subject"] == "a {palette} {thing}"
    assert tuned.started["judges"] == ["technical quality", "person: me"]
    assert tuned.ended["state"] == "ended"
    assert tuned.ended["found"]
    assert len(tuned.ended["pictures"]) == tuned.ended["done"] <= 12


def test_findings_show_options_as_text(tuned):
    page = tuned.visitor.get("/tune/findings").text
    assert "Best prompts" in page
    assert "&lt;b&gt;blue&lt;/b&gt;" in page
    assert "<b>blue" not in page


def test_changes_of_the_options_are_shown_with_their_reasons(tuned, monkeypatch):
    service = tuned.visitor.client.app.state.server.collections[0].tuning
    assert service.settings.propose
    assert "None so far" in tuned.visitor.get("/tune/findings").text
    step = SpaceStep(8, "", (Proposal("palette", "<b>teal</b>", "similar to <i>blue</i>"),), (("thing", ""),))
    findings = replace(service.latest.findings, steps=[step], notes=["A note.", str(step)])
    monkeypatch.setattr(service, "latest", replace(service.latest, findings=findings))
    page = tuned.visitor.get("/tune/findings").text
    assert "after 8 pictures" in page
    assert "palette: <b>&lt;b&gt;teal&lt;/b&gt;</b>" in page
    assert "similar to &lt;i&gt;blue&lt;/i&gt;" in page
    assert "thing: <b>(nothing)</b>" in page
    assert "A note." in page
    assert "After 8 pictures: added" not in page


def test_of_how_many_options_a_judge_shows_those_it_likes(tuned, monkeypatch):
    service = tuned.visitor.client.app.state.server.collections[0].tuning
    found = service.latest.findings
    for count in (6, 8, 40):
        effects = [replace(found.effects[0], option=str(k)) for k in range(count)]
        judges = dict.fromkeys(("technical-9", "judge:clip@1"), effects[:6])
        monkeypatch.setattr(
            service, "latest", replace(service.latest, findings=replace(found, effects=effects, judges=judges))
        )
        page = tuned.visitor.get("/tune/findings").text
        assert "What each judge likes" in page
        text = f"Of {count} options the 3 that each judge likes most and the 3 that it likes least"
        assert (text in page) == (count > 6)
        assert ("8 of 40 options are not drawn" in page) == (count == 40)


def narrow(tuned, kind, option, on):
    return tuned.visitor.post("/c/0/api/tune/narrow", {"kind": kind, "option": option, "on": on})


def test_bans_are_stored(tuned):
    assert narrow(tuned, "bans", "palette=red", True).json()["bans"] == ["palette=red"]
    assert "Remove the ban of palette=red" in tuned.visitor.get("/tune/findings").text


def test_nothing_is_an_option_to_ban_and_to_pin(tuned):
    page = tuned.visitor.get("/tune/findings").text
    for kind in ("ban", "pin"):
        assert f'data-{kind}="thing="' in page
        assert f'aria-label="{kind.capitalize()} thing (nothing)"' in page
    assert "thing=" in narrow(tuned, "bans", "thing=", True).json()["bans"]
    page = tuned.visitor.get("/tune/findings").text
    assert "Remove the ban of thing=(nothing)" in page
    assert "thing=(nothing) ✕" in page
    refused = narrow(tuned, "pins", "thing=", True)
    assert refused.status_code == 400
    assert refused.json()["error"] == "The bans and pins leave slot 'thing' no option: lift one of them."
    assert "thing=" not in narrow(tuned, "bans", "thing=", False).json()["bans"]
    # A slot without an empty option has none to ban.
    assert narrow(tuned, "bans", "palette=", True).status_code == 400


def test_wrong_bans_are_refused(tuned):
    assert narrow(tuned, "bans", "palette=plaid", True).status_code == 400
    for kind, option, on in (
        ("bans", ["palette=red"], True),
        ("others", "palette=red", True),
        ("bans", "palette=red", 1),
    ):
        answer = narrow(tuned, kind, option, on)
        assert (answer.status_code, "Expected 'bans' or 'pins'" in answer.json()["error"]) == (400, True)


def test_earlier_tunes_are_listed_as_text_and_opened_by_their_key(tuned):
    visitor, service = tuned.visitor, tuned.visitor.client.app.state.server.collections[0].tuning
    assert "<" not in visitor.get("/tune/earlier").text.strip()
    service._replace_by(TuneSettings.of_text("a {<b>fox</b>|owl}", "embedded"))
    page = visitor.get("/tune/earlier").text
    assert "a {palette} {thing}" in page
    assert "judged by technical quality, person: me" in page
    [earlier] = service.earlier()
    assert f'data-open="{earlier.key}"' in page
    assert visitor.get("/api/tune").json()["done"] == 0
    opened = visitor.post("/c/0/api/tune/reopen", {"key": earlier.key}).json()
    assert (opened["state"], opened["pictures"]) == ("ended", [dict(p, goal=None) for p in tuned.ended["pictures"]])
    assert "&lt;b&gt;fox" in visitor.get("/tune/earlier").text
    assert visitor.post("/c/0/api/tune/reopen", {"key": "x"}).status_code == 400
    assert visitor.post("/c/0/api/tune/reopen").status_code == 400


def test_pausing_a_tune_that_ended_is_no_error(tuned):
    assert tuned.visitor.post("/c/0/api/tune/pause").status_code == 200


@pytest.mark.parametrize("text", [
    "a {" + "|".join(map(str, range(15_000))) + "} boat", "{a|b}" * 5_000, "a boat " * 20_000,
    "template: a {o}\nslots:\n  o: [" + ", ".join(map(str, range(100_000))) + "]", "{" * 2000 + "a|b" + "}" * 2000,
], ids=["options", "variants", "words", "yaml", "depth"])  # fmt: skip
def test_huge_prompts_are_refused_soon_and_briefly(reader, text):
    start = time.process_time()
    refused = reader.post("/c/0/api/tune/start", {"text": text})
    assert time.process_time() - start < 5
    assert refused.status_code == 400
    assert len(refused.json()["error"]) < 500


def test_judges_of_the_owner_and_of_packages_by_a_guest(package, things, visit):
    """A guest of a server whose owner named a judge by code; the path of another one stays the owner's."""
    named = [("acme_judge:Moody", 0.5), (f"clip:{things}/fine", 1.0)]
    guest = visit(judges=named, guests=True, secrets={"token": ""})
    page = guest.get("/tune").text
    for label in ("adherence", "redness", "acme_judge:Moody", "clip:fine"):
        assert f'name="by" value="{label}"' in page
    assert 'aria-label="Weight of acme_judge:Moody"' in page
    assert str(things) not in page
    body = {"text": SPACE, "budget": 4, "by": {"redness": 2, "acme_judge:Moody": 0}, "adherence": "0.5"}
    refused = guest.post("/c/0/api/tune/start", body | {"by": {"acme_judge:Redness": 1}})
    assert refused.status_code == 400
    assert "is not offered here: the owner of this server names it with soart web --by" in refused.json()["error"]
    # Both are judges of one name.
    assert "named twice" in guest.post("/c/0/api/tune/start", body).json()["error"]
    body["by"] = {"acme_judge:Moody": 2}
    assert guest.post("/c/0/api/tune/start", body).json()["state"] == "running"
    settings = guest.client.app.state.server.collections[0].tuning.settings
    assert (settings.by, settings.adherence) == ({"acme_judge:Moody": 2.0}, 0.5)


def test_a_form_begins_with_the_raters_own_taste_once_it_can_be_relied_on(monkeypatch):
    monkeypatch.setattr(judges, "rater_of", lambda request: "me")
    choices = [JudgeChoice("overall", "score"), JudgeChoice("aaron", "taste"), JudgeChoice("me", "taste")]
    for asked, offered, chosen in (("", choices, "me"), ("aaron", choices, "aaron"), ("", choices[:2], "overall")):
        assert judges.usual_choice(SimpleNamespace(query_params={"by": asked}), offered) == chosen
    assert judges.usual_choice(SimpleNamespace(query_params={}), [replace(choices[2], doubt="unproven")]) == "overall"


def test_no_judge_but_overall_is_chosen_before_the_user_chooses(folder, visitor):
    """A taste that comes first in the alphabet may be the reverse of the user's."""
    with Collection(folder) as collection:
        rate(collection, "aaron", {image: 5 if image % 2 else 1 for image in range(1, 11)})
        taste = learn("aaron", collection, Sources(rater="aaron"), network=None).taste
    visitor.client.app.state.server.collections[0].tastes.own.save(taste)
    for view in ("tune", "generate"):
        page = visitor.get(f"/{view}").text
        assert 'value="aaron"' in page
        assert re.findall(r'name="by" value="([^"]+)" checked', page) == ["overall"]
    for view in ("evaluate", "keepers", "gallery", "compare"):
        page = visitor.get(f"/{view}").text
        assert 'value="aaron"' in page
        assert re.findall(r'<option value="([^"]+)" selected data-title', page) == ["overall"]
    # People have not judged what is drawn next.
    assert 'value="person:aaron"' not in visitor.get("/generate").text
    assert 'value="person:aaron"' in visitor.get("/tune").text
    visitor.post("/c/0/api/tune/start", {"text": "a {boat|fox}", "budget": 2})
    service = visitor.client.app.state.server.collections[0].tuning
    assert service.settings.by == {"overall": 1.0}
