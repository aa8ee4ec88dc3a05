"""Commands take the URL of a database wherever they take a collection."""

import json

from sqlalchemy import make_url

from soart.pipelines.collection.collection import Collection


def test_generate_rank_rate_and_next_by_url(soart, postgres, tmp_path):
    password = make_url(postgres).password
    drawing = ("generate", "a boat", "-n", 3, "--steps", 2, "--collection", postgres)
    code, out, err = soart(*drawing, "--report", tmp_path / "r.html")
    assert code == 0, err
    assert f"pictures in {make_url(postgres).set(query={}, password='x').render_as_string().replace(':***', '')}" in out
    assert password not in out + err + (tmp_path / "r.html").read_text()
    code, out, _ = soart(*drawing, "--json")
    drawn = json.loads(out)
    assert (code, drawn["drawn"], drawn["reused"]) == (0, 0, 3)
    assert password not in out
    code, out, _ = soart("rank", postgres, "--json")
    assert json.loads(out)["ranking"] == drawn["ranking"]
    assert soart("rank", postgres, "--report", tmp_path / "ranking.html")[0] == 0
    assert f"soart: {make_url(postgres).database}" in (tmp_path / "ranking.html").read_text()
    code, out, err = soart("start", postgres, "-n", 2, "--json", stdin="5\nx\n")
    assert (code, [*json.loads(out)["ratings"].values()]) == (0, [5, None])
    assert password not in out + err
    assert {path.name for path in (tmp_path / "pictures").iterdir()} >= {"images"}
    with Collection(postgres) as collection:
        assert len(collection.images()) == 3


def test_mistakes_with_urls(soart, postgres):
    password = make_url(postgres).password
    for command in (
        ("rank", postgres),
        ("rank", postgres, "a.png"),
        ("start", postgres, "--terminal"),
        ("tune", "--collection", postgres),
        ("keep", postgres),
        ("taste", "learn", "mine", "--collection", postgres),
        ("generate", "a boat", "--collection", postgres.replace("postgresql", "mysql", 1)),
        ("rank", postgres.replace("postgresql", "mysql", 1)),
    ):
        code, out, err = soart(*command)
        assert code == 1, command
        assert err.count("\n") == 1
        assert err.startswith("Error: ")
        assert password not in out + err
    assert not Collection.is_collection(postgres)
