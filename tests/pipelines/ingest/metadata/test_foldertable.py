import json

import pytest

from soart.pipelines.ingest.metadata import FolderTable


def test_no_table(tmp_path):
    table = FolderTable.read(tmp_path)
    assert (table.get("a.png"), table.problems) == (None, [])
    assert FolderTable.read(tmp_path / "missing").problems == []


def test_jsonl(tmp_path):
    rows = [
        {"file_name": "a.png", "text": "a fox"},
        {
            "file_name": "sub/b.png",
            "prompt": "an owl",
            "negative_prompt": "blur",
            "seed": 3,
            "steps": "20",
            "guidance_scale": 7.5,
            "model": "m",
            "license": "cc0",
        },
        {"file_name": "./c.png", "caption": "ein Hase 🐇"},
        {"file_name": "d.png", "label": 3},
    ]
    (tmp_path / "metadata.jsonl").write_text("\n".join(json.dumps(row) for row in rows) + "\n\n", encoding="utf-8")
    table = FolderTable.read(tmp_path)
    assert table.problems == []
    assert (table.get("a.png").prompt, table.get("a.png").tool, table.get("a.png").source) == (
        "a fox",
        "table",
        "table:metadata.jsonl",
    )
    owl = table.get("sub/b.png")
    assert (owl.prompt, owl.negative, owl.seed, owl.steps, owl.guidance, owl.model) == (
        "an owl",
        "blur",
        3,
        20,
        7.5,
        "m",
    )
    assert owl.settings == {"license": "cc0"}
    assert table.get("c.png").prompt == "ein Hase 🐇"
    assert table.get("d.png") is None
    assert table.get("e.png") is None


def test_csv(tmp_path):
    text = (
        'file_name,text,seed\r\na.png,"a ""red"" fox,\nin snow",3\r\nb.png,,4\r\nc.png,an owl,\r\nd.png,long,1,2,3\r\n'
    )
    (tmp_path / "metadata.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    table = FolderTable.read(tmp_path)
    assert (table.get("a.png").prompt, table.get("a.png").seed) == ('a "red" fox,\nin snow', 3)
    assert (table.get("b.png"), table.get("c.png").seed, table.get("d.png").prompt) == (None, None, "long")
    assert table.problems == []


def test_bad_lines_are_named_and_do_not_hide_the_others(tmp_path):
    lines = [
        '{"file_name": "a.png", "text": "a"}',
        "{broken",
        "[1]",
        '{"text": "no name"}',
        '{"file_name": "../x.png", "text": "b"}',
        '{"file_name": "/x.png", "text": "b"}',
        "[" * 5000,
        '{"file_name": 3, "text": ""}',
        '{"file_name": "z.png", "text": "z"}',
    ]
    (tmp_path / "metadata.jsonl").write_text("\n".join(lines))
    table = FolderTable.read(tmp_path)
    assert sorted(table.entries) == ["a.png", "z.png"]
    assert len(table.problems) == 7
    assert "line 2" in table.problems[0]
    assert all(problem.count("\n") == 0 and problem.endswith(".") for problem in table.problems)


def test_two_entries_that_disagree_are_unknown(tmp_path):
    (tmp_path / "metadata.jsonl").write_text(
        '{"file_name": "a.png", "text": "a"}\n{"file_name": "a.png", "text": "b"}\n{"file_name": "a.png", "text": "a"}\n{"file_name": "b.png", "text": "b"}'
    )
    (tmp_path / "metadata.csv").write_text("file_name,text\nb.png,b\n")
    table = FolderTable.read(tmp_path)
    assert (table.get("a.png"), table.get("b.png").prompt) == (None, "b")
    assert len(table.problems) == 1


@pytest.mark.parametrize(
    "content",
    [b"\xff\xfe\0", b"\0" * 100, b'"' * 300_000, b"file_name,text\n" + b"a" * 200_000, b"a,b\n1,2\n", b"file_name\n"],
)
def test_tables_that_are_none(tmp_path, content):
    for name in ("metadata.csv", "metadata.jsonl"):
        (tmp_path / name).write_bytes(content)
    table = FolderTable.read(tmp_path)
    assert table.entries == {}
    assert len(table.problems) <= 20


def test_a_folder_in_the_place_of_a_table(tmp_path):
    (tmp_path / "metadata.csv").mkdir()
    (tmp_path / "metadata.jsonl").symlink_to(tmp_path / "metadata.jsonl")
    assert FolderTable.read(tmp_path).entries == {}


def test_many_rows(tmp_path):
    (tmp_path / "metadata.jsonl").write_text(
        "\n".join(f'{{"file_name": "{n}.png", "text": "picture {n}"}}' for n in range(5000))
    )
    table = FolderTable.read(tmp_path)
    assert len(table.entries) == 5000
    assert table.get("4321.png").prompt == "picture 4321"
