"""A file that only grows, written with one system call per record.

Records reach the operating system before `append` returns, so a killed process loses nothing that
it acknowledged; a record that was cut off by a kill is removed at the next opening.
"""

import os
from collections.abc import Iterator
from pathlib import Path


class AppendFile:
    """Bytes at offsets; the caller remembers the offsets."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self._size = os.fstat(self._descriptor).st_size

    @property
    def size(self) -> int:
        """Length of the file in bytes, which is the offset of the next record."""
        return self._size

    def append(self, record: bytes) -> int:
        """Write `record` at the end and return its offset; OSError when the disk is full."""
        offset = self._size
        written = 0
        try:
            while written < len(record):
                written += os.write(self._descriptor, record[written:])
        except OSError:
            os.ftruncate(self._descriptor, offset)
            raise
        self._size += written
        return offset

    def read(self, offset: int, length: int) -> bytes:
        """Return `length` bytes from `offset`, fewer at the end of the file."""
        return os.pread(self._descriptor, length, offset)

    def truncate(self, size: int = 0) -> None:
        """Cut the file to `size` bytes."""
        os.ftruncate(self._descriptor, size)
        self._size = size

    def lines(self) -> Iterator[tuple[int, bytes]]:
        """Yield (offset, line with its newline); drops a last line that has no newline."""
        offset = 0
        with self.path.open("rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    self.truncate(offset)
                    return
                yield offset, line
                offset += len(line)

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self._descriptor)
