"""Claims of requests, so that of several processes only one draws each picture.

A claim is a lease that its holder renews while it lives. A process that was killed loses its claims: at once on its own
machine, where the others see that it has ended, elsewhere when the lease is over.
"""

from __future__ import annotations

import contextlib
import threading
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Self

from sqlalchemy import delete, insert, or_, select, update

from ...errors import CollectionError
from ..support.batching import batches
from ..support.processes import has_ended, process_identity
from .collection import Collection
from .tables import ClaimRow

#: Seconds that a claim holds unless it is renewed. The clocks of machines that share a collection may differ by less.
LEASE = 90.0
#: Renewals of a claim in the time of a lease.
_RENEWALS = 4
_BLOCK = 500


class Claims:
    """Claims of one holder, renewed in the background until the ``with`` block ends, which gives them up."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection
        self._shared = collection.folder is not None
        # Each call holds its own claims, also in threads of one process.
        self._holder = f"{process_identity()}#{uuid.uuid4().hex}"
        self._ended = threading.Event()
        self._renewing: threading.Thread | None = None

    def take(self, keys: Iterable[str]) -> set[str]:
        """Claim those requests that nobody else holds; returns all of them that this holder holds now."""
        wanted = list(dict.fromkeys(keys))
        if not self._shared or not wanted:
            return set(wanted)
        own: set[str] = set()
        with self._collection.session("be written", write=True) as session:
            others = set(session.scalars(select(ClaimRow.holder).distinct()))
            ended = [holder for holder in others if has_ended(holder.partition("#")[0])]
            session.execute(delete(ClaimRow).where(or_(ClaimRow.until < datetime.now(UTC), ClaimRow.holder.in_(ended))))
            for block in batches(wanted, _BLOCK):
                query = select(ClaimRow.request_key, ClaimRow.holder).where(ClaimRow.request_key.in_(block))
                holders = {row.request_key: row.holder for row in session.execute(query)}
                if free := [key for key in block if key not in holders]:
                    rows = [{"request_key": key, "holder": self._holder, "until": _lease_end()} for key in free]
                    session.execute(insert(ClaimRow), rows)
                own.update(key for key in block if holders.get(key, self._holder) == self._holder)
        if own and self._renewing is None:
            self._renewing = threading.Thread(target=self._renew, daemon=True)
            self._renewing.start()
        return own

    def _renew(self) -> None:
        while not self._ended.wait(LEASE / _RENEWALS):
            # A disk that is full for a while is no reason to end: the next renewal may succeed.
            with contextlib.suppress(CollectionError), self._collection.session("be written", write=True) as session:
                session.execute(update(ClaimRow).where(ClaimRow.holder == self._holder).values(until=_lease_end()))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        if self._renewing is not None:
            self._renewing.join()
            # Without this they would lapse, a little later.
            with contextlib.suppress(CollectionError), self._collection.session("be written", write=True) as session:
                session.execute(delete(ClaimRow).where(ClaimRow.holder == self._holder))


def _lease_end() -> datetime:
    return datetime.now(UTC) + timedelta(seconds=LEASE)
