"""Collections in a PostgreSQL database: URLs, the folder of pictures, and what a server can do to its clients."""

import socket
import sys
import time
from pathlib import Path

import numpy as np
import platformdirs
import pytest
from sqlalchemy import make_url, text

from soart.errors import CollectionError
from soart.pipelines import generate as generation
from soart.pipelines.collection import database
from soart.pipelines.collection.address import address_of, is_url
from soart.pipelines.collection.collection import Collection
from soart.pipelines.collection.ratings import rate, ratings
from soart.pipelines.ingest.roots import existing_collection
from soart.pipelines.judges.finding import guarded, judges_for
from soart.pipelines.judges.ranking import rank
from soart.pipelines.models.generator import ImageGenerator
from soart.pipelines.models.request import Request
from soart.pipelines.scoring.measuring import open_pictures
from soart.pipelines.scoring.pictures import StoredPictures
from soart.pipelines.tuning.loop import tune
from soart.pipelines.tuning.panel import Panel
from soart.pipelines.tuning.tuner import Tuner
from soart.prompts.space.space import PromptSpace

SECRET = "hunter2"


def changed(url, **parts):
    """The URL with other parts; a query is replaced as a whole."""
    return make_url(url).set(**parts).render_as_string(hide_password=False)


# Addresses


@pytest.mark.parametrize(
    ("url", "name", "title"),
    [
        (f"postgresql://ann:{SECRET}@host:5433/art", "postgresql://ann@host:5433/art", "art"),
        (f"postgres://ann:{SECRET}@host/art?pictures=/p", "postgresql://ann@host/art", "art"),
        (f"postgresql+psycopg://host/art?password={SECRET}&sslmode=require", "postgresql://host/art", "art"),
        ("postgresql:///art?host=/run/postgresql", "postgresql:///art?host=%2Frun%2Fpostgresql", "art"),
        ("postgresql://host", "postgresql://host", "collection"),
        (f"postgresql://ann:{SECRET}%40x@host/art", "postgresql://ann@host/art", "art"),
    ],
)
def test_names_hold_no_password(url, name, title):
    address = address_of(url)
    assert (address.name, address.title, address.by_url) == (name, title, True)
    assert address_of(address.name).name == name


@pytest.mark.parametrize(
    ("url", "told"),
    [
        (f"mysql://ann:{SECRET}@host/art", "scheme 'mysql'"),
        (f"sqlite://{SECRET}/x", "scheme 'sqlite'"),
        (f"postgresql://ann:{SECRET}@host:port/art", "cannot be read"),
        (f"postgresql://ann:a@{SECRET}@host/art", "write those of a password as '%40'"),
        (f"postgresql://ann:a@{SECRET}/b@host/art", "write those of a password as '%40'"),
        (Path(f"postgresql://ann:{SECRET}@host/art"), "must be text"),
        (f"postgresql:ann:{SECRET}@host/art", "with two slashes"),
        (f" Postgres://ann:{SECRET}@host/art", "without spaces"),
        (f"postgresql://ann:{SECRET}@host/art?port=x", "parameters that cannot be read"),
    ],
)
def test_wrong_urls_end_in_a_sentence_without_the_password(url, told):
    with pytest.raises(CollectionError, match=told) as caught:
        Collection(url)
    assert SECRET not in str(caught.value)


def test_folders_are_no_urls():
    assert not any(map(is_url, ["pictures", "/a/b", "C:\\pictures", "a:b", Path("x")]))
    assert is_url("postgresql://host/art")


def test_missing_driver_ends_in_a_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(CollectionError, match=r"pip install 'soart\[postgres\]'"):
        Collection("postgresql://host/art")


def test_default_folder_is_one_for_each_database_and_the_same_for_every_user(monkeypatch, tmp_path):
    monkeypatch.setattr(platformdirs, "user_data_path", lambda name: tmp_path / name)
    folders = [
        address_of(url).default_folder
        for url in (
            "postgresql://a@h/x",
            "postgresql://b:pw@h/x?sslmode=prefer",
            "postgresql://a@h/y",
            "postgresql://a@k/x",
        )
    ]
    assert folders[0] == folders[1]
    assert len(set(folders)) == 3
    assert folders[0].parent == tmp_path / "soart" / "collections"


