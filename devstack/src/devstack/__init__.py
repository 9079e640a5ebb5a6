"""Private servers and a sandbox of the outside world, for `make run`, tests and benchmarks."""
