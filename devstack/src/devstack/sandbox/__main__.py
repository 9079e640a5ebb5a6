"""`python -m devstack.sandbox`."""

import sys

from devstack.sandbox.main import main

sys.exit(main())
