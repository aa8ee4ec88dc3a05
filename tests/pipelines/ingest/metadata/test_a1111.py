import pytest

from soart.pipelines.collection.png import encode_png, parameters_text
from soart.pipelines.ingest.metadata import embedded_metadata
from soart.pipelines.ingest.metadata.a1111 import read_pairs, read_parameters
from soart.pipelines.models.request import Request

SETTINGS = "Steps: 28, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 6.5, Seed: 4294967297, Size: 512x768, Model hash: ab12, Model: dream, Clip skip: 2, Version: v1.10.1"
TEXT = f"a fox, (snow:1.2) <lora:ink:0.8>\nsecond line\nNegative prompt: blurry,\nnoisy\n{SETTINGS}"


def expect_all(found):
    assert (found.prompt, found.negative) == ("a fox, (snow:1.2) <lora:ink:0.8>\nsecond line", "blurry,\nnoisy")
    assert (found.model, found.sampler, found.scheduler) == ("dream", "DPM++ 2M", "Karras")
    assert (found.seed, found.steps, found.guidance) == (4294967297, 28, 6.5)
    assert found.settings["size"] == "512x768"
    assert found.settings["clip skip"] == "2"
    assert found.settings["loras"] == "ink:0.8"


def test_a_line_of_settings_has_three_of_them():
    assert read_parameters("how to draw\nSteps: 20, Seed: 3", "x") is None
    assert read_parameters("how to draw\nSteps: 20, Seed: 3, Size: 8x8", "x").prompt == "how to draw"


def test_of_a_setting_that_comes_twice_the_first_counts():
    found = read_parameters("a\nSteps: 20, Seed: 3, Seed: 4, ENSD: 1, ensd: 2", "x")
    assert (found.seed, found.settings) == (3, {"ensd": "1"})


@pytest.mark.parametrize("kind", ["auto", "zTXt", "iTXt"])
def test_png(build, kind):
    found = embedded_metadata(build.png({"parameters": TEXT}, kind=kind))
    expect_all(found)
    assert (found.tool, found.source) == ("AUTOMATIC1111", "png:parameters")


def test_text_after_the_pixels(build):
    content = build.png()
    assert content[-12:-8] == b"\0\0\0\0"
    late = content[:-12] + build.chunk(b"tEXt", b"parameters\0" + TEXT.encode()) + content[-12:]
    expect_all(embedded_metadata(late))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    "comment",
    [
        b"UNICODE\0" + TEXT.encode("utf-16-be"),
        b"UNICODE\0" + TEXT.encode("utf-16-le"),
        b"UNICODE\0" + TEXT.encode("utf-16"),
        b"UNICODE\0" + TEXT.encode("utf-16-be") + b"\0",
        b"UNICODE\0" + TEXT.encode(),
        b"ASCII\0\0\0" + TEXT.encode(),
        b"\0" * 8 + TEXT.encode() + b"\0\0",
        TEXT.encode(),
    ],
    ids=["be", "le", "bom", "odd", "utf8", "ascii", "undefined", "bare"],
)
def test_user_comment(build, order, comment):
    exif = build.tiff({}, order, comment)
    for content in (build.saved("JPEG", exif), build.saved("WEBP", exif), build.png(exif=exif)):
        found = embedded_metadata(content)
        expect_all(found)
        assert found.source == "exif:UserComment"


def test_avif(build):
    found = embedded_metadata(build.saved("AVIF", build.tiff({}, ">", b"UNICODE\0" + TEXT.encode("utf-16-be"))))
    expect_all(found)


def test_heic(build):
    pillow_heif = pytest.importorskip("pillow_heif")
    pillow_heif.register_heif_opener()
    expect_all(embedded_metadata(build.saved("HEIF", build.tiff({}, ">", b"UNICODE\0" + TEXT.encode("utf-16-be")))))


def test_jxl_by_its_decoder(build):
    pytest.importorskip("pillow_jxl")
    expect_all(embedded_metadata(build.saved("JXL", build.tiff({}, ">", b"UNICODE\0" + TEXT.encode("utf-16-be")))))


