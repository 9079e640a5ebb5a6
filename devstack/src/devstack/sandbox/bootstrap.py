"""The one place where the sandbox is put together from its settings."""

import base64
import fcntl
import os
import random
import secrets
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

from starlette.applications import Starlette

from devstack.sandbox.failures.failures_api import FailuresApi
from devstack.sandbox.failures.rule import SMTP_TARGETS, Target
from devstack.sandbox.failures.rulebook import Rulebook
from devstack.sandbox.inbox.mailbox import Mailbox
from devstack.sandbox.inbox.mailpit_api import MailpitApi
from devstack.sandbox.inbox.smtp_server import InboxHandler
from devstack.sandbox.push.access_token import AccessTokens
from devstack.sandbox.push.dead_tokens import DeadTokens, DeadTokensApi
from devstack.sandbox.push.fcm_access import FcmAccess
from devstack.sandbox.push.fcm_api import FcmApi
from devstack.sandbox.push.fcm_message import FcmReader
from devstack.sandbox.push.jwt_assertion import AssertionVerifier
from devstack.sandbox.push.push_api import PushApi
from devstack.sandbox.push.pushbox import Pushbox
from devstack.sandbox.push.service_account import load_public_key, prepare_service_account
from devstack.sandbox.push.token_api import TokenApi
from devstack.sandbox.sendgrid.event_signature import prepare_event_signer
from devstack.sandbox.sendgrid.events_api import EVENT_SECONDS, EventsApi
from devstack.sandbox.sendgrid.mail_api import MailApi
from devstack.sandbox.sendgrid.sent_mails import SentMails
from devstack.sandbox.settings import SandboxSettings
from devstack.sandbox.storage.append_file import AppendFile
from devstack.sandbox.storage.handed_over_log import HandedOverLog
from devstack.sandbox.tls import TlsFiles, prepare_tls
from devstack.sandbox.web.log_api import LogApi
from devstack.sandbox.web.page import PageApi
from servicekit.http_client import AsyncClient, create_http_client


class FolderInUseError(Exception):
    """Another sandbox works in the data folder."""


@dataclass(frozen=True, slots=True)
class Sandbox:
    """Everything built, ready to be served."""

    app: Starlette
    inboxes: dict[str, InboxHandler]
    tls: TlsFiles
    lock: int
    client: AsyncClient

    async def close(self) -> None:
        """Close the connections to who is told of events."""
        await self.client.aclose()


def open_data_folder(folder: Path) -> int:
    """Make the folder and lock it for this process; return the lock's descriptor."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise FolderInUseError(
            f"Another sandbox works in {folder}; stop it or set SANDBOX_DATA to another folder."
        ) from None
    return lock


def build_sandbox(settings: SandboxSettings, *, lock: int, https_port: int) -> Sandbox:
    """Open the files and connect the parts; `https_port` is the one really bound."""
    folder = settings.data
    log = HandedOverLog(AppendFile(folder / "handed_over.jsonl"), lambda: datetime.now(UTC))
    mailbox = Mailbox(
        AppendFile(folder / "mails.raw"),
        AppendFile(folder / "mails.jsonl"),
        now=time.time,
        new_id=_new_id,
    )
    pushbox = Pushbox(AppendFile(folder / "pushes.jsonl"), now=time.time, new_id=_new_id)
    rulebooks = {target: Rulebook(target, random.random) for target in get_args(Target)}
    tokens = AccessTokens(_token_key(folder / "token.key"), time.time)
    dead_tokens = DeadTokens(folder / "dead_tokens.json")
    fcm = FcmApi(
        access=FcmAccess(tokens, settings.fcm_project_id),
        reader=FcmReader(),
        pushbox=pushbox,
        dead_tokens=dead_tokens,
        log=log,
        rulebook=rulebooks["fcm"],
        new_name=_new_fcm_name,
    )
    verifier = _verifier(settings, https_port)
    sent_mails = SentMails(AppendFile(folder / "sendgrid.jsonl"))
    client = create_http_client(timeout_seconds=EVENT_SECONDS)
    apis = (
        PageApi(),
        MailpitApi(mailbox),
        PushApi(pushbox),
        fcm,
        TokenApi(verifier, tokens, rulebooks["oauth"], time.time),
        DeadTokensApi(dead_tokens),
        MailApi(
            api_key=settings.sendgrid_api_key,
            mailbox=mailbox,
            sent_mails=sent_mails,
            log=log,
            rulebook=rulebooks["sendgrid"],
            now=lambda: datetime.now(UTC),
            new_id=_new_id,
        ),
        EventsApi(sent_mails, prepare_event_signer(folder), client, time.time, _new_event_id),
        FailuresApi(rulebooks),
        LogApi(log),
    )
    return Sandbox(
        app=Starlette(routes=[route for api in apis for route in api.routes()]),
        inboxes={name: InboxHandler(mailbox, log, rulebooks[name]) for name in SMTP_TARGETS},
        tls=prepare_tls(folder, settings.https_names),
        lock=lock,
        client=client,
    )


def _verifier(settings: SandboxSettings, https_port: int) -> AssertionVerifier:
    token_uri = settings.token_uri or f"https://localhost:{https_port}/token"
    email = settings.account_email
    if settings.public_key_file is not None:
        public_key, key_id = load_public_key(settings.public_key_file), None
    else:
        public_key, key_id = prepare_service_account(
            settings.data, project=settings.fcm_project_id, email=email, token_uri=token_uri
        )
    return AssertionVerifier(email, public_key, key_id, frozenset({token_uri}))


def _token_key(path: Path) -> bytes:
    if not path.exists():
        path.touch(mode=0o600)
        path.write_bytes(secrets.token_bytes(32))
    return path.read_bytes()


def _new_id() -> str:
    return secrets.token_urlsafe(16).replace("-", "A").replace("_", "B")


def _new_event_id() -> str:
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).decode()


def _new_fcm_name() -> str:
    # The form of real ones: 0:1500415314455276%31bd1c9631bd1c96
    return f"0:{time.time_ns() // 1000}%{secrets.token_hex(8)}"
