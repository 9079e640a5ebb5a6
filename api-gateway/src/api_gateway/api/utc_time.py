"""Times in requests to this API; `contracts.utc_time` says what is taken."""

from contracts.utc_time import UtcTime

__all__ = ["UtcTime"]
