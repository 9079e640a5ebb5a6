"""Benchmarks of the system; each prints ratios to limits that were measured in the same run."""
