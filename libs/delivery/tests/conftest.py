"""Lets the tests import the fakes, benches and suites in `stand-ins`.

In importlib mode pytest leaves sys.path alone; the dash in the folder's name tells mypy, too, that
modules begin there.
"""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "stand-ins"))
pytest.register_assert_rewrite("breakers_suite", "claims_suite")