# Servers that do not answer as wished


def test_unreachable_server_ends_in_a_sentence():
    pytest.importorskip("psycopg")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"postgresql://ann:{SECRET}@127.0.0.1:{taken.getsockname()[1]}/art"
        with pytest.raises(CollectionError, match=r"cannot be opened: .*refused.* \(is the server running") as caught:
            Collection(url)
    assert SECRET not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_silent_server_is_given_up(monkeypatch):
    """After the time that its URL names, not after the usual one."""
    pytest.importorskip("psycopg")
    monkeypatch.setattr(database, "_CONNECT_SECONDS", 600)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        start = time.monotonic()
        with pytest.raises(CollectionError, match="timeout"):
            Collection(f"postgresql://ann@127.0.0.1:{silent.getsockname()[1]}/art?connect_timeout=2")
        assert time.monotonic() - start < 600


def test_wrong_password_database_and_option(postgres):
    for wrong, told in (
        ({"password": SECRET}, "password authentication failed"),
        ({"database": "nowhere"}, "does not exist"),
        ({"query": {"nonsense": SECRET}}, "nonsense"),
    ):
        with pytest.raises(CollectionError, match=f"cannot be opened: .*{told}") as caught:
            Collection(changed(postgres, **wrong))
        assert SECRET not in str(caught.value)
        assert "\n" not in str(caught.value)


def test_connection_cut_between_and_within_batches(postgres, make_drawn):
    def cut(session):
        session.execute(text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND "
                             "datname = current_database()"))  # fmt: skip

    with Collection(postgres) as collection, Collection(postgres) as other:
        collection.add_drawn([make_drawn(1)], "m", "DDIM")
        with other.session("be read") as session:
            cut(session)
        assert len(collection.images()) == 1

        def lose_it_halfway():
            with collection.session("be written", write=True) as session:
                session.execute(text("DELETE FROM generations"))
                with other.session("be read") as another:
                    cut(another)
                session.execute(text("DELETE FROM images"))

        with pytest.raises(CollectionError, match=r"cannot be written: .*\(is the server running"):
            lose_it_halfway()
        collection.add_drawn([make_drawn(2)], "m", "DDIM")
        assert len(collection.images()) == 2


def test_role_that_may_only_read(postgres, make_drawn, caplog):
    with Collection(postgres) as collection:
        row, other = collection.add_drawn([make_drawn(1), make_drawn(2)], "m", "DDIM")
        role, database = f"reader_{make_url(postgres).database}", make_url(postgres).database
        with collection.session("be written", write=True) as session:
            for command in (
                f"CREATE ROLE {role} LOGIN PASSWORD 'r'",
                f"GRANT CONNECT ON DATABASE {database} TO {role}",
                f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}",
            ):
                session.execute(text(command))
        try:
            with Collection(changed(postgres, username=role, password="r")) as reader:
                assert [found.id for found in reader.images()] == [row.id, other.id]
                with pytest.raises(CollectionError, match=r"cannot be written: permission denied for table \w+\.$"):
                    reader.set_scores("s", {row.id: 1.0})
                with pytest.raises(CollectionError, match="permission denied"):
                    reader.add_items("v", {row.id: np.ones(2), other.id: np.ones(2)})
                assert not caplog.records
        finally:
            with collection.session("be written", write=True) as session:
                session.execute(text(f"DROP OWNED BY {role}"))
                session.execute(text(f"DROP ROLE {role}"))


# The folder of pictures


