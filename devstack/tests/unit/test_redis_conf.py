from pathlib import Path

from devstack.redis import render_redis_conf


def test_keeps_everything_and_listens_on_loopback_only() -> None:
    lines = render_redis_conf(Path("/data"), 20001, "secret").splitlines()
    assert "bind 127.0.0.1" in lines
    assert "port 20001" in lines
    assert "requirepass secret" in lines
    assert "appendonly yes" in lines
    assert "maxmemory-policy noeviction" in lines


def test_quotes_a_folder_with_spaces_and_quotes() -> None:
    lines = render_redis_conf(Path('/my "own" data'), 20001, "secret").splitlines()
    assert 'dir "/my \\"own\\" data"' in lines
