"""The cache is filled once, whole or not at all, and with nothing but what is pinned."""

import base64
import hashlib
import multiprocessing
import os
import time
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from scripts.devnet import toolchain
from scripts.devnet.errors import DevnetError
from scripts.devnet.toolchain import Package


def test_what_stands_is_used_without_npm(monkeypatch: pytest.MonkeyPatch) -> None:
    toolchain.ensure()
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("ANVIL", raising=False)
    assert os.access(toolchain.anvil(), os.X_OK)
    assert len(list(toolchain.artifacts().glob("*.json"))) == len(toolchain.ARTIFACTS)


def test_a_tarball_that_is_not_the_pinned_one_is_refused(tmp_path: Path) -> None:
    tarball = tmp_path / "package.tgz"
    tarball.write_bytes(b"what was published")
    digest = base64.b64encode(hashlib.sha512(b"what was published").digest()).decode()
    toolchain.verify(tarball, Package("thing@1", f"sha512-{digest}"))
    tarball.write_bytes(b"what was published!")
    with pytest.raises(DevnetError, match="does not match its pin"):
        toolchain.verify(tarball, Package("thing@1", f"sha512-{digest}"))


def test_a_run_that_is_cut_off_leaves_nothing(tmp_path: Path) -> None:
    def cut_off(into: Path) -> None:
        (into / "half").write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        toolchain.make_if_missing("thing", cut_off, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


def test_what_a_killed_run_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / ".making-old").mkdir()
    (tmp_path / ".making-old" / "half").write_text("half")
    toolchain.make_if_missing("thing", lambda into: (into / "whole").touch(), tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", "thing"]


def make_once(cache: Path, together: Barrier) -> None:
    """In another process: makes the thing, and counts how often it was made."""

    def make(into: Path) -> None:
        with (cache / "count").open("a") as file:
            file.write("made\n")
        time.sleep(0.3)  # as long as the others need to come as far
        (into / "whole").touch()

    together.wait(60)
    toolchain.make_if_missing("thing", make, cache)
    assert (cache / "thing" / "whole").exists()


def test_several_processes_make_it_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    together = context.Barrier(3)
    processes = [context.Process(target=make_once, args=(tmp_path, together)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0] * 3
    assert (tmp_path / "count").read_text() == "made\n"


def test_an_anvil_of_ones_own_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "anvil"
    monkeypatch.setenv("ANVIL", str(own))
    with pytest.raises(DevnetError, match="which is not an executable"):
        toolchain.anvil()
    own.touch(0o755)
    assert toolchain.anvil() == own


def test_a_machine_without_an_anvil_is_told_the_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANVIL", raising=False)
    monkeypatch.setattr("platform.machine", lambda: "sparc")
    with pytest.raises(DevnetError, match="set ANVIL to the path"):
        toolchain.anvil()


def test_a_registry_that_cannot_be_reached_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9/")
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    with pytest.raises(DevnetError, match="npm could not fetch"):
        toolchain.artifacts(tmp_path)
    assert not list(tmp_path.glob("contracts*"))
