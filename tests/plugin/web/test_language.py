"""Languages of the gallery: catalogues in step with the texts, the choice of a language, and pages without English left."""

import importlib.util
import json
import re
from html.parser import HTMLParser
from itertools import product
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from babel.messages.extract import extract_javascript
from markupsafe import Markup
from specimens.scanning import Here
from specimens.time_zones import local_time
from starlette.testclient import TestClient

from soart.errors import SoartError
from soart.messages import joined, message, plural
from soart.metrics.damage import departures
from soart.metrics.damage.fitness import why_unfit
from soart.metrics.damage.names import DETECTORS
from soart.metrics.damage.places import place_of
from soart.metrics.damage.rated_quality import UNTOLD
from soart.metrics.damage.reasons import COMPARED, NOUNS, fault_text, strangeness_text, than_others
from soart.metrics.damage.titles import CAUTION, stored_title, title_of
from soart.metrics.items.phrases import phrases_of
from soart.metrics.tastes import learning_curve, liked_makings
from soart.metrics.tastes.by_example import _WORDS
from soart.metrics.tastes.learning_curve import (
    CHOOSE_FIVE,
    CHOOSE_MORE_PROMPTS,
    COULD_BE_CHANCE,
    MORE_PROMPTS,
    RATE_FIVE,
)
from soart.metrics.tastes.taste import prior_title, words_of_lack
from soart.metrics.tastes.trust import CHANCE, TOO_FEW, UNPROVEN, USABLE, Trust
from soart.metrics.tastes.within_groups import WithinGroups
from soart.pipelines.collection.collection import Collection
from soart.pipelines.collection.ratings import rate
from soart.pipelines.judges.finding import known_judges
from soart.pipelines.judges.phrase_judgements import PhraseJudgement
from soart.pipelines.reports.charts import Interval, histogram_chart
from soart.pipelines.reports.evaluation import draw_damage
from soart.pipelines.reports.study_charts import draw_course, draw_effects, draw_front, draw_judges, unit_of
from soart.pipelines.reports.taste import draw_curve
from soart.pipelines.scoring.taste_judge import doubt_of
from soart.pipelines.support.background import Job
from soart.pipelines.support.failures import Failure, summed_up
from soart.pipelines.tidying.copying import DIFFERS
from soart.pipelines.tuning.findings import BatchScore, OptionEffect, TradeOff
from soart.pipelines.tuning.pruning import PreviewAgreement, Pruning
from soart.plugin.web.language import CATALOGUES, Texts, languages, preferred, texts_in
from soart.plugin.web.security import POLICY
from soart.prompts.phrases.cutting import Phrase

ROOT = Path(__file__).parents[3]
WEB = ROOT / "plugin" / "web"
CODES = [code for code in languages() if code != "en"]
HOSTILE = '"><script>document.title="owned"</script>'
GERMAN = {"accept-language": "de-AT, en;q=0.5", "accept": "text/html"}
VIEWS = ("start", "gallery", "rate", "compare", "keepers", "generate", "tune", "taste", "evaluate")
PARTS = (
    "/detail/1",
    "/evaluate/findings",
    "/evaluate/plan?duplicates=1",
    "/keepers/groups?group=prompt",
    "/tune/findings",
)
#: Words that are no English: names, formats, keys, and terms of the field that no language translates.
NEUTRAL = {"soart", "CSV", "JSON"}


