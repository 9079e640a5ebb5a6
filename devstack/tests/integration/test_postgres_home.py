import os
import shutil
from pathlib import Path

import pytest

from devstack.postgres_home import place_postgres, prune_orphans, remove_outside_folder

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root keeps its data outside")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    path = tmp_path / "home"
    path.mkdir()
    return path


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    path = tmp_path / "outside"
    path.mkdir()
    return path


@as_root
def test_gives_root_a_folder_that_the_account_of_postgresql_owns(home: Path, outside: Path) -> None:
    place = place_postgres(home, outside)
    assert place.account is not None
    assert place.folder.stat().st_uid == place.account.uid
    assert place.folder.stat().st_mode & 0o777 == 0o700
    assert place.folder.parent.stat().st_mode & 0o777 == 0o711


@as_root
def test_finds_the_same_folder_again(home: Path, outside: Path) -> None:
    assert place_postgres(home, outside) == place_postgres(home, outside)


@as_root
def test_does_not_use_the_folder_of_the_home_it_was_copied_from(home: Path, outside: Path) -> None:
    original = place_postgres(home, outside)
    copy = home.with_name("copy")
    shutil.copytree(home, copy)
    assert place_postgres(copy, outside).folder != original.folder


@as_root
def test_prunes_only_folders_whose_home_is_gone(home: Path, outside: Path) -> None:
    kept = place_postgres(home, outside).folder.parent
    gone = home.with_name("gone")
    gone.mkdir()
    orphan = place_postgres(gone, outside).folder.parent
    shutil.rmtree(gone)
    stranger = outside / "notification-devstack-stranger"
    stranger.mkdir()
    assert prune_orphans(outside) == [orphan]
    assert kept.exists()
    assert stranger.exists()


@as_root
def test_does_not_prune_under_a_live_server(home: Path, outside: Path) -> None:
    folder = place_postgres(home, outside).folder
    (folder / "data").mkdir()
    (folder / "data" / "postmaster.pid").write_text(f"{os.getpid()}\n")
    shutil.rmtree(home)
    assert prune_orphans(outside) == []


@as_root
def test_removes_the_outside_folder_with_its_home(home: Path, outside: Path) -> None:
    place_postgres(home, outside)
    remove_outside_folder(home, outside)
    assert list(outside.iterdir()) == []
