"""Mailpit's search language, the part that tests and people use.

`to: from: cc: bcc: reply-to: addressed: subject: message-id:`, `is:read`, `is:unread` and free text
(subject, addresses, bodies); terms are ANDed, `-` or `!` excludes, quotes group; matching is by
substring and ignores case (https://mailpit.axllent.org/docs/usage/search-filters/).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from devstack.sandbox.inbox.mail import Address, Mail

_WORD = re.compile(r'(?:[^\s"]|"[^"]*")+')


@dataclass(frozen=True, slots=True)
class Term:
    """One condition; `field` is empty for free text. `value` is in lower case."""

    field: str
    value: str
    exclude: bool


def parse_query(query: str) -> tuple[Term, ...]:
    """Split a query into its terms; an unknown prefix is free text, as in Mailpit."""
    terms = []
    for found in _WORD.findall(query):
        word = found.replace('"', "").lower()
        exclude = len(word) > 1 and word[0] in "-!"
        word = word[1:] if exclude else word
        field, colon, value = word.partition(":")
        known = bool(colon) and (field in _FIELDS or word in _STATES)
        term = Term(field, value.strip(), exclude) if known else Term("", word, exclude)
        if term.value:
            terms.append(term)
    return tuple(terms)


def matches(mail: Mail, terms: tuple[Term, ...], body_has: Callable[[Mail, str], bool]) -> bool:
    """Whether the mail meets all terms.

    `body_has` says whether the readable text of a mail has the words, given in lower case; it is
    asked only when every condition that the index can answer is met, because it reads the disk.
    """
    ordered = sorted(terms, key=lambda term: not term.field)
    return all(_holds(mail, term, body_has) is not term.exclude for term in ordered)


def _holds(mail: Mail, term: Term, body_has: Callable[[Mail, str], bool]) -> bool:
    if term.field == "is":
        return mail.read is (term.value == "read")
    if term.field == "to":
        return term.value in mail.to_text
    if term.field:
        return term.value in _FIELDS[term.field](mail).lower()
    return term.value in f"{mail.subject} {_all(mail)}".lower() or body_has(mail, term.value)


def _joined(*groups: tuple[Address, ...]) -> str:
    return " ".join(str(address) for group in groups for address in group)


def _all(mail: Mail) -> str:
    return _joined((mail.sender,), mail.to, mail.cc, mail.bcc, mail.reply_to)


_STATES = frozenset({"is:read", "is:unread"})
_FIELDS: dict[str, Callable[[Mail], str]] = {
    "to": lambda mail: mail.to_text,
    "from": lambda mail: str(mail.sender),
    "cc": lambda mail: _joined(mail.cc),
    "bcc": lambda mail: _joined(mail.bcc),
    "reply-to": lambda mail: _joined(mail.reply_to),
    "addressed": _all,
    "subject": lambda mail: mail.subject,
    "message-id": lambda mail: mail.message_id,
}