@pytest.fixture(scope="module")
def tool():
    """The tool that writes the catalogues."""
    spec = importlib.util.spec_from_file_location("texts", ROOT / ".ci" / "texts.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def extracted(tool):
    return tool.extracted()


def forms(string):
    return string if isinstance(string, tuple | list) else [string]


def named(text):
    return set(re.findall(r"%\((\w+)\)s", text))


@pytest.mark.parametrize("code", CODES)
def test_every_text_is_translated_once_and_with_its_values(tool, extracted, code):
    catalogue = tool.read(code)
    wanted = {(m.context, m.id) for m in extracted if m.id}
    there = {(m.context, m.id) for m in catalogue if m.id}
    assert len(wanted) > 600
    assert (wanted - there, there - wanted, dict(catalogue.obsolete)) == (set(), set(), {}), "run make texts"
    for entry in catalogue:
        if entry.id:
            assert not entry.fuzzy
            names = named(forms(entry.id)[-1])
            for form in forms(entry.string):
                assert form.strip(), entry.id
                assert named(form) == names, entry.id
                # What is left must be doubled percent signs, or the text would be no format.
                assert "%" not in re.sub(r"%\(\w+\)s|%%", "", form), entry.id
    assert list(catalogue.check()) == []


@pytest.mark.parametrize("code", CODES)
def test_compiled_catalogues_are_those_of_the_po_files(tool, code):
    assert tool.place(code).with_suffix(".mo").read_bytes() == tool.mo_of(code), "run make texts"
    script = (WEB / "static" / "texts" / f"{code}.js").read_text(encoding="utf-8")
    assert script == tool.script_of(code), "run make texts"


def test_a_text_that_is_in_no_catalogue_would_be_found(tool):
    catalogue = tool.read("de")
    assert "Gallery" in catalogue
    assert "Galery" not in catalogue


class Visible(HTMLParser):
    """Texts and spoken attributes of HTML."""

    def __init__(self, html):
        super().__init__()
        self.texts, self.inside = [], []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        if tag in {"code", "kbd", "script", "svg", "pre"}:
            self.inside.append(tag)
        found = dict(attributes)
        names = ["title", "aria-label", "placeholder", "alt"]
        if tag != "svg":
            self.texts += [found[name] for name in names if found.get(name)]

    def handle_endtag(self, tag):
        if self.inside and self.inside[-1] == tag:
            self.inside.pop()

    def handle_data(self, data):
        if not self.inside and data.strip():
            self.texts.append(" ".join(data.split()))


def words(text):
    """Words of at least two letters that a reader would read."""
    return set(re.findall(r"[^\W\d_]{2,}", text)) - NEUTRAL


@pytest.mark.parametrize("path", sorted((WEB / "templates").glob("*.html")), ids=lambda path: path.name)
def test_templates_hold_no_text_beside_the_catalogue(path):
    source = re.sub(r"\{%.*?%\}|\{\{.*?\}\}|\{#.*?#\}", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    # Prompts stay in the language of the models.
    assert [text for text in Visible(source).texts if words(text) and "__style__" not in text] == []


def test_scripts_show_no_text_beside_the_catalogue():
    shown = re.compile(
        r"(?:\b(?:textContent|ariaLabel|title|alt|placeholder|word)\s*[:=]|\b(?:toast|confirm|Error)\()\s*[\"'`](.*?)[\"'`]\s*[,;)}]",
        re.DOTALL,
    )
    translated = re.compile(r"""\b(?:_|ngettext)\(\s*(["'])(?:(?!\1).)*\1""")
    scripts = {path.name: translated.sub("_(", path.read_text(encoding="utf-8")) for path in sorted((WEB / "static").glob("*.js"))}  # fmt: skip
    found = [(name, text) for name, script in scripts.items() for text in shown.findall(script)]
    left = [(name, text) for name, text in found if words(re.sub(r"\$\{.*?\}", "", text))]
    # Mistakes of the program itself, which no visitor sees.
    assert left == [
        ("clipboard.js", "The browser refuses to copy."),
        ("dom.js", "This page has no element that matches ${selector}."),
    ]


def test_extraction_finds_texts_in_templates_of_strings():
    script = b"const a = `${_('one')} ${b}`; f(ngettext('two', 'twos', n));"
    import io

    found = extract_javascript(io.BytesIO(script), ["_", "ngettext"], (), {"parse_template_string": True})
    assert [text for _, _, text, _ in found] == ["one", ("two", "twos")]


def trust(**values):
    return Trust(**({"word": USABLE, "liked": 9, "disliked": 8, "concordance": 0.8, "low": 0.6, "high": 0.9} | values))


#: What a taste of choices alone was learnt from.
ONLY_CHOICES = {"liked": 0, "disliked": 0, "choices": 9}


def composed():
    """Messages as the code makes them."""
    place = place_of(np.array([[0, 5.0, 0], [0, 0, 0], [0, 0, 0]]))
    yield from (fault_text(fault, evidence, place) for fault in DETECTORS for evidence in (0.7, 2.0))
    for strangeness, texture in product((0.0, 1.5, 2.5), ("", departures._DIRECTED[0])):
        yield strangeness_text(strangeness, texture)
    yield from map(title_of, ("technical", *DETECTORS, "mine", "judge:clip@1"))
    yield from map(stored_title, ("technical-4", "taste:mine"))
    yield from map(unit_of, ("technical-4", "judge:adherence@2-x"))
    yield from NOUNS.values()
    yield CAUTION
    for phrase in phrases_of((), ("technical", "appeal", "others", "kind 1", prior_title("judge:clip@1"))):
        yield from (than_others(words, 0.9, 20) for words in (phrase.more, phrase.less))
    for words in COMPARED.values():
        yield from (
            than_others(word, *share)
            for word in words
            for share in ((0.9, 20), (1.0, 20), (1.0, 2), (0.6, 20), (0.1, 20), (0.0, 0))
        )
    yield from (words for words_of_group in _WORDS.values() for words in words_of_group)
    yield from ("you liked this one", "you disliked this one", "the other pictures you rated", UNTOLD)
    yield from (trust().sentence, trust(word=TOO_FEW, concordance=float("nan")).sentence)
    yield from (
        trust(**judged, **values).sentence
        for judged in (ONLY_CHOICES, {"choices": 9}, {"choices": 1})
        for values in ({}, {"word": TOO_FEW, "concordance": float("nan")})
    )
    for liked, disliked in ((9, 8), (1, 8), (9, 1), (1, 1)):
        yield trust(liked=liked, disliked=disliked).sentence
    columns = [f"quality/{name}" for name in ("side", "luma/q01", "luma/deviation", "luma/q99", "chroma/q99")]
    yield from why_unfit(np.array([[side] * len(columns) for side in (1.0, 8.0)]), columns)
    for prior in ("others", "judge:clip@1"):
        yield doubt_of(SimpleNamespace(name="mine", trust=trust()), words_of_lack(prior))
    yield trust(**{**ONLY_CHOICES, "choices": 1}, word=TOO_FEW, concordance=float("nan")).sentence
    for word, judged in product((TOO_FEW, CHANCE, UNPROVEN, USABLE), ({}, ONLY_CHOICES)):
        report = trust(word=word, **judged)
        yield report.sentence
        few = CHOOSE_FIVE if judged else RATE_FIVE
        yield from (learning_curve._advice(report, 17, (34, then, 0.6, 0.9), few) for then in (0.8, 0.85))
    yield from summed_up([Failure(Path("a.png"), DIFFERS)])
    yield from (fact for fact, _ in liked_makings._VALUES.values())
    yield from (RATE_FIVE, MORE_PROMPTS, CHOOSE_FIVE, CHOOSE_MORE_PROMPTS, COULD_BE_CHANCE)
    yield from (learning_curve._missing_side(trust(liked=few, disliked=30 - few)) for few in (1, 2, 28, 29))
    yield from (learning_curve._other_items(content=content) for content in (True, False))
    for unit in ("prompt", "burst", "look-alike group"):
        yield WithinGroups(pairs=1, groups=1).sentence(unit)
        for low, high in ((0.6, 0.9), (0.4, 0.6), (0.1, 0.3)):
            yield WithinGroups((low + high) / 2, low, high, 20, 6).sentence(unit)
    for shown in (0.05, 0.25, 0.75):
        yield from (
            PhraseJudgement(Phrase("7", "subject", negated), shown, 0.1, 0.9, 1.0).sentence for negated in (False, True)
        )
    yield from (PhraseJudgement.untold(Phrase("7", "subject"), missing).sentence for missing in ("", "soart[text]"))
    yield from map(str, previews())
    yield from SCARY


def previews():
    """Summaries of previews."""
    agreements = [PreviewAgreement(share, correlation, 9) for share, correlation in ((0.2, 0.17), (0.35, -0.5))]
    yield Pruning([], None, 0, 0, 0.0)
    yield from (Pruning(agreements[:count], None, 8, 0, 0.0) for count in (1, 2))
    yield from (Pruning(agreements, 0.35, 40, dropped, saving) for dropped in (1, 24) for saving in (-0.1, 0.3))


#: Failures as the code tells them.
SCARY = (
    Job(1, "learn", message("Learning the taste of %(rater)s", rater="ana")).reason(OSError("Gone. Lost.")),
    str(SoartError("The folder %(folder)s cannot be written: nothing can be moved there.", folder="'a b'")),
)
#: Names and numbers in charts, and names with numbers before a prompt, which stay as they are.
NAMES = re.compile(r"palette|guidance|AUC|\d+xy|[-+−\d.]+|.*: x")


def svg_texts(svg):
    return re.findall(r'(?:<text [^>]*>|<title>|aria-label=")([^<"]+)', svg)


def charts(say):
    """Charts of every kind, and words beside them, in a language."""
    yield histogram_chart([1.0, 2.0, 4.0], title_of("technical"), say=say)
    yield draw_damage(SimpleNamespace(damage={"noise": (3, ())}), 24, say)
    few, many = ([OptionEffect("palette", f"{k}xy", 1.5 - k, 0.5 - k, 2.5 - k) for k in range(n)] for n in (1, 40))
    curve = [OptionEffect("guidance", str(k), k - 1.5, k - 2.5, k + 0.5, k / 2) for k in range(3)]
    unit = message("stars")
    drawn = [draw_effects(effects, unit, say=say) for effects in (few, few + many[1:3], many, curve)]
    yield from (slot.chart for slots in drawn for slot in slots.values())
    yield say(drawn[-1]["guidance"].best)
    yield draw_course(
        SimpleNamespace(batches=[BatchScore(k, 8, k + 0.5, k + 1.5, []) for k in range(2)], unit=unit), say
    )
    choice = TradeOff(SimpleNamespace(prompt="x"), {"technical-9": 1.5, "taste:mine": 2.5})
    yield from (draw_front([choice] * count, say) for count in (1, 2))
    points = ((8, 0.55, 0.45, 0.65), (16, 0.65, 0.55, 0.75))
    for judged in ({}, ONLY_CHOICES):
        yield draw_curve(trust(curve=points, expected=0.7, more=16, **judged), say)


def chart_texts(say):
    return [text for chart in charts(say) for text in svg_texts(chart) or [chart]]


@pytest.mark.parametrize("code", CODES)
def test_messages_of_the_program_are_translated_as_they_are_made(code):
    texts = texts_in(code)
    pairs = [(text, texts.message(text)) for text in composed() if text]
    pairs += zip(chart_texts(str), chart_texts(texts.say), strict=True)
    same = {"Halos", "halos", "JPEG artefacts", "banding"}
    # Whole numbers, and names in charts, are the same in every language.
    worded = [pair for pair in pairs if re.search(r"[a-z]{3}|\d\.\d", pair[0]) and not NAMES.fullmatch(pair[0])]
    assert len(worded) > 200
    assert [text for text, translated in worded if text == translated and text not in same] == []
    # Each part of a composed message is translated too.
    english = re.compile(r"\b(the|of|and|than|pictures|more|less|most|at|with|rough|smooth)\b")
    assert [translated for _, translated in worded if english.search(translated)] == []


def test_messages_name_the_command_of_an_option(extracted):
    """In the browser nobody knows which command is meant."""
    options = re.compile(r"(?P<command>soart(?: [a-z]+)+ )?(?P<option>--[a-z][a-z-]*)")
    found = [match for text in extracted if text.id for match in options.finditer(forms(text.id)[0])]
    # Of Automatic1111; and beside the words of the field that is meant.
    others = {"--api", "--adherence"}
    assert [match["option"] for match in found if not match["command"] and match["option"] not in others] == []
    assert {match["option"] for match in found} > others


def test_previews_of_a_tune_are_told_in_german():
    told = [texts_in("de").message(str(summary)) for summary in previews()]
    assert not any("previews" in text or "after" in text or "drop" in text for text in told)
    assert told[2] == (
        "Vorschauen: Rangkorrelation mit den fertigen Bildern 0,17 nach 20 % der Schritte, −0,50 nach 35 % der Schritte; "
        "nichts wurde verworfen."
    )
    assert told[-1].startswith(
        "Vorschauen: 24 Kandidaten nach 40 Vorschauen verworfen, 30 % der Generierzeit gespart ("
    )


def test_messages_keep_their_values_and_other_texts_stay():
    german = texts_in("de")
    drift = message(
        "Drift: %(appearance)s went %(word)s from %(early)s to %(late)s, %(moved)s standard deviations of the first "
        "pictures; check whether the score rewards just that.",
        appearance=message("contrast"), word=message("down"), early="0.31", late="0.12", moved="1.5",
    )  # fmt: skip
    assert german.message(drift).startswith("Drift: Kontrast von 0,31 auf 0,12 gefallen (1,5 Standard")
    scored = message("%(count)s pictures scored.", count=12)
    assert german.message(joined([scored, "'a.png' is odd."])) == "12 Bilder haben jetzt einen Score. 'a.png' is odd."
    assert german.message(title_of("blur")) == "ohne Unschärfe"
    # A name is no word of the program, even if it is spelt like one.
    assert german.message(title_of("halos")) == "Geschmack: halos"
    assert german.message(title_of(f"{HOSTILE} %(x)s 100 %")) == f"Geschmack: {HOSTILE} %(x)s 100 %"
    for text in ("", "Nobody has said this.", "x" * 10_000, "%", "%(count)s", "12 pictures scored."):
        assert german.message(text) == text
    assert texts_in("en").message(scored) == "12 pictures scored."


def test_numbers_of_things_take_the_form_of_the_language():
    told = [texts_in("de").message(WithinGroups(pairs=pairs, groups=groups).sentence()) for pairs, groups in ((1, 1), (9, 2))]  # fmt: skip
    assert [text.partition("(bisher ")[2] for text in told] == ["1 Paar aus 1 Prompt)", "9 Paare aus 2 Prompts)"]
    moved = [message("%(files)s moved away.", files=plural("%(count)s file", "%(count)s files", n)) for n in (1, 2)]
    assert [str(text) for text in moved] == ["1 file moved away.", "2 files moved away."]
    assert [texts_in("de").message(text) for text in moved] == ["1 Datei weggelegt.", "2 Dateien weggelegt."]


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"), ("de", "de"), ("DE-at", "de"), ("de;q=0.5,en;q=0.9", "en"), ("fr,de;q=0.1", "de"), ("fr", "en"),
        ("de;q=0", "en"), ("*", "en"), ("de;q=x,en", "en"), (",;,=;q=", "en"), ("de;q=0.7, fr, en;q=0.7", "de"), ("../de", "en"),
    ],
)  # fmt: skip
def test_the_language_of_a_browser(header, language):
    assert preferred(header) == language


