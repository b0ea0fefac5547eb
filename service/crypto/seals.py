"""How often a data key has encrypted, counted by sample.

Counting every encryption would cost a write each. One whose random nonce falls on 1 of 65,536 values is
written down as 65,536 instead. At the limit of 2^32 some 65,536 samples have been taken, so the count is off
by 0.4 % (one standard deviation); a key is refused at nine tenths of its limit, 25 of those deviations
below it. A lower limit is sampled more often, down to every time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from uuid import UUID

from service.crypto.keks import GCM_LIMIT
from service.errors import KeyExhaustedError, UnavailableError

_SAMPLES = 65_536
_MARGIN = 0.9


class SealCounter:
    """`add` counts in the database and answers the total. `sampled` goes to the data keys."""

    def __init__(self, add: Callable[[UUID, int], int], limit: int) -> None:
        self._add = add
        weight = max(1, min(limit, GCM_LIMIT) // _SAMPLES)
        # The first two bytes of a nonce are as good as a number below 65,536.
        chosen = _SAMPLES // weight
        self._weight = _SAMPLES // chosen
        self.sampled = (chosen - 1).to_bytes(2, "big")
        self._most = int(limit * _MARGIN) if self._weight > 1 else limit
        self._pending: dict[UUID, int] = {}
        self._lock = threading.Lock()

    def count(self, owner: UUID) -> None:
        """Raises KeyExhaustedError once `owner`'s key has reached its limit, before it encrypts again."""
        with self._lock:
            pending = self._pending.pop(owner, 0) + self._weight
        try:
            total = self._add(owner, pending)
        except UnavailableError:
            # Counted with the next sample: a count that has to wait must not stop a customer.
            with self._lock:
                self._pending[owner] = self._pending.get(owner, 0) + pending
            return
        if total > self._most:
            raise KeyExhaustedError
