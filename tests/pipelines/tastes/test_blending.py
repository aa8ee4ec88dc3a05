"""Blends of judges that are not all tastes."""

from dataclasses import replace

import numpy as np
import pytest
from specimens.judging import bright_taste

from soart.errors import JudgeError, TasteError
from soart.metrics.tastes.blend import NamedJudge
from soart.metrics.tastes.taste_files import load_taste, save_taste
from soart.metrics.tastes.trust import USABLE
from soart.pipelines.collection.collection import Collection
from soart.pipelines.judges.board import board
from soart.pipelines.judges.catalogue import Allow, Catalogue
from soart.pipelines.judges.finding import judges_for
from soart.pipelines.scoring.pictures import StoredPictures
from soart.pipelines.scoring.taste_store import StoresInTurn, TasteStore
from soart.pipelines.tastes.blending import blended


@pytest.fixture
def tastes(tmp_path):
    return StoresInTurn(TasteStore(tmp_path / "tastes"))


@pytest.fixture
def pictures(untidy):
    with Collection(untidy) as collection:
        yield StoredPictures(collection, collection.images())


def test_it_scores_by_copies_of_tastes_and_by_judges_of_the_same_version(pictures, tastes):
    sound = [row for row in pictures.rows if not row.problem][:12]
    bright = bright_taste(np.stack([pictures.collection.pixels(row)[:48, :48] for row in sound]))
    tastes.own.save(replace(bright, trust=replace(bright.trust, word=USABLE)))
    tastes.own.save(blended("mix", [("technical", 3), ("bright", 1)], tastes))
    alone = board(pictures, judges_for(["technical", "bright"], tastes)).columns.values
    expected = 0.75 * alone[next(iter(alone))] + 0.25 * alone["taste:bright"]
    tastes.delete("bright")
    judges = judges_for("mix", tastes)
    found = board(pictures, judges)
    np.testing.assert_allclose(found.total, expected)
    assert np.isnan(found.total).sum() == 1
    assert found.columns.problems == board(pictures, judges_for("technical")).columns.problems
    assert [(one.kind, one.summary) for one in Catalogue(tastes).entries() if one.name == "mix"] == [
        ("blend", "0.25 bright + 0.75 technical")
    ]
    # Guests do not choose it unless the owner offers it.
    with pytest.raises(TasteError, match="There is no taste 'mix'"):
        Catalogue(tastes).entry("mix", Allow.OFFERED)
    assert Catalogue(tastes, [("mix", 1.0)]).find("mix", Allow.OFFERED).version == judges[0][0].version
    with pytest.raises(TasteError, match="a blend with judges that are not tastes"):
        load_taste(tastes.blends.path("mix"))
    with pytest.raises(TasteError, match="taste or blend 'mix' already"):
        tastes.own.place("mix")


def test_other_values_count_in_deviations_over_a_collection(pictures, tastes):
    parts = [("technical", 1.0), ("appeal", 2.0)]
    with pytest.raises(JudgeError, match="'appeal' gives no points: name a collection"):
        blended("both", parts, tastes)
    tastes.own.save(blended("both", parts, tastes, pictures))
    np.testing.assert_allclose(
        board(pictures, judges_for("both", tastes)).total, board(pictures, judges_for(dict(parts))).total
    )
    with pytest.raises(JudgeError, match="'technical' gives all these pictures one value"):
        blended("one", parts, tastes, pictures.part({*pictures.ids[:1]}))


def test_files_of_strangers_name_nothing_else(tastes, tmp_path):
    usual = blended("mix", [("technical", 1), ("blur", 1)], tastes)
    tastes.own.save(usual)
    for text, words in (
        ("os:getcwd", "blend may not load code"),
        ("person:ann", "a person whose values may change"),
        ("mix", "a blend whose values may change"),
        ("nobody", "There is no judge 'nobody'"),
        ("technical", "made with 'technical' of version 0, here it has"),
    ):
        tastes.own.save(replace(usual, judges=(usual.judges[1], NamedJudge(text, "0"))))
        with pytest.raises(JudgeError, match=words):
            judges_for("mix", tastes)
        if text != "technical":
            with pytest.raises(JudgeError, match=words):
                blended("new", [("blur", 1), (text, 1)], tastes)
    for wrong in (
        replace(usual, weights=(1.0,)),
        replace(usual, weights=(1.0, -1.0)),
        replace(usual, units=((0, 0),) * 2),
    ):
        with pytest.raises(TasteError, match="incomplete: expected a weight and a unit"):
            Catalogue(StoresInTurn(TasteStore(save_taste(wrong, tmp_path / "x.blend.safetensors").parent))).judge("x")
    for few in ([("blur", 1)], [("blur", 1), ("technical", 0)]):
        with pytest.raises(JudgeError, match="at least two judges, each with a weight"):
            blended("new", few, tastes)
