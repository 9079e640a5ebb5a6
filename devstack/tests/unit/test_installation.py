from collections.abc import Callable
from pathlib import Path

from devstack.binaries import Binaries
from devstack.installation import choose_installer, pick_complaint

NOTHING = Binaries(None, None, None, None)
ONLY_POSTGRES = Binaries(Path("/pg"), None, None, None)


def having(*programs: str) -> Callable[[str], str | None]:
    return lambda name: f"/usr/bin/{name}" if name in programs else None


def test_installs_on_debian_as_root_only_what_is_missing() -> None:
    command = choose_installer(ONLY_POSTGRES, having("apt-get"), 0, "linux")
    assert command is not None
    assert command[0] == "sh"
    assert command[2:] == ["redis-server", "rabbitmq-server"]


def test_installs_on_debian_through_sudo_as_an_ordinary_user() -> None:
    command = choose_installer(NOTHING, having("apt-get", "sudo"), 1000, "linux")
    assert command is not None
    assert command[:2] == ["sudo", "sh"]


def test_cannot_install_on_debian_without_root_and_sudo() -> None:
    assert choose_installer(NOTHING, having("apt-get"), 1000, "linux") is None


def test_installs_on_macos_with_homebrew() -> None:
    command = choose_installer(NOTHING, having("brew"), 501, "darwin")
    assert command == ["brew", "install", "postgresql@17", "redis", "rabbitmq"]


def test_cannot_install_where_no_known_package_manager_is() -> None:
    assert choose_installer(NOTHING, having("dnf", "sudo"), 0, "linux") is None


def test_picks_the_complaint_out_of_what_apt_printed() -> None:
    output = "Reading lists\nW: old\nE: Unable to locate package x\nleft disabled: S01redis\n"
    assert pick_complaint(output) == "E: Unable to locate package x"
