"""How long a password may be.

The lower bound is NIST SP 800-63B §5.1.1.2; the upper one keeps hashing from being made costly.
"""

from typing import Final

MIN_PASSWORD: Final = 8
MAX_PASSWORD: Final = 256