def test_plural_forms_agree_between_server_and_scripts():
    texts = texts_in("de")
    assert [str(texts.ngettext("%(count)s file", "%(count)s files", n)) for n in (0, 1, 2, 101)] == ["0 Dateien", "1 Datei", "2 Dateien", "101 Dateien"]  # fmt: skip
    script = (WEB / "static" / "texts" / "de.js").read_text(encoding="utf-8")
    catalogue = json.loads(script.partition("soartTexts = ")[2].rstrip().rstrip(";"))
    assert catalogue["plurals"] == [int(n != 1) for n in range(200)]
    assert catalogue["texts"]["%(count)s picture"] == ["%(count)s Bild", "%(count)s Bilder"]
    english = texts_in("en")
    assert str(english.ngettext("%(count)s file", "%(count)s files", 1)) == "1 file"


def test_numbers_and_dates_have_the_form_of_the_language():
    import datetime as dt

    time = dt.datetime(2026, 1, 31, 14, 5)
    shown = [Markup(texts_in(code).minute(time)).striptags() for code in ("de", "en")]
    assert shown == ["31.01.2026 14:05", "2026-01-31 14:05"]
    assert [texts_in(code).figure(0.125, 2, "+") for code in ("de", "en")] == ["+0,12", "+0.12"]
    assert texts_in("de").decimals(float("nan"), 2) == texts_in("de").figure(np.inf) == "–"


