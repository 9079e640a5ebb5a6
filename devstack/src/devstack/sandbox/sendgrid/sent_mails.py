"""What events need to know of the mails that were taken, kept over restarts."""

import json
from dataclasses import asdict, dataclass

from devstack.sandbox.storage.append_file import AppendFile


@dataclass(frozen=True, slots=True)
class SentMail:
    """One recipient of one request; `message_id` is what `X-Message-Id` said."""

    message_id: str
    email: str
    custom_args: dict[str, str]
    smtp_id: str


class SentMails:
    """Mails by message id and by the `delivery_id` among their custom arguments."""

    def __init__(self, file: AppendFile) -> None:
        self._file = file
        self._mails: dict[str, SentMail] = {}
        for _, line in file.lines():
            self._remember(SentMail(**json.loads(line)))

    def add(self, mail: SentMail) -> None:
        """Keep one; it survives a kill of the process once this returns."""
        self._file.append(json.dumps(asdict(mail)).encode() + b"\n")
        self._remember(mail)

    def find(self, name: str) -> SentMail | None:
        """The newest of that message id or delivery id; of several recipients, the first."""
        return self._mails.get(name)

    def _remember(self, mail: SentMail) -> None:
        self._mails.setdefault(mail.message_id, mail)
        if delivery_id := mail.custom_args.get("delivery_id"):
            self._mails[delivery_id] = mail
