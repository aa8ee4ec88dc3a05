"""Every earlier version of the tables becomes the present one, whole or not at all."""

import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, text

from soart.errors import CollectionError
from soart.pipelines.collection import storage
from soart.pipelines.collection.address import address_of
from soart.pipelines.collection.collection import Collection
from soart.pipelines.collection.database import connect
from soart.pipelines.collection.names import DATABASE
from soart.pipelines.collection.ratings import rate, ratings
from soart.pipelines.collection.storage import is_current, upgrade, upgrade_if_needed
from soart.pipelines.collection.tables import SCHEMA_VERSION, Base

ASSETS = Path(__file__).parents[2] / "assets"
SCRIPTS = Path(storage.__file__).parent / "migrations"
VERSIONS = range(1, SCHEMA_VERSION + 1)


@pytest.fixture
def engine(where):
    """An empty database of each kind."""
    if isinstance(where, Path):
        where.mkdir()
    made = connect(address_of(where))
    yield made
    made.dispose()


def prepare(engine, version):
    """The tables as soart made them at a version."""
    with engine.begin() as connection:
        upgrade(connection, None, str(version))
        connection.execute(text(f"INSERT INTO meta VALUES ('schema_version', '{version}')"))
        connection.execute(text("DROP TABLE alembic_version"))


def differences(engine):
    with engine.connect() as connection:
        return compare_metadata(MigrationContext.configure(connection), Base.metadata)


def described(engine):
    """All that the database says of its tables, without names it gave to constraints itself."""
    found, inspector = {}, inspect(engine)
    for table in sorted(set(inspector.get_table_names()) - {"alembic_version"}):
        found[table] = {
            "columns": [{**column, "type": str(column["type"])} for column in inspector.get_columns(table)],
            "key": inspector.get_pk_constraint(table)["constrained_columns"],
            "unique": [unique["column_names"] for unique in inspector.get_unique_constraints(table)],
            "foreign": [(f["constrained_columns"], f["referred_table"]) for f in inspector.get_foreign_keys(table)],
            "indexes": [(i["column_names"], i["unique"]) for i in inspector.get_indexes(table)],
        }
    return found


@pytest.fixture
def as_made_now(where, engine):
    """Description of a new collection's tables; the database is empty again afterwards."""
    upgrade_if_needed(engine, "new")
    assert differences(engine) == []
    found = described(engine)
    with engine.begin() as connection:
        Base.metadata.drop_all(connection)
    return found


@pytest.mark.parametrize("version", [None, *VERSIONS])
def test_every_version_becomes_the_models(engine, as_made_now, version):
    if version is None:
        with engine.begin() as connection:
            upgrade(connection, None)
    else:
        prepare(engine, version)
        upgrade_if_needed(engine, "old")
        with engine.connect() as connection:
            assert is_current(connection, "old")
    assert differences(engine) == []
    assert described(engine) == as_made_now


def test_a_missing_revision_would_be_noticed(engine):
    with engine.begin() as connection:
        upgrade(connection, None, "1")
    tables = {
        change[1].name for change in differences(engine) if not isinstance(change, list) and change[0] == "add_table"
    }
    assert tables >= {"ratings", "spaces", "choices"}


def test_revisions_are_a_chain_that_ends_at_the_version_of_the_models():
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    chain = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    assert chain == [str(version) for version in reversed(VERSIONS)]


def test_collection_of_the_first_soart_is_upgraded_with_all_that_is_in_it(tmp_path, caplog):
    """The file was made by the first version of soart: tables of SQLAlchemy's ``create_all``, one picture."""
    tmp_path.joinpath("images").mkdir()
    with contextlib.closing(sqlite3.connect(tmp_path / DATABASE)) as database:
        database.executescript((ASSETS / "schema-1.sql").read_text())
    with Collection(tmp_path) as collection:
        (row,) = collection.images()
        assert (row.generation.prompt, row.generation.seed) == ("a boat", 7)
        assert collection.scores("technical") == {row.id: 50.0}
        rate(collection, "me", {row.id: 4})
    with Collection(tmp_path) as collection:
        assert ratings(collection, "me") == {row.id: 4}
    assert [record.getMessage().count("another order than before") for record in caplog.records] == [1]
    # Before a table was altered, a copy was kept.
    assert {path.name for path in tmp_path.glob("*.db")} == {DATABASE, "soart-schema-1.db"}


def test_hundreds_of_pictures_that_cannot_be_judged_become_none(engine):
    """Such pictures had 0 points of technical quality, 100 of freedom from faults, and values of some judges."""
    prepare(engine, 5)
    with engine.begin() as connection:
        for image in (1, 2):
            connection.execute(
                text("INSERT INTO images VALUES (:id, :hash, 'a', 9, 9, NULL, '2026-01-01 00:00:00')"),
                {"id": image, "hash": str(image)},
            )
        for image, name, value in (
            (1, "technical-9", 0.0), (1, "blur-8", 100.0), (1, "judge:red@1", 0.7), (1, "observed score", 3.0),
            (2, "technical-9", 60.0), (2, "blur-8", 0.0), (2, "judge:red@1", 0.0),
        ):  # fmt: skip
            connection.execute(
                text("INSERT INTO scores (image_id, profile, value) VALUES (:image, :name, :value)"),
                {"image": image, "name": name, "value": value},
            )
    upgrade_if_needed(engine, "old")
    with engine.connect() as connection:
        stored = connection.execute(text("SELECT image_id, profile, value, why FROM scores")).all()
    why = "too small, all black or of one tone"
    assert sorted(stored) == [
        (1, "blur-8", None, why), (1, "judge:red@1", None, why), (1, "observed score", 3.0, None),
        (1, "technical-9", None, why), (2, "blur-8", 0.0, None), (2, "judge:red@1", 0.0, None),
        (2, "technical-9", 60.0, None),
    ]  # fmt: skip


