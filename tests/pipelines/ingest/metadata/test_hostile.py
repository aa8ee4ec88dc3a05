import dataclasses
import io
import json
import pickle
import re
import struct
import time
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from soart.pipelines.ingest.metadata import PictureMetadata, embedded_metadata, prompt_words
from soart.pipelines.ingest.metadata.a1111 import read_parameters
from soart.pipelines.ingest.metadata.containers import LONGEST_TEXT, exif_texts, user_comment, xmp_texts
from soart.pipelines.ingest.metadata.read import read_texts
from soart.pipelines.ingest.metadata.sidecars import read_any_object, read_note

NAMES = [
    "parameters", "generation_data", "prompt", "workflow", "Comment", "Description", "Software", "Dream",
    "sd-metadata", "invokeai_metadata", "UserComment", "xmp:UserComment", "xmp:Rating", "xmp:Description",
    "fooocus_scheme", "Prompt", "Steps", "seed",
]  # fmt: skip
STATUS = Path("/proc/self/status")
BAD = ["a\0b", "\ud800", "‮evil", "\x1b[31m", "\x00", "￿", "a\r\nb"]


def stored(found):
    """Check that any database takes the record: types, valid Unicode without NUL and controls, numbers in range."""
    assert found is None or isinstance(found, PictureMetadata)
    if found is None:
        return
    texts = [found.tool, found.source, found.prompt, found.negative, found.model, found.sampler, found.scheduler]
    for text in [text for text in texts if text is not None] + [*found.settings.keys(), *found.settings.values()]:
        assert isinstance(text, str)
        text.encode("utf-8")
        assert not any(ord(c) < 32 and c not in "\n\t" for c in text)
        assert not set("\u202e\u2066\x7f\x85") & set(text)
    assert found.seed is None or (type(found.seed) is int and 0 <= found.seed < 2**64)
    assert found.steps is None or (type(found.steps) is int and found.steps > 0)
    assert found.guidance is None or (type(found.guidance) is float and 0 <= found.guidance < float("inf"))
    # Workers hand records over.
    assert pickle.loads(pickle.dumps(found)) == found  # noqa: S301
    json.dumps(dataclasses.asdict(found), allow_nan=False)


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | st.sampled_from(BAD),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from([
        "prompt", "uc", "steps", "seed", "image", "model", "loras", "nodes", "links", "class_type", "inputs", "id", "type", "definitions", "subgraphs",
        "positive", "negative", "positive_prompt", "sui_image_params", "c", "scale", "v2", "lora", "styles", "metadata_scheme", "sharpness", "performance",
        "meta", "1", "2", "text", "widgets_values", "outputs", "mode", "app_id", "v4_prompt", "caption", "char_captions", "sampler", "num_inference_steps",
    ]) | st.text(max_size=4), inner, max_size=6),
    max_leaves=25,
)  # fmt: skip


