"""`.devstack/run.env` is read by shells, whatever the values hold."""

import subprocess
from pathlib import Path

from devstack.run_env import render


def test_a_shell_reads_back_what_was_written(tmp_path: Path) -> None:
    values = {"PLAIN": "http://127.0.0.1:8000", "HOSTILE": "a b'c\"$(exit 3)`x`\\"}
    file = tmp_path / "run.env"
    file.write_text(render(values))
    for name, value in values.items():
        script = f'. "{file}"; printenv {name}'
        output = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
        assert output.stdout == value + "\n"
