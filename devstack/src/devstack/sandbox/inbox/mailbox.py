"""The mails the sandbox holds: an index in memory, the raw mails in one growing file.

One file instead of one per mail keeps accepting fast and 100,000 mails cheap. The body is written
before its index line, so an index entry never points at bytes that are not there.
"""

from collections.abc import Callable, Iterator

from devstack.sandbox.inbox.mail import Mail, MailHeaders, read_mail
from devstack.sandbox.inbox.mail_record import decode_line, encode_mail, encode_removal
from devstack.sandbox.storage.append_file import AppendFile


class Mailbox:
    """Mails by id, listed newest first. Read marks live only as long as the process."""

    def __init__(
        self,
        bodies: AppendFile,
        index: AppendFile,
        *,
        now: Callable[[], float],
        new_id: Callable[[], str],
    ) -> None:
        self._bodies = bodies
        self._index = index
        self._now = now
        self._new_id = new_id
        self._mails: dict[str, Mail] = {}
        for _, line in index.lines():
            match decode_line(line):
                case Mail() as mail:
                    self._mails[mail.id] = mail
                case list() as removed:
                    for mail_id in removed:
                        self._mails.pop(mail_id, None)

    def __len__(self) -> int:
        return len(self._mails)

    def add(self, raw: bytes, mail_from: str, recipients: list[str]) -> tuple[Mail, MailHeaders]:
        """Store a mail; it survives a kill of the process once this returns."""
        mail, headers = read_mail(
            raw,
            mail_id=self._new_id(),
            created=self._now(),
            offset=self._bodies.append(raw),
            mail_from=mail_from,
            recipients=recipients,
        )
        self._index.append(encode_mail(mail))
        self._mails[mail.id] = mail
        return mail, headers

    def newest_first(self) -> Iterator[Mail]:
        """All mails, the last to arrive first."""
        return reversed(self._mails.values())

    def find(self, mail_id: str) -> Mail | None:
        """The mail of that id; `latest` is the last that arrived (as in Mailpit)."""
        if mail_id == "latest":
            return next(self.newest_first(), None)
        return self._mails.get(mail_id)

    def raw(self, mail: Mail) -> bytes:
        """The mail as it came over the wire, dots unstuffed."""
        return self._bodies.read(mail.offset, mail.size)

    def unread(self) -> int:
        """How many mails nobody has opened."""
        return sum(1 for mail in self._mails.values() if not mail.read)

    def remove(self, ids: list[str]) -> None:
        """Forget these mails; ids that are not there are passed over."""
        self._index.append(encode_removal(ids))
        for mail_id in ids:
            self._mails.pop(mail_id, None)

    def clear(self) -> None:
        """Forget all mails and free their disk space."""
        self._mails.clear()
        self._index.truncate()
        self._bodies.truncate()
