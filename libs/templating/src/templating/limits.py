"""The bounds of a template and of one rendering, so that cost is limited by construction.

Together they keep compiling and rendering of any template under a second and a few tens of
megabytes; nothing here is a time, so that the same input always ends the same way.
"""

from typing import Final

SOURCE_BYTES: Final = 256 * 1024
"""Size of one source (a subject, an HTML body …) in UTF-8."""

TOKENS: Final = 20_000
"""Tokens inside the tags of one source; compiling takes about 15 µs a token."""

TAG_TOKENS: Final = 128
"""Tokens inside one tag: bounds what one expression can hold at a time."""

BRACKET_DEPTH: Final = 8
BLOCK_DEPTH: Final = 8
LOOP_DEPTH: Final = 2
BRANCHES: Final = 32
"""`elif` branches of one `if`."""

EXPRESSION_DEPTH: Final = 24
LITERAL_CHARACTERS: Final = 4_096
LITERAL_ITEMS: Final = 50
INTEGER_BITS: Final = 63

LOOP_ITEMS: Final = 1_000
"""Items that one `for` may run over."""

STEPS: Final = 500_000
"""Work of one rendering: a syntax node evaluated in a loop, or some characters filtered."""

VALUE_CHARACTERS: Final = 256 * 1024
"""Length of what one filter may return."""

OUTPUT_BYTES: Final = 1024 * 1024
"""Size of one rendered part in UTF-8."""

VARIABLES_DEPTH: Final = 10
VARIABLES_ITEMS: Final = 20_000
VARIABLES_CHARACTERS: Final = 512 * 1024
