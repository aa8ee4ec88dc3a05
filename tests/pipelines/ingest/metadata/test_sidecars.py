import json
import os

import pytest

from soart.pipelines.ingest.metadata import picture_metadata, sidecar_metadata

SETTINGS = "Steps: 20, Sampler: Euler, CFG scale: 7, Seed: 5, Size: 8x8, Model: m"


def test_parameters_beside_a_picture(tmp_path):
    (tmp_path / "a.txt").write_text(f"a fox\nNegative prompt: blur\n{SETTINGS}", encoding="utf-8")
    found = sidecar_metadata(tmp_path / "a.png")
    assert (found.tool, found.prompt, found.negative, found.seed, found.source) == (
        "AUTOMATIC1111",
        "a fox",
        "blur",
        5,
        "sidecar:a.txt",
    )
    assert sidecar_metadata(tmp_path / "b.png") is None


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_captions(tmp_path, encoding):
    (tmp_path / "a.b.png.txt").write_bytes("ein schöner Fuchs\r\nim Schnee \n".encode(encoding))
    found = sidecar_metadata(tmp_path / "a.b.png")
    assert (found.tool, found.prompt, found.steps, found.source) == (
        "caption",
        "ein schöner Fuchs\nim Schnee ",
        None,
        "sidecar:a.b.png.txt",
    )


def test_the_kinds_in_order(tmp_path):
    (tmp_path / "a.caption").write_text("third")
    assert sidecar_metadata(tmp_path / "a.png").prompt == "third"
    (tmp_path / "a.txt").write_text("second")
    assert sidecar_metadata(tmp_path / "a.png").prompt == "second"
    (tmp_path / "a.json").write_text(
        '{"prompt": "first", "seed": "12", "cfgScale": 6, "Model": "m", "width": 8, "height": 9, "note": "x"}'
    )
    found = sidecar_metadata(tmp_path / "a.png")
    assert (found.tool, found.prompt, found.seed, found.guidance, found.model) == ("table", "first", 12, 6.0, "m")
    assert found.settings == {"size": "8x9", "note": "x"}
    # What cannot be read does not hide what can.
    (tmp_path / "a.json").write_text("{broken")
    assert sidecar_metadata(tmp_path / "a.png").prompt == "second"


GRAPH = {
    "1": {
        "class_type": "KSampler",
        "inputs": {"seed": 4, "steps": 9, "cfg": 2, "positive": ["2", 0], "latent_image": ["9", 0]},
    },
    "2": {"class_type": "CLIPTextEncode", "inputs": {"text": "a fox", "clip": ["9", 0]}},
}


@pytest.mark.parametrize(
    ("values", "tool"),
    [
        ({"sui_image_params": {"prompt": "a fox", "seed": 4}}, "SwarmUI"),
        (
            {
                "Prompt": "a fox",
                "Seed": 4,
                "Sharpness": 2,
                "Performance": "Speed",
                "Base Model": "j",
                "Guidance Scale": 4,
            },
            "Fooocus",
        ),
        ({"positive_prompt": "a fox", "seed": 4, "app_version": "3"}, "InvokeAI"),
        ({"c": "a fox", "uc": "", "seed": 4, "steps": 2}, "Draw Things"),
        ({"prompt": "a fox", "seed": 4, "num_inference_steps": 25}, "Easy Diffusion"),
        ({"meta": {"prompt": "a fox", "seed": 4}, "id": 3}, "table"),
        ({"parameters": f"a fox\n{SETTINGS.replace('5', '4')}"}, "AUTOMATIC1111"),
        ({"prompt": GRAPH}, "ComfyUI"),
        (GRAPH, "ComfyUI"),
        ({"caption": "a fox", "seed": 4}, "table"),
    ],
)
def test_objects_of_every_tool(tmp_path, values, tool):
    (tmp_path / "a.json").write_text(json.dumps(values))
    found = sidecar_metadata(tmp_path / "a.jpg")
    assert (found.tool, found.prompt, found.seed, found.source) == (tool, "a fox", 4, "sidecar:a.json")