def test_jxl_by_its_boxes(build):
    exif = build.tiff({}, "<", b"UNICODE\0" + TEXT.encode("utf-16-le"))
    xmp = b"<x xmlns:xmp='http://ns.adobe.com/xap/1.0/' xmp:Rating='4'/>"
    content = b"\0\0\0\x0cJXL \r\n\x87\n"
    for kind, data in (
        (b"ftyp", b"jxl \0\0\0\0jxl "),
        (b"Exif", bytes(4) + exif),
        (b"xml ", xmp),
        (b"jxlc", b"\xff\x0a"),
    ):
        content += (len(data) + 8).to_bytes(4, "big") + kind + data
    found = embedded_metadata(content)
    expect_all(found)
    assert found.settings["rating"] == "4"


def test_user_comment_in_other_scripts(build):
    text = f"白い狐、雪の中 🦊\nNegative prompt: 低品質\n{SETTINGS}"
    for encoding in ("utf-16-be", "utf-16-le"):
        found = embedded_metadata(build.saved("JPEG", build.tiff({}, "<", b"UNICODE\0" + text.encode(encoding))))
        assert (found.prompt, found.negative) == ("白い狐、雪の中 🦊", "低品質")


@pytest.mark.parametrize(
    ("end", "tool"),
    [
        ("Version: f2.0.1v1.10.1-previous-659-gc055f2d4", "Forge"),
        ("Version: neo", "Forge"),
        ("App: SD.Next, Version: 4867daf, Operations: txt2img", "SD.Next"),
        ("Version: ComfyUI", "ComfyUI"),
        ("Version: v1.6.0", "AUTOMATIC1111"),
        ("Size: 8x8", "AUTOMATIC1111"),
    ],
)
def test_tools_that_write_the_same(end, tool):
    assert read_parameters(f"a fox\nSteps: 20, Sampler: Euler, Seed: 1, {end}", "x").tool == tool


def test_quoted_and_nested_settings():
    line = 'Steps: 20, Sampler: Euler a, ADetailer prompt: "face, \\"quoted\\": yes\\nnew", Hashes: {"model": "ab, c", "lora:x": "1"}, Model: one, two, Seed: 3, Civitai resources: [{"a": 1}, {"b": 2}]'
    pairs = dict(read_pairs(line))
    assert pairs["ADetailer prompt"] == 'face, "quoted": yes\nnew'
    assert pairs["Hashes"] == '{"model": "ab, c", "lora:x": "1"}'
    assert pairs["Model"] == "one, two"
    assert pairs["Seed"] == "3"
    assert pairs["Civitai resources"] == '[{"a": 1}, {"b": 2}]'


def test_templates_after_the_settings():
    found = read_parameters(f"a fox\n{SETTINGS}\nTemplate: a {{fox|owl}}\nNegative Template: blur", "x")
    assert (found.prompt, found.negative, found.steps) == ("a fox", None, 28)


@pytest.mark.parametrize(
    "text",
    [
        "a fox in the snow",
        "Postprocess upscale by: 4, Postprocess upscaler: R-ESRGAN 4x+",
        "Steps: open the door",
        "Steps: 1, go, home: 2",
        "",
        "Steps:",
        "Exposure: 1/60",
    ],
)
def test_other_texts_are_unknown(text):
    assert read_parameters(text, "x") is None


def test_a_prompt_that_quotes_settings():
    prompt = "a poster that says\nSteps: 99, Sampler: none, CFG scale: 1, Seed: 5\nin red"
    found = read_parameters(f"{prompt}\nNegative prompt: blur\n{SETTINGS}", "x")
    assert (found.prompt, found.negative, found.steps) == (prompt, "blur", 28)


def test_two_marks_of_a_negative_prompt_leave_both_unknown():
    found = read_parameters(f"a\nNegative prompt: b\nNegative prompt: c\n{SETTINGS}", "x")
    assert (found.prompt, found.negative, found.seed) == (None, None, 4294967297)


def test_numbers_out_of_range_are_unknown():
    found = read_parameters("a\nSteps: 0, Sampler: Euler, CFG scale: nan, Seed: -1, Size: 1x1", "x")
    assert (found.steps, found.guidance, found.seed) == (None, None, None)
    found = read_parameters(f"a\nSteps: 1e3, Sampler: Euler, CFG scale: 1e999, Seed: {'9' * 5000}", "x")
    assert (found.steps, found.guidance, found.seed) == (1000, None, None)


