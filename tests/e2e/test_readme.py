"""The README's walk-through, run as it stands."""

import asyncio
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from devstack.passwords import write_private
from devstack.run_env import render, variables_of
from devstack.stack import Stack
from devstack.system_client import SystemClient
from devstack.tour import TourResult

CHECKOUT = Path(__file__).parents[2]


def shell_blocks() -> list[str]:
    return re.findall(
        r"^```sh\n(.*?)^```", (CHECKOUT / "README.md").read_text(), re.MULTILINE | re.DOTALL
    )


def documents_in(text: str) -> list[Any]:
    decoder, documents = json.JSONDecoder(), []
    while text := text.lstrip():
        document, end = decoder.raw_decode(text)
        documents.append(document)
        text = text[end:]
    return documents


async def run_shell(script: str, folder: Path) -> str:
    process = await asyncio.create_subprocess_exec(
        *("bash", "-euo", "pipefail", "-c", script),
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate()
    assert process.returncode == 0, errors.decode() + output.decode()
    return output.decode()


@pytest.mark.skipif(shutil.which("curl") is None, reason="the walk-through needs curl")
async def test_the_walk_through_ends_with_a_delivered_notification_and_its_mail(
    stack: Stack, system: SystemClient, tmp_path: Path
) -> None:
    walk, failures = shell_blocks()
    tour = TourResult(system.api_key, "", "", {}, {})
    (tmp_path / ".devstack").mkdir()
    write_private(tmp_path / ".devstack" / "run.env", render(variables_of(stack, tour)))
    output = await run_shell(walk + failures, tmp_path)
    template, explained, notification, inbox, retried = documents_in(output)
    assert template["data"]["version"] == 1
    assert explained["data"]["would_send"] is True
    assert explained["data"]["subject"] == "Invoice 42 for John"
    assert notification["data"]["status"] == "delivered"
    (mail,) = inbox["messages"]
    assert mail["Subject"] == "Invoice 42 for John"
    source = await system.mail(mail["ID"])
    assert "https://example.com/invoices/42" in source["Text"]
    assert "<p>Dear John,</p>" in source["HTML"]
    events = [event["event"] for event in retried["data"]["timeline"]]
    assert events == ["accepted", "delivery_attempted", "sent"]