def test_fields_under_two_names_that_disagree_are_unknown(tmp_path):
    (tmp_path / "a.json").write_text(
        '{"prompt": "a fox", "steps": 20, "num_steps": 3, "cfg": 7, "guidance_scale": 4, "caption": "other"}'
    )
    found = sidecar_metadata(tmp_path / "a.png")
    assert (found.prompt, found.steps, found.guidance) == ("a fox", 20, None)


def test_xmp_beside_a_picture(tmp_path):
    packet = '<x xmlns:xmp="http://ns.adobe.com/xap/1.0/"><y xmp:Rating="3"/></x>'
    (tmp_path / "a.xmp").write_text(packet)
    assert sidecar_metadata(tmp_path / "a.png").settings == {"rating": "3"}
    (tmp_path / "a.xmp").write_text("<x")
    assert sidecar_metadata(tmp_path / "a.png") is None


RATED = '<x xmlns:xmp="http://ns.adobe.com/xap/1.0/"><y xmp:Rating="%s"/></x>'


@pytest.mark.parametrize("place", ["file", "text", "table"])
def test_the_rating_beside_a_picture_hides_nothing_and_is_added(build, tmp_path, place):
    """The stars that ``soart label`` writes beside a picture hid the prompt in a table."""
    content = build.png({"parameters": f"a fox\n{SETTINGS}"} if place == "file" else {})
    if place == "text":
        (tmp_path / "a.txt").write_text("a fox")
    if place == "table":
        (tmp_path / "metadata.jsonl").write_text('{"file_name": "a.png", "prompt": "a fox"}')
    (tmp_path / "a.xmp").write_text(RATED % 4)
    found = picture_metadata(tmp_path / "a.png", content)
    assert (found.prompt, found.settings["rating"]) == ("a fox", "4")


def test_a_rating_in_the_file_counts_before_one_beside_it(build, tmp_path):
    (tmp_path / "a.txt").write_text("a fox")
    (tmp_path / "a.xmp").write_text(RATED % 4)
    content = build.saved("JPEG", xmp=(RATED % 2).encode())
    found = picture_metadata(tmp_path / "a.jpg", content)
    assert (found.tool, found.prompt, found.settings) == ("caption", "a fox", {"rating": "2"})
    (tmp_path / "a.txt").unlink()
    assert picture_metadata(tmp_path / "a.jpg", content).settings == {"rating": "2"}


def test_a_rating_of_the_tool_itself_stays(tmp_path):
    (tmp_path / "a.json").write_text('{"prompt": "a fox", "rating": "safe"}')
    (tmp_path / "a.xmp").write_text(RATED % 4)
    assert picture_metadata(tmp_path / "a.png", b"").settings == {"rating": "safe"}


@pytest.mark.parametrize("suffix", [".json", ".txt", ".caption", ".xmp"])
def test_a_text_of_the_full_name_comes_before_one_that_pictures_share(tmp_path, suffix):
    for name, stars in ((f"a{suffix}", 1), (f"a.png{suffix}", 2)):
        text = {".json": f'{{"prompt": "{stars}"}}', ".xmp": RATED % stars}.get(suffix, str(stars))
        (tmp_path / name).write_text(text)
    found = sidecar_metadata(tmp_path / "a.png")
    assert (found.source, found.prompt or found.settings["rating"]) == (f"sidecar:a.png{suffix}", "2")
    assert sidecar_metadata(tmp_path / "a.jpg").source == f"sidecar:a{suffix}"


@pytest.mark.parametrize("rating", ["0", "9", "x"])
def test_no_rating_is_none_beside_a_picture_too(tmp_path, rating):
    (tmp_path / "a.xmp").write_text(RATED % rating)
    assert sidecar_metadata(tmp_path / "a.png") is None
    assert picture_metadata(tmp_path / "a.png", b"") is None


def test_a_table_that_changes_is_read_again(tmp_path):
    for prompt in ("a fox", "two owls"):
        (tmp_path / "metadata.jsonl").write_text(f'{{"file_name": "a.png", "prompt": "{prompt}"}}')
        assert picture_metadata(tmp_path / "a.png", b"").prompt == prompt