def test_times_are_those_of_the_server_with_the_moment_for_scripts():
    import datetime as dt

    time = dt.datetime(2026, 1, 31, 23, 5, tzinfo=dt.UTC)
    with local_time("Europe/Berlin"):
        assert (
            texts_in("de").minute(time)
            == '<time datetime="2026-01-31T23:05:00Z" data-form="DD.MM.YYYY hh:mm">01.02.2026 00:05</time>'
        )
        assert (
            texts_in("en").day(time) == '<time datetime="2026-01-31T23:05:00Z" data-form="YYYY-MM-DD">2026-02-01</time>'
        )


def test_values_and_translations_are_escaped(monkeypatch):
    texts = Texts("de")
    assert "<script" not in texts.gettext("Keep %(title)s", title=HOSTILE)
    monkeypatch.setattr(
        texts, "_catalogue", type("Catalogue", (), {"gettext": lambda self, text: f"{HOSTILE} %(title)s"})()
    )
    assert "<" not in texts.gettext("Keep %(title)s", title="<b>")
    assert texts.gettext("", title="x") == ""


def page(client, path, **headers):
    answer = client.get(path, headers=GERMAN | headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-security-policy"] == POLICY
    return answer.text


@pytest.fixture(scope="module")
def both(visit_once, make_measured, tmp_path_factory):
    """Every view and part of a page, by language; of a collection with ratings and an evaluation."""
    folder = make_measured(tmp_path_factory.mktemp("language") / "untidy")
    with Collection(folder) as collection:
        rate(collection, "me", {image: 1 + 4 * (image % 2) for image in collection.ids()[:6]})
    visitor = visit_once(folder)
    visitor.client.app.state.server.collections[0].evaluation.engine = Here()
    assert visitor.send("evaluate").status_code == 200
    assert visitor.wait_for("evaluate")["state"] == "done"
    paths = [*(f"/c/0/{view}" for view in VIEWS), *(f"/c/0{part}" for part in PARTS), "/collections", "/login"]
    return visitor, {code: {path: page(visitor.client, path, **{"accept-language": code}) for path in paths} for code in ("en", "de")}  # fmt: skip


def test_german_pages_have_no_english_left(both):
    _visitor, pages = both
    catalogue = texts_in("de")._catalogue
    same = set(re.findall(r'msgid "(.*)"\nmsgstr "\1"', (CATALOGUES / "de" / "LC_MESSAGES" / "web.po").read_text("utf-8")))  # fmt: skip
    assert catalogue.gettext("Gallery") == "Galerie"
    # Prompts and names of the collection, and the other language's name.
    judges = "|".join(judge.name for judge in known_judges())
    values = re.compile(rf"scene \d+ of \d+|untidy|failed|me(: \d| \d+)?|English|Deutsch|/.*|{judges}|a boat\n.*")
    left = {}
    for path, german in pages["de"].items():
        english = set(Visible(pages["en"][path]).texts)
        found = {
            text
            for text in Visible(german).texts
            if text in english and words(text) and text.removesuffix(" · untidy") not in same
        }
        if found := {text for text in found if not values.fullmatch(text)}:
            left[path] = found
    assert left == {}
    assert all('<html lang="de">' in html for path, html in pages["de"].items() if path.count("/") == 3)
    assert all('<html lang="en">' in html for path, html in pages["en"].items() if path.count("/") == 3)


def test_jobs_and_errors_are_told_in_german(both):
    visitor, _ = both
    jobs = visitor.client.get("/c/0/api/jobs", headers=GERMAN).json()["jobs"]
    assert "Auswertung läuft" in [job["title"] for job in jobs]
    assert [job["message"] for job in jobs if job["key"] == "evaluate"][-1].endswith(" Bilder ausgewertet.")
    assert "Diese Seite gibt es nicht." in visitor.client.get("/c/0/nothing", headers=GERMAN).text
    answer = visitor.client.get("/c/0/api/ids?low=90&high=9", headers={"accept-language": "de"})
    assert answer.json()["error"] == "Perzentile liegen zwischen 0 und 100, nicht 90 bis 9."
    refused = visitor.client.post("/rater", json={"rater": "me"}, headers={"accept-language": "de"})
    assert refused.json()["error"].startswith("Diese Seite")


#: Requests that are refused, each with the beginning of its message in English.
REFUSED = [
    ("/ids?low=x", None, "Expected a percentile 0–100, got 'x'"),
    ("/ids?low=90&high=9", None, "Expected percentiles within 0…100, got 90 to 9"),
    ("/ids?since=yesterday", None, "Expected a day such as 2026-01-31, got 'yesterday'"),
    ("/ids?shown=yes", None, "No picture of this collection has been judged by adherence yet"),
    (f"/ids?words={'+'.join('abcdefghijklmnopqrstuvwxyz' * 3)}", None, "Expected at most "),
    ("/evaluate/move", {"plan": "x"}, "Choose what to move away."),
    ("/evaluate/undo", {"name": "x.json"}, "There is nothing to undo under this name any more"),
    ("/generate", {"prompt": " "}, "Name a prompt to draw"),
    ("/generate", {"prompt": "a boat", "count": 0}, "Expected 1 to "),
    ("/generate", {"prompt": "a boat", "seed": "x"}, "Expected a whole number as a seed, got 'x'"),
    ("/jobs/cancel", {"job": 999}, "This job has already ended."),
    ("/score", {"by": "judge:x"}, "This judge is a model"),
    ("/selection/label", {"images": []}, "Select at least one picture."),
    ("/tune/start", {"prompt": ""}, "Name a prompt to tune"),
    ("/tune/reopen", {"key": "x"}, "This tune is not among the earlier ones"),
]


@pytest.mark.parametrize(("path", "body", "english"), REFUSED, ids=[english for _, _, english in REFUSED])
def test_refusals_are_told_in_german(both, path, body, english):
    visitor, told = both[0], {}
    for code in ("en", "de"):
        if body is None:
            answer = visitor.client.get(f"/c/0/api{path}", headers={"accept-language": code})
        else:
            answer = visitor.post(f"/c/0/api{path}", {"rater": "me"} | body, **{"accept-language": code})
        assert answer.status_code >= 400
        told[code] = answer.json()["error"]
    assert told["en"].startswith(english)
    # What was sent, names of fields and judges, and prompts.
    assert words(told["en"]) & words(told["de"]) <= {"yesterday", "count", "seed", "adherence", "boat"}, told["de"]


def test_hostile_prompts_stay_text_in_german(things, visit_once):
    visitor = visit_once(things)
    with Collection(things) as collection:
        image = collection.ids()[0]
    html = page(visitor.client, f"/c/0/detail/{image}") + page(visitor.client, f"/c/0/generate?like={image}")
    assert "&lt;script&gt;" in html
    assert "<script>" not in html


def test_a_language_is_chosen_beside_the_name(visit):
    visitor = visit(fresh=True)

    def lang(**headers):
        html = visitor.client.get("/c/0/gallery", headers={"accept": "text/html", **headers}).text
        return re.search(r'<html lang="(.*?)">', html)[1]

    assert (lang(), lang(**GERMAN), lang(**{"accept-language": "fr"})) == ("en", "de", "en")
    for chosen, seen in (
        ("de", ("de", "de")),
        ("en", ("en", "en")),
        ("xx", ("en", "en")),
        (["de"], ("en", "en")),
        ("", ("en", "de")),
    ):
        assert visitor.post("/rater", {"rater": "me", "language": chosen}).status_code == 200
        assert (lang(), lang(**GERMAN)) == seen
    visitor.post("/rater", {"rater": "me", "language": "de"})
    visitor.post("/logout")
    assert '<html lang="de">' in visitor.client.get("/login", headers={"accept": "text/html"}).text


def test_the_server_may_have_a_language(visit):
    visitor = visit(language="de")
    assert '<html lang="de">' in visitor.client.get("/c/0/gallery", headers={"accept": "text/html"}).text
    visitor.post("/rater", {"rater": "me", "language": "en"})
    assert '<html lang="en">' in visitor.client.get("/c/0/gallery", headers=GERMAN).text


def test_scripts_get_their_texts_before_they_run(both):
    _, pages = both
    html = pages["de"]["/c/0/rate"]
    assert html.index("/static/texts/de.js") < html.index('type="module"')
    assert "/static/texts/" not in pages["en"]["/c/0/rate"]
    strangers = TestClient(both[0].client.app, base_url="http://127.0.0.1", follow_redirects=False)
    assert strangers.get("/static/texts/de.js").headers["content-type"].startswith("text/javascript")


def test_german_in_the_browser_and_back(come, address):
    page = come(locale="de-DE")
    page.goto(f"{address}/c/0/rate")
    page.wait_for_selector("#picture[data-id]")
    page.keyboard.press("5")
    page.wait_for_function(
        "() => document.querySelector('#counts').textContent.startsWith('1 bewertet, 0 übersprungen')"
    )
    page.goto(f"{address}/c/0/gallery")
    page.wait_for_function("() => document.querySelector('#count').textContent === '40 Bilder'")
    assert page.get_attribute("#scheme", "aria-label").endswith("dunkel: wie das System")
    page.set_viewport_size({"width": 1280, "height": 800})
    page.wait_for_function("() => document.querySelector('.top nav').clientWidth > 600")
    assert page.eval_on_selector(".top nav", "nav => nav.scrollWidth <= nav.clientWidth")
    # The button at the end of the keys was cut.
    page.set_viewport_size({"width": 1300, "height": 900})
    page.keyboard.press("?")
    page.wait_for_selector("#keys[open]")
    assert page.eval_on_selector("#keys", "dialog => dialog.scrollHeight <= dialog.clientHeight")
    page.set_viewport_size({"width": 320, "height": 640})
    page.goto(f"{address}/c/0/rate")
    page.wait_for_selector("#picture[data-id]")
    assert page.evaluate("document.documentElement.scrollWidth") == 320
    for width in (320, 390):
        page.set_viewport_size({"width": width, "height": 844})
        texts = page.locator(".stars.big button > *")
        assert (
            texts.evaluate_all(
                "nodes => nodes.filter((n) => n.offsetWidth > n.parentNode.clientWidth).map((n) => n.innerText)"
            )
            == []
        )
    page.goto(f"{address}/c/0/gallery")
    page.click("#who")
    page.select_option("#who-dialog [name=language]", "en")
    page.click("#who-dialog [type=submit]")
    page.wait_for_function("() => document.documentElement.lang === 'en'")
    page.wait_for_function("() => document.querySelector('#count').textContent === '40 pictures'")


def test_charts_speak_the_language_and_names_of_options_stay():
    german = texts_in("de")
    options = [Interval("red", 1.5, 0.5, 2.5), Interval("<b>chance", -1.0, -2.0, 0.3)]
    effects, unit = [OptionEffect("palette", o.name, o.mean, o.low, o.high) for o in options], message("stars")
    english, drawn = draw_effects(effects, unit)["palette"], draw_effects(effects, unit, say=german.say)["palette"]
    texts = svg_texts(drawn.chart)
    assert "effect (stars), bars: 90 % intervals" in svg_texts(english.chart)
    assert "Wirkung (Sterne), Balken: 90-%-Intervalle" in texts
    [judged] = draw_judges({"judge:clip@1": [OptionEffect("palette", "red", 1.5, 0.5, 2.5)]}, german.say).values()
    assert "Wirkung (Einheit von „Juror: clip“), Balken: 90-%-Intervalle" in svg_texts(judged["palette"].chart)
    assert texts[0].startswith("Wirkungen von palette: am besten red +1,5 (+0,5 … +2,5)")
    assert {"red", "&lt;b&gt;chance", "+1,5"} <= set(texts)
    empty = draw_effects(
        [OptionEffect("palette", name, 1.5, 0.5, 2.5) for name in ("", "(nothing) red")], unit, say=german.say
    )
    names = svg_texts(empty["palette"].chart)
    assert {"(nichts)", "(nothing) red"} <= set(names)
    assert "(nothing)" not in names
    counts = draw_damage(SimpleNamespace(damage={"noise": (3, ())}), 24, german.say)
    assert {
        "Vermutete Schäden, Bilder: am häufigsten Rauschen, 3.",
        "Rauschen: 3, 12,5 %",
        "Rauschen",
        "Bilder",
    } <= set(svg_texts(counts))