def test_folder_is_remembered_and_can_lie_elsewhere_on_another_machine(postgres, tmp_path, make_drawn):
    plain = changed(postgres, query={})
    with Collection(postgres) as collection:
        (row,) = collection.add_drawn([make_drawn(1)], "m", "DDIM")
        assert collection.folder == tmp_path / "pictures"
    with Collection(plain) as collection:
        assert collection.locate(row) == tmp_path / "pictures" / row.path
        assert collection.locate(row).is_file()
    (tmp_path / "pictures").rename(tmp_path / "mounted")
    with pytest.raises(
        CollectionError, match=r"lie in '.*pictures', which is not on this machine: .*\?pictures=FOLDER"
    ):
        Collection(plain)
    with pytest.raises(CollectionError, match="not on this machine"):
        Collection(changed(postgres, query={"pictures": str(tmp_path / "typo")}))
    assert not (tmp_path / "typo").exists()
    with Collection(changed(postgres, query={"pictures": str(tmp_path / "mounted")})) as collection:
        assert collection.locate(row).is_file()
    with pytest.raises(CollectionError, match="not on this machine"):
        Collection(plain)


def test_folder_nobody_named_lies_with_the_users_data(postgres, tmp_path, monkeypatch, make_drawn):
    monkeypatch.setattr(platformdirs, "user_data_path", lambda name: tmp_path / "data" / name)
    plain = changed(postgres, query={})
    with Collection(plain) as collection:
        (row,) = collection.add_drawn([make_drawn(1)], "m", "DDIM")
        assert collection.locate(row).is_relative_to(tmp_path / "data" / "soart" / "collections")
    monkeypatch.setattr(platformdirs, "user_data_path", lambda name: tmp_path / "somebody else" / name)
    with Collection(plain) as collection:
        assert collection.locate(row).is_file()


def test_looking_makes_no_collection(postgres, judge):
    assert not Collection.is_collection(postgres)
    with pytest.raises(CollectionError, match="is not a collection") as caught:
        existing_collection(postgres)
    assert make_url(postgres).password not in str(caught.value)
    with pytest.raises(CollectionError, match="is not a collection"):
        open_pictures([postgres], judge)
    with pytest.raises(CollectionError, match="name it alone"):
        open_pictures([postgres, "a.png"], judge)
    assert not Collection.is_collection(postgres)
    Collection(postgres).close()
    assert Collection.is_collection(postgres)
    open_pictures([postgres], judge)[0].close()


# The whole way

SPACE = """
template: a {style} picture of a {subject}
slots:
  subject: [boat, tree, house]
  style: [flat, watercolor, woodcut]
  steps: ['2']
"""


def whole_way(where, embedded, judge):
    """Generate, rank, rate, tune, and interrupted tuning: all that can be compared between two databases."""
    generator, told = ImageGenerator(embedded), []
    with Collection(where) as collection:
        made = generation.generate(
            collection, generator, [Request("a boat", seed, steps=2) for seed in range(4)], [guarded(judge)]
        )
        ranking, _ = rank(StoredPictures(collection, made.rows), judges_for("technical"))
        told += [(r.row.sha256, r.score, r.percentile, r.reasons) for r in ranking]
        rate(collection, "me", {row.id: 1 + k for k, row in enumerate(made.rows)})
        for budget in (4, 8):
            tuner = Tuner(
                collection,
                generator,
                PromptSpace.parse_yaml(SPACE),
                Panel({judge: 0.0, "person:me": 1.0}),
                budget=budget,
                batch=4,
                seed=1,
                prune=False,
            )
            tune(tuner, on_batch=lambda rows: rate(collection, "me", {rows[0].id: 3}))
        told += [(a.number, a.choice, a.seed, a.row.sha256) for a in tuner.study.own]
    with Collection(where) as collection:
        told += [(row.id, row.sha256, row.path, row.generation.prompt) for row in collection.images()]
        told += [collection.scores(judge.stored_name), ratings(collection, "me")]
        told += [values.tolist() for values in collection.items(judge.extractor.version, collection.ids()).values()]
        assert all(np.isfinite(score) for score in collection.scores(judge.stored_name).values())
    return told


def test_the_whole_way_is_the_same_on_both_databases(postgres, tmp_path, embedded, judge):
    assert whole_way(postgres, embedded, judge) == whole_way(tmp_path / "folder", embedded, judge)