@given(st.binary(max_size=400))
@settings(max_examples=150, deadline=None)
def test_any_bytes(data):
    for start in (b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8", b"RIFF\0\0\0\0WEBP", b"\0\0\0\x18ftypavifExif"):
        stored(embedded_metadata(start + data))
    for start in (b"", b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08"):
        list(exif_texts(start + data))
    user_comment(data)
    user_comment(b"UNICODE\0" + data, "<")
    list(xmp_texts(b"<x Rating='" + data))
    stored(read_note(data, "x"))


@given(st.dictionaries(st.sampled_from(NAMES), st.text(max_size=80), max_size=5))
@settings(max_examples=200, deadline=None)
def test_any_texts(texts):
    stored(read_texts((name, f"png:{name}", text) for name, text in texts.items()))


@given(st.dictionaries(st.sampled_from(NAMES), JSONS, min_size=1, max_size=3))
@settings(max_examples=300, deadline=None)
def test_any_json(values):
    stored(read_texts((name, f"png:{name}", json.dumps(value)) for name, value in values.items()))
    stored(read_any_object(values, "x"))


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_any_graph(data):
    """Real kinds of nodes, wired at random, loops included."""
    names = [str(n) for n in range(data.draw(st.integers(1, 8)))]
    value = (
        st.tuples(st.sampled_from([*names, "77"]), st.integers(0, 5)).map(list)
        | st.text(max_size=5)
        | st.integers()
        | st.floats()
    )
    inputs = st.dictionaries(st.sampled_from([
        "positive", "negative", "conditioning", "conditioning_1", "text", "string_a", "string_b", "clip", "model", "seed", "noise_seed", "steps", "cfg",
        "latent_image", "samples", "images", "guider", "sigmas", "noise", "sampler", "pipe", "basic_pipe", "select", "input1", "value", "lora_name", "", "width", "cond", "tt_value",
        "ff_value",
    ]), value, max_size=7)  # fmt: skip
    kinds = st.sampled_from(
        [
            "KSampler",
            "SamplerCustomAdvanced",
            "CLIPTextEncode",
            "Reroute",
            "StringConcatenate",
            "ConditioningCombine",
            "SaveImage",
            "FromBasicPipe",
            "ImpactSwitch",
            "easy ifElse",
            "BasicGuider",
            "easy kSampler",
            "VAEDecode",
            "ShowText",
        ]
    )
    graph = {name: {"class_type": data.draw(kinds), "inputs": data.draw(inputs)} for name in names}
    stored(read_texts([("prompt", "png:prompt", json.dumps(graph))]))


@given(st.text(max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_parameters(text):
    stored(read_parameters(text, "x"))
    stored(
        read_parameters(
            f"{text}\nNegative prompt: {text}\nSteps: 20, Sampler: {text}, Seed: {text}, CFG scale: {text}", "x"
        )
    )
    words = prompt_words(text)
    assert len(words) == len(set(words))
    assert all(word.strip() == word and word for word in words)


@pytest.mark.parametrize("bad", BAD)
def test_unwanted_characters_are_taken_out(build, bad):
    comment = json.dumps({"prompt": f"a{bad}b", "uc": bad, "steps": 2, "sampler": bad, "scale": 1, "seed": 1})
    found = embedded_metadata(build.png({"Software": "NovelAI", "Comment": comment}))
    stored(found)
    assert found.prompt.startswith("a")
    assert found.prompt.endswith("b")


def memory(key):
    """Megabytes of this process, by a key of Linux's table; elsewhere memory is not watched."""
    found = STATUS.is_file() and re.search(rf"^{key}:\s*(\d+) kB", STATUS.read_text(), re.M)
    return int(found[1]) / 1024 if found else 0


def quick(content, seconds=15, megabytes=200):
    """The record of a hostile file, which must cost neither time nor memory."""
    if STATUS.is_file():
        # The peak begins anew.
        STATUS.with_name("clear_refs").write_text("5")
    before, start = memory("VmRSS"), time.process_time()
    found = embedded_metadata(content)
    taken, peak = time.process_time() - start, memory("VmHWM") - before
    stored(found)
    assert taken < seconds
    assert peak < megabytes
    return found


@pytest.mark.parametrize("kind", [b"zTXt", b"iTXt"])
def test_compressed_bombs(build, kind):
    bomb = zlib.compress(b"a" * (LONGEST_TEXT + 1), 9)
    head = b"parameters\0\0" if kind == b"zTXt" else b"parameters\0\1\0\0\0"
    assert quick(build.with_chunk(build.png(), kind, head + bomb)) is None
    many = build.png()
    for _ in range(300):
        many = build.with_chunk(many, kind, head + zlib.compress(b"b" * 2**20, 9))
    assert quick(many) is None


def test_huge_texts(build):
    assert quick(build.with_chunk(build.png(), b"tEXt", b"parameters\0" + b"a, " * 6_000_000)) is None
    long = "a" * 2_000_000 + "\nSteps: 20, Sampler: Euler, Seed: 1"
    found = quick(build.png({"parameters": long}))
    assert (found.prompt, found.steps) == (None, 20)
    for text in (
        "(" * 300_000,
        "a:" * 150_000,
        "Steps:" * 60_000,
        '"' * 300_000,
        "Steps: 1, " + "a: b, " * 50_000,
        "--ar " * 80_000,
        "\n" * 300_000,
        "a\n" + ("Steps: " + 'a: ["b",' * 1000 + "\n") * 50,
        "a\nSteps: 1, Seed: 1, Sampler: " + "," * 390_000,
    ):
        quick(build.png({"parameters": text, "Description": text, "Dream": text, "Comment": text}))


@pytest.mark.parametrize("start", ["\n" * 16_000_000, "Negative prompt:\n" * 900_000, ("<lora:" + "a" * 200) * 80_000])
def test_huge_texts_before_settings(build, start):
    found = quick(build.png({"parameters": f"{start}\nSteps: 20, Sampler: Euler, Seed: 1"}), seconds=5)
    assert (found.prompt, found.steps) == (None, 20)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"a":' * 100_000,
        '{"seed": ' + "9" * 100_000 + "}",
        '{"a": 1e999, "nodes": [NaN, Infinity]}',
        '{"\\ud800": "\\ud800"}',
        "[" + "[]," * 5_000_000 + "1]",
        '{"prompt": [' + "[]," * 5_000_000 + "1]}",
        "{" + '"a":1,' * 200_000 + '"b":2}',
    ],
)
def test_hostile_json(build, text):
    for name in ("prompt", "workflow", "Comment", "parameters", "invokeai_metadata", "sd-metadata", "UserComment"):
        quick(build.png({name: text}))


def doubled(kind, depth, **first):
    """A graph in which each node takes the one before twice: 2**depth paths."""
    nodes = {"0": {"class_type": kind, "inputs": first}}
    for n in range(1, depth):
        nodes[str(n)] = {
            "class_type": "StringConcatenate",
            "inputs": {"string_a": [str(n - 1), 0], "string_b": [str(n - 1), 0], "delimiter": ""},
        }
    return nodes


@pytest.mark.parametrize("depth", [60, 400, 3000])
def test_graphs_with_countless_paths(build, depth):
    nodes = doubled("PrimitiveString", depth, value="x")
    nodes["e"] = {"class_type": "CLIPTextEncode", "inputs": {"text": [str(depth - 1), 0], "clip": ["c", 0]}}
    for n in range(depth):
        nodes[f"c{n}"] = {
            "class_type": "ConditioningCombine",
            "inputs": {
                "conditioning_1": [f"c{n - 1}" if n else "e", 0],
                "conditioning_2": [f"c{n - 1}" if n else "e", 0],
            },
        }
    for n in range(90):
        nodes[f"s{n}"] = {
            "class_type": "KSampler",
            "inputs": {"seed": 1, "steps": 5, "cfg": 1, "positive": [f"c{depth - 1}", 0], "latent_image": ["l", 0]},
        }
        nodes[f"o{n}"] = {"class_type": "SaveImage", "inputs": {"images": [f"s{n}", 0]}}
    found = quick(build.png({"prompt": json.dumps(nodes)}))
    assert (found.prompt, found.steps) == (None, 5)


@pytest.mark.parametrize("looped", [True, False])
def test_switches_with_countless_paths(build, looped):
    nodes = {"s": {"class_type": "SaveImage", "inputs": {"images": ["k", 0]}}}
    for n in range(100):
        links = {f"more_{k}": ["x", k] for k in range(300)}
        for name, slot in (("on_true", 0), ("on_false", 1)):
            links[name] = [f"w{(n + 1) % 100}" if looped or n < 99 else "x", slot]
        nodes[f"w{n}"] = {"class_type": "easy ifElse", "inputs": {"boolean": ["r", 0], **links}}
    names = ("model", "positive", "negative", "latent_image", "seed", "cfg", "sampler_name", "scheduler")
    nodes["k"] = {"class_type": "KSampler", "inputs": {"steps": 5, **{name: ["w0", 0] for name in names}}}
    found = quick(build.png({"prompt": json.dumps(nodes)}))
    assert (found.prompt, found.model, found.seed, found.steps) == (None, None, None, 5)


def test_nested_subgraphs_that_multiply(build):
    def level(n):
        inner = [{"id": k, "type": f"s{n + 1}"} for k in range(30)] if n < 11 else [{"id": 1, "type": "KSampler"}]
        return {"id": f"s{n}", "nodes": inner, "links": []}

    workflow = {
        "nodes": [{"id": 1, "type": "s0"}],
        "links": [],
        "definitions": {"subgraphs": [level(n) for n in range(12)]},
    }
    assert quick(build.png({"workflow": json.dumps(workflow)})) is None


def test_directories_that_point_into_themselves(build):
    entries = b"".join(struct.pack("<HHII", 0x9286, 7, 60_000, 8) for _ in range(5000)) + struct.pack(
        "<HHII", 0x8769, 4, 1, 8
    )
    exif = b"II*\0\x08\0\0\0" + struct.pack("<H", 5001) + entries
    stream = b"\xff\xd8\xff\xe1" + struct.pack(">H", len(exif) + 8) + b"Exif\0\0" + exif
    assert quick(stream) is None
    webp = b"RIFF\0\0\0\0WEBPEXIF" + struct.pack("<I", len(exif)) + exif
    quick(webp)


def test_entities_are_refused(build):
    bomb = (
        '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">'
        + "".join(
            f'<!ENTITY {c} "{"&" + p + ";" * 1}{("&" + p + ";") * 9}">'
            for p, c in zip("abcdefgh", "bcdefghi", strict=True)
        )
        + "]><x Rating='3'>&i;</x>"
    )
    assert quick(build.png({"XML:com.adobe.xmp": bomb})) is None
    outside = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]><x xmlns:xmp="http://ns.adobe.com/xap/1.0/"><xmp:Rating>&a;</xmp:Rating></x>'
    assert list(xmp_texts(outside.encode())) == []
    deep = b"<a Rating='1'>" * 100_000
    assert list(xmp_texts(deep + b"</a>" * 100_000)) == []


def test_files_cut_at_every_byte(build):
    text = "a\nSteps: 2, Sampler: Euler, Seed: 1"
    exif = build.tiff({}, ">", b"UNICODE\0" + text.encode("utf-16-be"))
    for content in (
        build.png({"parameters": text}, exif=exif)[:600],
        build.saved("JPEG", exif)[:700],
        build.saved("WEBP", exif),
    ):
        for end in range(0, len(content), 1 if len(content) < 1000 else 7):
            stored(embedded_metadata(content[:end]))


def test_a_picture_too_large_to_decode_is_not_decoded():
    header = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 6, 0, 0, 0)
    content = (
        b"\x89PNG\r\n\x1a\n"
        + struct.pack(">I", 13)
        + b"IHDR"
        + header
        + b"\0\0\0\0"
        + struct.pack(">I", 4)
        + b"IDAT"
        + b"aaaa"
    )
    assert quick(content) is None


def test_animations_are_not_decoded():
    stream = io.BytesIO()
    frames = [Image.new("RGBA", (32, 32), (n, 0, 0, n)) for n in range(3)]
    frames[0].save(stream, "WEBP", save_all=True, append_images=frames[1:])
    assert embedded_metadata(stream.getvalue()) is None
