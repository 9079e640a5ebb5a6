"""`make clean`: removes the data of every stack below a folder, wherever they lie."""

import asyncio
import shutil
import sys
from pathlib import Path

from devstack.errors import DevstackError
from devstack.servers import clean


def main(arguments: list[str]) -> int:
    """Remove everything below the folder named; 1 when a stack is running there."""
    folder = Path(arguments[0])
    try:
        for home in sorted(path for path in folder.glob("*") if path.is_dir()):
            asyncio.run(clean(home))
    except DevstackError as error:
        print(error, file=sys.stderr)
        return 1
    if folder.exists():
        shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
