"""DSN (RFC 3461): offered, understood, and written down."""

from typing import Any, Protocol

import aiosmtplib
import pytest

from devstack.sandbox.sandbox_process import SandboxProcess


class Log(Protocol):
    start: int

    async def entries(self) -> list[dict[str, Any]]: ...


async def test_logs_what_the_envelope_asked_for(sandbox: SandboxProcess, log: Log) -> None:
    client = aiosmtplib.SMTP(hostname=sandbox.smtp_host, port=sandbox.smtp_port, start_tls=False)
    async with client:
        await client.ehlo()
        assert client.supports_extension("dsn")
        await client.sendmail(
            "a@x.test",
            ["b@x.test"],
            "Subject: x\r\n\r\nHi\r\n",
            mail_options=["RET=HDRS", "ENVID=dlv+2B1"],
            rcpt_options=["NOTIFY=FAILURE,DELAY", "ORCPT=rfc822;b@x.test"],
        )
        await client.sendmail("a@x.test", ["b@x.test"], "Subject: y\r\n\r\nHi\r\n")
    first, second = await log.entries()
    assert first["dsn"] == {
        "ret": "HDRS",
        "envid": "dlv+1",
        "notify": "FAILURE,DELAY",
        "orcpt": "rfc822;b@x.test",
    }
    assert second["dsn"] is None


async def test_takes_the_longest_commands_that_dsn_allows(sandbox: SandboxProcess) -> None:
    client = aiosmtplib.SMTP(hostname=sandbox.smtp_host, port=sandbox.smtp_port, start_tls=False)
    address = "x" * 60 + "@" + ".".join(["y" * 60] * 3) + ".test"
    async with client:
        await client.sendmail(
            address,
            [address],
            "Subject: x\r\n\r\nHi\r\n",
            mail_options=["SIZE=20", "RET=HDRS", "ENVID=" + "e" * 100],
            rcpt_options=["NOTIFY=SUCCESS,FAILURE,DELAY", f"ORCPT=rfc822;{'+2B' * 150}"],
        )


async def test_refuses_a_parameter_that_is_none(sandbox: SandboxProcess) -> None:
    client = aiosmtplib.SMTP(hostname=sandbox.smtp_host, port=sandbox.smtp_port, start_tls=False)
    async with client:
        with pytest.raises(aiosmtplib.SMTPResponseException) as caught:
            await client.sendmail("a@x.test", ["b@x.test"], "x\r\n", mail_options=["RET=SOME"])
    assert (caught.value.code, "RET" in caught.value.message) == (501, True)
