"""What makes a benchmark end without a result."""


class BenchmarkError(Exception):
    """Says what could not be measured, and what to do."""
