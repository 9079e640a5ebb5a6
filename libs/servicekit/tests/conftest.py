"""Lets the tests import what lies in `stand-ins`.

In importlib mode pytest leaves sys.path alone; the dash in the folder's name tells mypy, too, that
modules begin there.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "stand-ins"))