@pytest.mark.parametrize(
    ("prompt", "negative"),
    [
        ("a fox", ""),
        ("a fox, (snow:1.2)", "blurry"),
        ("ein Füchslein 🦊\nzwei Zeilen", "unscharf, schön"),
        ('a sign "Steps: 20, Sampler: Euler, CFG scale: 7, Seed: 1"', ""),
        ("first\nSteps: 20, Sampler: Euler, CFG scale: 7, Seed: 1, Size: 1x1\nlast", "Steps: 5, CFG scale: 2, Seed: 3"),
        ('it\'s "quoted", back\\slash', "a: b, c: d"),
        ("Steps: three", ""),
    ],
)
@pytest.mark.parametrize("model", ["tiny@1", 'odd, "name": x', "two\nlines"])
def test_own_pictures_come_back(build, prompt, negative, model):
    request = Request(prompt, 77, negative, 20, 6.5)
    text = parameters_text(request, build.pixels.shape, model, "DPMSolverMultistep")
    found = embedded_metadata(encode_png(build.pixels, {"parameters": text}))
    assert (found.tool, found.prompt, found.negative) == ("soart", prompt, negative or None)
    assert (found.model, found.sampler, found.seed, found.steps, found.guidance) == (model, "DPM++ 2M", 77, 20, 6.5)
    assert found.settings["size"] == "32x24"


def test_own_prompt_with_the_negative_mark_is_unknown_rather_than_wrong(build):
    text = parameters_text(Request("a\nNegative prompt: b", 1), build.pixels.shape, "m", "DDIM")
    found = embedded_metadata(encode_png(build.pixels, {"parameters": text}))
    assert (found.prompt, found.negative, found.seed) == (None, None, 1)


def test_texts_are_kept_as_written(build):
    prompt, negative = "  a fox, (snow:1.2),  \n second line, ", " blur, noise,, "
    text = f"{prompt}\nNegative prompt: {negative}\n{SETTINGS}"
    found = embedded_metadata(build.png({"parameters": text}))
    assert (found.prompt, found.negative) == (prompt, negative)
    assert embedded_metadata(build.png({"parameters": f"  \n{SETTINGS}"})).prompt is None


def test_a_prompt_that_is_json_is_not_another_format(build):
    prompt = '{"subject": "a fox", "light": "low", "steps": ["one"]}'
    found = embedded_metadata(build.png({"parameters": f"{prompt}\nNegative prompt: blur\n{SETTINGS}"}))
    assert (found.tool, found.prompt, found.negative, found.steps) == ("AUTOMATIC1111", prompt, "blur", 28)


@pytest.mark.parametrize("length", [399_000, 401_000, 2_000_000])
def test_settings_after_a_text_of_any_length(build, length):
    """A prompt that is too long is unknown, not the settings after it."""
    found = embedded_metadata(
        build.png({"parameters": f"{'a fox, ' * (length // 7)}\nNegative prompt: blur\n{SETTINGS}"})
    )
    assert (found.prompt, found.negative, found.model, found.seed) == (None, "blur", "dream", 4294967297)
    found = embedded_metadata(
        build.png({"parameters": f"a fox\nNegative prompt: {'blur, ' * (length // 6)}\n{SETTINGS}"})
    )
    assert (found.prompt, found.negative, found.steps) == ("a fox", None, 28)
    lines = "a fox\n" * (length // 6)
    assert read_parameters(f"{lines}Negative prompt: b\nNegative prompt: c\n{SETTINGS}", "x").negative is None


def test_lines_of_settings_in_a_text_of_any_length():
    quoted = f"{SETTINGS}\n" * 3000
    found = read_parameters(f"{quoted}Negative prompt: blur\nSteps: 3, Sampler: Euler, Seed: 5", "x")
    assert (found.prompt, found.negative, found.steps) == (None, "blur", 3)
    # The part that is looked at may start within a line.
    assert read_parameters("a" * 500_000 + SETTINGS, "x") is None
    assert read_parameters("a\n" * 300_000, "x") is None
    assert read_parameters("Steps: 3, Sampler: Euler, Seed: 5", "x").prompt is None
    assert read_parameters("Negative prompt: b\nSteps: 3, Sampler: Euler, Seed: 5", "x").negative == "b"
