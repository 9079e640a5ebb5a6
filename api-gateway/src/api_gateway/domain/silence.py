"""How long a pending delivery may be silent before it is published again."""

from datetime import timedelta
from typing import Final

RECONCILE_AFTER: Final = timedelta(hours=1)
"""Longer than a delivery can be on its way through the retry tiers without an event."""
LONGEST_SILENCE: Final = timedelta(hours=8)
"""Silence doubles with each time that publishing again did not help, up to here."""
