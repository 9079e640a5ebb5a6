"""What an enhanced status code says (RFC 3463), in replies to us and in reports that come later."""

from typing import Final

DEAD_ADDRESS: Final = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"})
"""The address is wrong, moved or switched off: nothing that is sent there can arrive."""
MAILBOX_FULL: Final = frozenset({"4.2.2", "5.2.2"})
"""Servers say either; it passes, so it is never final for the address."""

_SUBJECTS: Final = {
    "1": "address_refused",
    "2": "mailbox_unavailable",
    "3": "mail_system_refused",
    "4": "network_or_routing",
    "5": "protocol_refused",
    "6": "content_refused",
    "7": "policy_refused",
}


def subject_of(code: str, otherwise: str) -> str:
    """A stable word for what a code such as `5.7.1` is about.

    Args:
        code: Class, subject and detail.
        otherwise: The word for a subject that RFC 3463 does not have.
    """
    return _SUBJECTS.get(code.split(".")[1], otherwise)


def recipient_reason(code: str, otherwise: str) -> str:
    """The same for a code that is certainly about the recipient."""
    if code in DEAD_ADDRESS:
        return "invalid_recipient"
    if code in MAILBOX_FULL:
        return "mailbox_full"
    return subject_of(code, otherwise)
