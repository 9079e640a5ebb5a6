"""Where the second SMTP server listens."""

import pytest

from devstack.sandbox.settings import SandboxSettings


@pytest.mark.parametrize(
    ("given", "port"),
    [({}, 1026), ({"smtp_port": 2025}, 0), ({"smtp_port": 2025, "smtp_b_port": 2026}, 2026)],
)
def test_the_second_server_moves_out_of_the_way_with_the_first(
    given: dict[str, int], port: int
) -> None:
    assert SandboxSettings.model_validate(given).second_smtp_port == port
