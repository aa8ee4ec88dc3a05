"""Folders of pictures that are scanned into a collection, for several tests."""

import os
import time

from sqlalchemy import select

from soart.pipelines.collection.tables import FileRow
from soart.pipelines.ingest.local_engine import LocalEngine
from soart.pipelines.ingest.scan import Scan
from soart.pipelines.ingest.sync import sync


class Counting(LocalEngine):
    """Counts the files that are looked at."""

    def __init__(self):
        super().__init__(2)
        self.seen = []

    def inspect(self, paths, kinds=(None,)):
        def counted():
            for path in paths:
                self.seen.append(path)
                yield path

        yield from super().inspect(counted(), kinds)


def settle(path, seconds=100):
    """As if the file had not changed for a while."""
    then = time.time() - seconds
    os.utime(path, (then, then))


def update(collection, folder, **options):
    engine = Counting()
    return sync(collection, Scan([folder]), engine, **options), engine.seen


def files(collection):
    with collection.session("be read") as session:
        return {row.path: row for row in session.scalars(select(FileRow))}