REVISION = """
import sqlalchemy as sa
from alembic import op

revision, down_revision, ALTERS_TABLES = "{number}", "{before}", True


def upgrade():
    with op.batch_alter_table("images") as table:
        table.alter_column("width", new_column_name="breadth")
        table.add_column(sa.Column("note", sa.Text(), nullable=False, server_default="none"))
    {then}
"""


@pytest.fixture
def next_soart(tmp_path, monkeypatch):
    """The soart after this one, whose tables differ."""

    def release(then="pass"):
        scripts = tmp_path / "scripts"
        shutil.copytree(SCRIPTS, scripts)
        after = SCHEMA_VERSION + 1
        source = REVISION.format(number=after, before=SCHEMA_VERSION, then=then)
        (scripts / "versions" / f"revision_{after}.py").write_text(source)
        monkeypatch.setattr(storage, "SCHEMA_VERSION", after)
        monkeypatch.setattr(storage, "_SCRIPTS", scripts)

    return release


def test_tables_are_altered_after_a_copy_was_kept(where, make_drawn, next_soart):
    with Collection(where) as collection:
        rows = collection.add_drawn([make_drawn(i, size=8) for i in range(3)], "m", "DDIM")
        collection.add_items("v", {row.id: np.ones(2) for row in rows})
    next_soart()
    engine = connect(address_of(where))
    upgrade_if_needed(engine, "next")
    with engine.connect() as connection:
        assert connection.execute(text("SELECT breadth, note FROM images")).all() == [(8, "none")] * 3
        assert connection.scalar(text("SELECT count(*) FROM items")) == 3
        if isinstance(where, Path):
            assert connection.scalar(text("PRAGMA foreign_keys")) == 1
    engine.dispose()
    if isinstance(where, Path):
        with contextlib.closing(sqlite3.connect(where / f"soart-schema-{SCHEMA_VERSION}.db")) as copy:
            assert copy.execute("SELECT width FROM images").fetchall() == [(8,)] * 3
            assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)


@pytest.mark.parametrize("then", ["raise OSError('the power went')", "op.execute('DELETE FROM images')"])
def test_upgrade_that_fails_changes_nothing(where, make_drawn, next_soart, then, monkeypatch):
    with Collection(where) as collection:
        collection.add_items("v", {collection.add_drawn([make_drawn(1)], "m", "DDIM")[0].id: np.ones(2)})
    next_soart(then)
    with pytest.raises(CollectionError, match=r"the power went|violates|refer to missing rows"):
        Collection(where)
    monkeypatch.undo()
    with Collection(where) as collection:
        assert len(collection.images()) == len(collection.ids()) == 1
        assert collection.images()[0].width == 16


def test_copy_that_cannot_be_kept_stops_the_upgrade(tmp_path, next_soart):
    with Collection(tmp_path / "c"):
        pass
    (tmp_path / "c" / f"soart-schema-{SCHEMA_VERSION}.part").mkdir()
    next_soart()
    with pytest.raises(CollectionError, match="cannot be opened"):
        Collection(tmp_path / "c")


def test_opening_imports_no_alembic(where):
    Collection(where).close()
    code = (
        "import sys; from soart import Collection; Collection(sys.argv[1]).close(); Collection(None).close(); "
        "sys.exit('alembic' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(where)], check=False).returncode == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_several_openings_upgrade_once(where, together):
    """All find an older version, then wait for each other."""
    if isinstance(where, Path):
        where.mkdir()
    engine = connect(address_of(where))
    prepare(engine, 1)
    engine.dispose()
    together(lambda number: Collection(where).close())
    assert differences(engine) == []
    engine.dispose()


@pytest.mark.parametrize("table", ["images", "meta"])
def test_database_of_another_program_is_refused_and_left_as_it_is(where, engine, table):
    with engine.begin() as connection:
        connection.execute(text(f"CREATE TABLE {table} (key TEXT, value TEXT)"))
    with pytest.raises(CollectionError, match=f"has a table '{table}' of another program"):
        Collection(where)
    assert inspect(engine).get_table_names() == [table]


def test_database_of_another_encoding_is_refused(postgres):
    server = create_engine(address_of(postgres).url, isolation_level="AUTOCOMMIT")
    name = f"{server.url.database}_latin"
    with server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'"))
        try:
            with pytest.raises(CollectionError, match="has encoding LATIN1"):
                Collection(postgres.replace(server.url.database, name))
        finally:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    server.dispose()
