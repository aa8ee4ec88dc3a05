"""Folders of pictures that are scanned into a collection, for several tests."""

import os
import time

from sqlalchemy import select

from soart.pipelines.collection.tables import FileRow
from soart.pipelines.ingest.inspection import inspect_file
from soart.pipelines.ingest.scan import Scan
from soart.pipelines.ingest.sync import sync


class Here:
    """Inspects files in this process, which costs less than to start workers, and remembers them."""

    def __init__(self):
        self.seen = []

    def inspect(self, paths, kinds=(None,)):
        for path in paths:
            self.seen.append(os.fspath(path))
            yield inspect_file(path, kinds)


def settle(path, seconds=100):
    """As if the file had not changed for a while."""
    then = time.time() - seconds
    os.utime(path, (then, then))


def update(collection, folder, **options):
    engine = Here()
    return sync(collection, Scan([folder]), engine, **options), engine.seen


def files(collection):
    with collection.session("be read") as session:
        return {row.path: row for row in session.scalars(select(FileRow))}
