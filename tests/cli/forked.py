"""Commands in processes of their own that have the program loaded already: loading takes longer than most commands."""

import multiprocessing
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from connext_monitor.cli import main

_LOADED = multiprocessing.get_context("forkserver")
_LOADED.set_forkserver_preload(["connext_monitor.cli.program"])


def forked(arguments: Sequence[str], folder: Path, environ: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """The command's exit code, and what it wrote to each stream; as `subprocess.run` gives them."""
    with TemporaryDirectory() as written:
        streams = [Path(written) / name for name in ("stdout", "stderr")]
        process = _LOADED.Process(target=_command, args=(arguments, folder, environ, streams))
        process.start()
        process.join(60)
        if process.exitcode is None:
            process.kill()
            raise TimeoutError(" ".join(arguments))
        out, err = (stream.read_text() for stream in streams)
    return subprocess.CompletedProcess(arguments, process.exitcode, out, err)


def _command(arguments: Sequence[str], folder: Path, environ: Mapping[str, str], streams: Sequence[Path]) -> None:
    for number, path in enumerate(streams, start=1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), number)
    sys.stdout, sys.stderr = (os.fdopen(number, "w", encoding="utf-8") for number in (1, 2))
    os.environ.clear()
    os.environ.update(environ)
    os.chdir(folder)
    sys.argv = ["connext-monitor", *arguments]
    main()