def test_what_is_no_plain_file_is_left_alone(tmp_path):
    (tmp_path / "a.txt").mkdir()
    os.mkfifo(tmp_path / "a.json")
    (tmp_path / "a.caption").symlink_to(tmp_path / "a.caption")
    with (tmp_path / "a.xmp").open("wb") as stream:
        stream.truncate(2**40)
    assert sidecar_metadata(tmp_path / "a.png") is None


@pytest.mark.parametrize("content", [b"", b"   \n", b"\0\1\2\xff", b"a" * 200_000, b"[1, 2]", b"{}", b'{"prompt": 3}'])
def test_nothing_to_read(tmp_path, content):
    (tmp_path / "a.json").write_bytes(content)
    assert sidecar_metadata(tmp_path / "a.png") is None
    (tmp_path / "b.txt").write_bytes(content)
    found = sidecar_metadata(tmp_path / "b.png")
    assert found is None or (found.tool == "caption" and content.startswith((b"[", b"{")))


def test_odd_names(tmp_path):
    for name in ("new\nline.png", "ü🦊.png", ".hidden.png", "a%00.png", "noext"):
        (tmp_path / f"{name}.txt").write_text("a fox")
        found = sidecar_metadata(tmp_path / name)
        assert found.prompt == "a fox"
        assert found.source == f"sidecar:{name}.txt"


def graph(**lines):
    return {
        **{name: {**one, "inputs": dict(one["inputs"])} for name, one in GRAPH.items()},
        "2": {"class_type": "CLIPTextEncode", "inputs": {"text": ["3", 0], "clip": ["9", 0]}},
        "3": {"class_type": "Prompt Picker", "inputs": lines},
    }


@pytest.mark.parametrize("prompt", [None, "an owl"])
def test_a_caption_counts_before_a_guess_and_before_none(build, tmp_path, prompt):
    """The file leaves its prompt open, and fills the gaps of the text that does not."""
    lines = {"prompt": "a fox\nan owl"} | ({"index": 1} if prompt else {"index": ["9", 0]})
    content = build.png({"prompt": json.dumps(graph(**lines))})
    found = picture_metadata(tmp_path / "a.png", content)
    assert (found.prompt, found.guessed, found.source) == (prompt, prompt is not None, "png:prompt")
    (tmp_path / "metadata.jsonl").write_text('{"file_name": "a.png", "prompt": "a hare", "seed": 4}')
    found = picture_metadata(tmp_path / "a.png", content)
    assert (found.prompt, found.guessed, found.source) == ("a hare", False, "table:metadata.jsonl")
    (tmp_path / "a.txt").write_text("a red fox")
    found = picture_metadata(tmp_path / "a.png", content)
    assert (found.prompt, found.guessed, found.source) == ("a red fox", False, "sidecar:a.txt")
    assert (found.tool, found.seed, found.steps, found.guidance) == ("ComfyUI", 4, 9, 2.0)
    # Of a text that does not know it either.
    for text in ("unknown", ""):
        (tmp_path / "a.txt").write_text(text)
        (tmp_path / "metadata.jsonl").unlink(missing_ok=True)
        assert picture_metadata(tmp_path / "a.png", content).prompt == prompt
    (tmp_path / "a.txt").write_text(f"a red fox\nNegative prompt: blur\n{SETTINGS}")
    found = picture_metadata(tmp_path / "a.png", content)
    assert (found.tool, found.prompt, found.negative, found.model) == ("ComfyUI", "a red fox", "blur", "m")
    # A rating alone is no text.
    (tmp_path / "a.txt").unlink()
    (tmp_path / "a.xmp").write_text(RATED % 4)
    found = picture_metadata(tmp_path / "a.png", content)
    assert (found.prompt, found.settings["rating"]) == (prompt, "4")


def test_a_caption_does_not_count_before_the_prompt_that_a_graph_states(build, tmp_path):
    lines = {"prompt": "a fox\nan owl", "start_index": 1, "max_rows": 1}
    (tmp_path / "a.txt").write_text("a red fox")
    for text in (GRAPH, graph(**lines)):
        found = picture_metadata(tmp_path / "a.png", build.png({"prompt": json.dumps(text)}))
        assert (found.prompt, found.source) == ("an owl" if text is not GRAPH else "a fox", "png:prompt")
