"""A Postfix of the test's own: its own configuration, queue, ports, users and mailboxes.

Nothing of the system's instance is read but the programs, nothing of it is changed, and its master
process is ended by its id.
"""

import asyncio
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from grp import getgrnam
from pathlib import Path
from typing import Final

import trustme

SCRIPT: Final = Path(__file__).parents[1] / "pipe_bounce.sh"
DAEMONS: Final = Path("/usr/lib/postfix/sbin")
HOST: Final = "localhost"
DOMAIN: Final = "example.com"
BOUNCE_DOMAIN: Final = "bounces.shop.test"
USER, PASSWORD = "shop", "a-password-of-its-own"
_NOBODY: Final = pwd.getpwnam("nobody")
_START_SECONDS: Final = 15
_STOP_SECONDS: Final = 10


@dataclass(frozen=True)
class PrivatePostfix:
    """A running instance.

    Attributes:
        home: Everything of it.
        port: Submission, by STARTTLS and AUTH only.
    """

    home: Path
    port: int

    async def mail_for(self, user: str, *, seconds: float = 20) -> bytes:
        """The first mail in a mailbox, as it lies there; waits for it."""
        async with asyncio.timeout(seconds):
            while True:
                for file in (self.home / "mail" / user / "new").glob("*"):
                    return file.read_bytes()
                await asyncio.sleep(0.1)

    async def says(self, words: str, *, seconds: float = 20) -> None:
        """Wait until its log holds these words."""
        async with asyncio.timeout(seconds):
            while True:
                if words in self.log:
                    return
                await asyncio.sleep(0.1)

    @property
    def log(self) -> str:
        file = self.home / "log" / "postfix.log"
        return file.read_text() if file.is_file() else "(no log)"


def reason_to_skip() -> str | None:
    """Why it cannot run here; None where it can."""
    if os.geteuid() != 0:
        return "Postfix's master process must be started by root"
    missing = [name for name in ("postfix", "saslpasswd2", "curl") if not shutil.which(name)]
    if not (DAEMONS / "master").is_file() or missing:
        return (
            f"not installed: {', '.join(missing) or 'postfix'} (Debian: postfix, sasl2-bin, curl)"
        )
    return None


@asynccontextmanager
async def private_postfix(
    authority: trustme.CA, *, bounce_url: str, bounce_token: str
) -> AsyncIterator[PrivatePostfix]:
    """Run one that pipes what comes to `BOUNCE_DOMAIN` into `pipe_bounce.sh`.

    Args:
        authority: Signs its certificate.
        bounce_url: Where the script posts.
        bounce_token: What it shows there.
    """
    # Not below pytest's own folders: Postfix's users must be able to come in
    home = Path(tempfile.mkdtemp(prefix="private-postfix-", dir="/tmp"))
    try:
        port = _free_port()
        _make_folders(home)
        _write_configuration(home, port, bounce_url)
        _write_secrets(home, authority, bounce_token)
        async with _master(home, port):
            yield PrivatePostfix(home, port)
    finally:
        shutil.rmtree(home)


