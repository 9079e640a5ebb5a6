"""How long a pending delivery may be silent before it is published again."""

from datetime import timedelta
from typing import Final

RECONCILE_AFTER: Final = timedelta(hours=1)
"""Longer than a delivery can be on its way through the retry tiers without an event."""
FARTHEST_ATTEMPT: Final = timedelta(days=30)
"""A next attempt that is announced for later is not waited for longer; workers wait for a day."""
LONGEST_SILENCE: Final = timedelta(hours=8)
"""Silence doubles with each time that publishing again did not help, up to here."""
