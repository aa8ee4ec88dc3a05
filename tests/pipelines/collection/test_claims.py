"""Each request is claimed by one process, on both databases; those of processes that ended are free again."""

import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from soart.pipelines.collection import claims as claims_module
from soart.pipelines.collection.claims import Claims
from soart.pipelines.collection.collection import Collection
from soart.pipelines.collection.tables import ClaimRow
from soart.pipelines.support.processes import has_ended, process_identity


def stored(collection):
    with collection.session("be read") as session:
        return {row.request_key: row for row in session.scalars(select(ClaimRow))}


def test_a_request_is_claimed_once_until_it_is_given_up(where):
    with Collection(where) as collection, Collection(where) as other:
        with Claims(collection) as first, Claims(other) as second:
            assert first.take(["a", "b", "b"]) == {"a", "b"}
            assert second.take(["b", "c"]) == {"c"}
            assert first.take(["a", "b", "c"]) == {"a", "b"}
            assert second.take([]) == set()
        assert stored(collection) == {}
        with Claims(collection) as again:
            assert again.take(["a", "c"]) == {"a", "c"}


def test_more_requests_than_one_query_holds_are_claimed(where):
    keys = [str(number) for number in range(1200)]
    with Collection(where) as collection, Claims(collection) as claims:
        assert claims.take(keys) == set(keys)
        assert len(stored(collection)) == 1200


KILLED = """
import sys, time
from soart.pipelines.collection.claims import Claims
from soart.pipelines.collection.collection import Collection

with Collection(sys.argv[1]) as collection, Claims(collection) as claims:
    print(sorted(claims.take(["a", "b"])), flush=True)
    time.sleep(600)
"""


@pytest.mark.skipif(process_identity().startswith("/"), reason="this system does not name its processes")
def test_claims_of_a_killed_process_are_free_at_once(where):
    with Collection(where) as collection, Claims(collection) as claims:
        with subprocess.Popen([sys.executable, "-c", KILLED, str(where)], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout.readline() == "['a', 'b']\n"
            assert claims.take(["a", "c"]) == {"c"}
            process.send_signal(signal.SIGKILL)
        assert claims.take(["a", "b"]) == {"a", "b"}


def test_claims_of_another_machine_are_free_when_their_lease_is_over(where):
    with Collection(where) as collection, Claims(collection) as claims:
        with Claims(collection) as elsewhere:
            elsewhere._holder = "another machine/pid:[1]/7/8#1"
            assert elsewhere.take(["a"]) == {"a"}
            assert claims.take(["a"]) == set()
            with collection.session("be written", write=True) as session:
                session.execute(update(ClaimRow).values(until=datetime.now(UTC) - timedelta(seconds=1)))
            assert claims.take(["a"]) == {"a"}
        assert stored(collection).keys() == {"a"}


def test_claims_are_renewed_while_their_holder_lives(where, monkeypatch):
    monkeypatch.setattr(claims_module, "LEASE", 0.4)
    with Collection(where) as collection, Claims(collection) as claims:
        claims.take(["a"])
        first = stored(collection)["a"].until
        deadline = time.monotonic() + 240
        while stored(collection)["a"].until <= first and time.monotonic() < deadline:
            time.sleep(0.02)
        assert stored(collection)["a"].until > first


def test_a_collection_in_memory_needs_no_claims():
    with Collection(None) as collection, Claims(collection) as claims, Claims(collection) as others:
        assert claims.take(["a"]) == others.take(["a"]) == {"a"}


def test_processes_are_known_by_their_number_and_their_start():
    own = process_identity()
    assert len(own) <= 90
    assert not has_ended(own)
    system, _, started = own.rpartition("/")
    assert has_ended(f"{system}/{int(started or 0) + 1}") == bool(started)
    assert not has_ended("")
    assert not has_ended(f"elsewhere/{os.getpid()}/1")
