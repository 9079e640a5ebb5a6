"""Append-only files: what the sandbox accepted is on disk before it says yes."""
