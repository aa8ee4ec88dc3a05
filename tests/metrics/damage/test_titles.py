import pytest

from soart.metrics.damage.titles import JudgeKey, Kind, model_title, shared_name, stored_title, title_of


@pytest.mark.parametrize(
    ("name", "shared"),
    [
        ("judge:clip:/home/ann/models/fine@1", "judge:clip:fine@1"),
        ("judge:clip:~/fine/@1", "judge:clip:fine@1"),
        ("judge:clip:../fine@1", "judge:clip:fine@1"),
        ("judge:siglip:C:\\Users\\ann\\fine@2-3", "judge:siglip:fine@2-3"),
        ("judge:vqascore:models/ann/fine@1", "judge:vqascore:fine@1"),
        # Without its start, which was too long to store.
        ("judge:nn/models/" + "x" * 40 + "/fine@1", "judge:fine@1"),
        ("judge:e/ann/a folder: new/fine@1", "judge:fine@1"),
        ("judge:clip:/home/me@work/fine@1", "judge:clip:fine@1"),
        ("judge:clip:/home/ann/fine", "judge:clip:fine"),
        ("judge:clip:/@1", "judge:clip:model@1"),
        ("judge:clip:openai/clip-vit-base-patch32@1", "judge:clip:openai/clip-vit-base-patch32@1"),
        ("judge:pyiqa:niqe@pyiqa-0.1.14", "judge:pyiqa:niqe@pyiqa-0.1.14"),
        ("judge:aesthetic@1", "judge:aesthetic@1"),
        ("judge:@", "judge:@"),
        ("taste:ann/ben/eve", "taste:ann/ben/eve"),
        ("technical-4", "technical-4"),
    ],
)
def test_judges_are_shared_without_the_folder_of_their_model(name, shared):
    assert shared_name(name) == shared
    assert shared_name(shared) == shared


def test_the_judges_of_soart_have_titles_and_models_their_names():
    own = ("overall", "technical", "appeal", "rated-quality", "nima", "adherence")
    assert [str(title_of(name)) for name in own] == [
        "overall score", "technical quality", "general appeal", "rated quality", "photographers' rating",
        "adherence to the prompt",
    ]  # fmt: skip
    assert [str(model_title(name)) for name in ("judge:rated-quality@rated-quality-2", "adherence")] == [
        "rated quality", "adherence to the prompt",
    ]  # fmt: skip
    assert [model_title(name) for name in ("clip:openai/clip-vit-base-patch32", "judge:adherence:/home/ann/own@1")] == [
        "clip:openai/clip-vit-base-patch32", "adherence:own",
    ]  # fmt: skip


def test_titles_of_judges_hold_no_folder():
    assert title_of("judge:clip:/home/ann/fine@1") == stored_title("judge:clip:/home/ann/fine@1") == "judge: clip:fine"


@pytest.mark.parametrize(
    ("stored", "key"),
    [
        ("technical-5", (Kind.SCORE, "technical", "5")),
        ("overall-0503", (Kind.SCORE, "overall", "0503")),
        ("blur-7", (Kind.SCORE, "blur", "7")),
        ("taste:mine", (Kind.TASTE, "mine", "")),
        ("taste:blur-7", (Kind.TASTE, "blur-7", "")),
        ("judge:clip:a/b@1@2", (Kind.MODEL, "clip:a/b", "1@2")),
        ("person:ann", (Kind.PERSON, "ann", "")),
        ("technical", (Kind.OTHER, "technical", "")),
    ],
)
def test_judges_are_known_by_the_key_of_their_scores(stored, key):
    assert JudgeKey.of(stored) == key
    assert JudgeKey.of(stored).points == (key[0] in (Kind.SCORE, Kind.TASTE))