@asynccontextmanager
async def _master(home: Path, port: int) -> AsyncIterator[None]:
    with (home / "log" / "master.txt").open("wb") as output:
        # In a session of its own: when it ends, it ends the processes of its group
        master = await asyncio.create_subprocess_exec(
            *(str(DAEMONS / "master"), "-c", str(home / "etc"), "-d"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={"PATH": os.environ["PATH"]},
            start_new_session=True,
        )
    try:
        async with asyncio.timeout(_START_SECONDS):
            while not _listens(port):
                assert master.returncode is None, (home / "log" / "master.txt").read_text()
                await asyncio.sleep(0.05)
        yield
    finally:
        if master.returncode is None:
            master.send_signal(signal.SIGTERM)
            async with asyncio.timeout(_STOP_SECONDS):
                await master.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _make_folders(home: Path) -> None:
    """What `postfix post-install create-missing` makes, for this instance."""
    home.chmod(0o755)
    postfix = pwd.getpwnam("postfix")
    for name in ("etc", "etc/sasl", "queue", "queue/pid", "log", "bin"):
        (home / name).mkdir()
    (home / "data").mkdir()
    os.chown(home / "data", postfix.pw_uid, postfix.pw_gid)
    for name in (
        *("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming"),
        *("private", "saved", "trace", "public", "maildrop"),
    ):
        folder = home / "queue" / name
        folder.mkdir(mode=0o700)
        os.chown(folder, postfix.pw_uid, 0)
    for name, mode in (("public", 0o710), ("maildrop", 0o730)):
        os.chown(home / "queue" / name, postfix.pw_uid, getgrnam("postdrop").gr_gid)
        (home / "queue" / name).chmod(mode)
    (home / "mail").mkdir()
    os.chown(home / "mail", _NOBODY.pw_uid, _NOBODY.pw_gid)


def _write_configuration(home: Path, port: int, bounce_url: str) -> None:
    shutil.copy(SCRIPT, home / "bin")
    (home / "etc" / "mailboxes").write_text(f"jane@{DOMAIN} jane/\n")
    (home / "etc" / "transports").write_text(f"{BOUNCE_DOMAIN} bouncepipe:\n")
    (home / "etc" / "main.cf").write_text(
        _MAIN_CF.format(home=home, uid=_NOBODY.pw_uid, gid=_NOBODY.pw_gid)
    )
    (home / "etc" / "master.cf").write_text(
        _MASTER_CF.format(port=port, home=home, script=SCRIPT.name, bounce_url=bounce_url)
    )


def _write_secrets(home: Path, authority: trustme.CA, bounce_token: str) -> None:
    certificate = authority.issue_cert(HOST)
    certificate.private_key_and_cert_chain_pem.write_to_path(str(home / "etc" / "tls.pem"))
    (home / "etc" / "sasl" / "smtpd.conf").write_text(
        "pwcheck_method: auxprop\nauxprop_plugin: sasldb\nmech_list: PLAIN LOGIN\n"
        f"sasldb_path: {home}/etc/sasl/sasldb2\n"
    )
    database = home / "etc" / "sasl" / "sasldb2"
    subprocess.run(
        ["saslpasswd2", "-p", "-c", "-f", str(database), "-u", "mail.test", USER],
        input=PASSWORD.encode(),
        check=True,
        timeout=10,
    )
    os.chown(database, pwd.getpwnam("postfix").pw_uid, 0)
    token = home / "etc" / "bounce-token"
    token.write_text(f"X-Service-Token: {bounce_token}\n")
    token.chmod(0o400)
    os.chown(token, _NOBODY.pw_uid, _NOBODY.pw_gid)


_MAIN_CF: Final = """
compatibility_level = 3.6
queue_directory = {home}/queue
data_directory = {home}/data
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = {home}/log/postfix.log
maillog_file_prefixes = {home}
myhostname = mail.test
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks =
alias_maps =
local_recipient_maps =
smtpd_peername_lookup = no
disable_dns_lookups = yes

smtpd_tls_security_level = may
smtpd_tls_auth_only = yes
smtpd_tls_chain_files = {home}/etc/tls.pem
smtpd_sasl_auth_enable = yes
smtpd_sasl_local_domain = mail.test
cyrus_sasl_config_path = {home}/etc/sasl
smtpd_relay_restrictions = permit_sasl_authenticated, reject
# Takes mail for mailboxes that are not there, and finds out later
smtpd_reject_unlisted_recipient = no

virtual_mailbox_domains = example.com
virtual_mailbox_base = {home}/mail
virtual_mailbox_maps = texthash:{home}/etc/mailboxes
virtual_minimum_uid = 1
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
transport_maps = texthash:{home}/etc/transports
bouncepipe_destination_recipient_limit = 1
minimal_backoff_time = 1s
maximal_backoff_time = 1s
queue_run_delay = 1s
"""

_MASTER_CF: Final = """
127.0.0.1:{port} inet n - n - - smtpd
cleanup   unix n - n - 0 cleanup
qmgr      unix n - n 1 1 qmgr
tlsmgr    unix - - n 1000? 1 tlsmgr
rewrite   unix - - n - - trivial-rewrite
bounce    unix - - n - 0 bounce
defer     unix - - n - 0 bounce
trace     unix - - n - 0 bounce
error     unix - - n - - error
retry     unix - - n - - error
virtual   unix - n n - - virtual
smtp      unix - - n - - smtp
anvil     unix - - n - 1 anvil
proxymap  unix - - n - - proxymap
postlog   unix-dgram n - n - 1 postlogd
bouncepipe unix - n n - - pipe flags=R user=nobody argv=/usr/bin/env BOUNCE_URL={bounce_url}
    BOUNCE_TOKEN_FILE={home}/etc/bounce-token /bin/sh {home}/bin/{script}
"""
