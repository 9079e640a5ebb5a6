"""Makes what the architecture tests share importable, as `tests.repo.…`."""

import sys
from pathlib import Path

# In importlib mode pytest leaves sys.path alone.
sys.path.insert(0, str(Path(__file__).parents[2]))
