"""The command line: `list`, `show`, `replay`, `discard`, `jobs`, `job`."""

import argparse
from typing import Final

FILTERS: Final = {
    "type": "notification_type",
    "reason": "reason",
    "template": "template_code",
    "from": "received_from",
    "to": "received_to",
}
"""The options that narrow a selection, and what the API calls them."""

_EXAMPLES: Final = """examples:
  make dlq ARGS="list --reason retries_exhausted"
  make dlq ARGS="show 01993f5e-7c1a-7b1e-9c55-3f1a2b4c5d6e"
  make dlq ARGS="replay --reason retries_exhausted --dry-run"
  make dlq ARGS="discard --template old_news --to 2026-11-01T00:00:00Z"

The gateway is that of `make run`, or of GATEWAY_URL and API_KEY in the environment.
"""


def build_parser() -> argparse.ArgumentParser:
    """The parser; wrong arguments end with usage and exit code 2."""
    parser = argparse.ArgumentParser(
        prog="dlq",
        description="Dead letters: list, read, replay and discard them.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, meaning: str) -> argparse.ArgumentParser:
        # An abbreviation such as `--a` could come to mean `--all`.
        return commands.add_parser(name, help=meaning, allow_abbrev=False)

    listing = add("list", "those that wait for a decision, newest first")
    _add_filters(listing)
    listing.add_argument("--state", choices=("open", "replayed", "discarded", "all"))
    _add_page(listing)
    showing = add("show", "one, its message and its attempts")
    showing.add_argument("id", metavar="ID")
    for name, meaning in (
        ("replay", "send them on their way again"),
        ("discard", "decide that they stay unsent"),
    ):
        closing = add(name, meaning)
        closing.add_argument("ids", metavar="ID", nargs="*")
        closing.add_argument("--all", action="store_true", help="every open one")
        _add_filters(closing)
        closing.add_argument("--dry-run", action="store_true", help="only count them")
        closing.add_argument(
            "--no-wait", action="store_true", help="start the job and do not follow it"
        )
    _add_page(add("jobs", "what was asked for many at once, newest first"))
    following = add("job", "follow one job to its end")
    following.add_argument("id", metavar="ID")
    following.add_argument("--no-wait", action="store_true", help="look once")
    return parser


def _add_filters(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("which", "all that are given have to fit")
    group.add_argument("--type", choices=("email", "push"))
    group.add_argument("--reason")
    group.add_argument("--template", metavar="CODE")
    group.add_argument(
        "--from", metavar="TIME", help="received then or later; 2026-11-01T00:00:00Z"
    )
    group.add_argument("--to", metavar="TIME", help="received before")


def _add_page(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--page", type=int, default=1)
    parser.add_argument("--limit", type=int, default=20, help="rows, at most 100")
