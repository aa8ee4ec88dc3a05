import pytest

from soart.metrics.damage.titles import judge_name, shared_name, stored_title, title_of


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


def test_titles_of_judges_hold_no_folder():
    assert title_of("judge:clip:/home/ann/fine@1") == stored_title("judge:clip:/home/ann/fine@1") == "judge: clip:fine"


@pytest.mark.parametrize(
    ("stored", "name"),
    [
        ("technical-5", "technical"),
        ("overall-0503", "overall"),
        ("blur-7", "blur"),
        ("taste:mine", "mine"),
        ("taste:blur-7", "blur-7"),
        ("judge:clip@1", "judge:clip@1"),
        ("other", "other"),
    ],
)
def test_judges_are_known_by_the_name_of_their_scores(stored, name):
    assert judge_name(stored) == name
