"""Values of strangers, cleaned."""

import struct

import pytest

from soart.pipelines.ingest.metadata.containers import user_comment, webp_chunks
from soart.pipelines.ingest.metadata.record import record


def test_names_of_settings_have_eighty_characters_at_most():
    found = record("x", "y", settings={"A" * 80: 1, "b" * 81: 2, "c": None, "d": [1], "e": True, "f": 0.5, "g": " "})
    assert found.settings == {"a" * 80: "1", "e": "true", "f": "0.5"}


@pytest.mark.parametrize(("guidance", "expected"), [(0, 0.0), ("7.5", 7.5), (-0.1, None), ("nan", None), (True, None)])
def test_guidance_is_not_negative(guidance, expected):
    assert record("x", "y", guidance=guidance).guidance == expected


@pytest.mark.parametrize(
    ("seed", "expected"), [(2**64 - 1, 2**64 - 1), (2**64, None), (-1, None), ("12.0", 12), (0, 0)]
)
def test_seeds_have_64_bits(seed, expected):
    assert record("x", "y", seed=seed).seed == expected


def test_chunks_of_odd_length_are_padded():
    body = b"ICCP" + struct.pack("<I", 3) + b"abc\0" + b"EXIF" + struct.pack("<I", 2) + b"II"
    content = b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body
    assert [(kind, content[start:end]) for kind, start, end in webp_chunks(content)] == [
        (b"ICCP", b"abc"),
        (b"EXIF", b"II"),
    ]


def test_where_nuls_leave_it_open_the_order_of_the_file_counts():
    assert user_comment(b"UNICODE\0" + "aĀ".encode("utf-16-be"), ">") == "aĀ"
    assert user_comment(b"UNICODE\0" + "aĀ".encode("utf-16-le"), "<") == "aĀ"
