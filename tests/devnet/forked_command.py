"""The command of the devnet, forked off a process that has the program loaded: to start each anew takes half a second.

`test_command.py` has it started from its very beginning too.
"""

import os
from collections.abc import Sequence

from tests.world.processes import ROOT, Command

_MAIN = "from scripts.devnet.__main__ import main; main(); raise SystemExit(0)"


def devnet_command(arguments: Sequence[str]) -> Command:
    """``python -m scripts.devnet`` with these arguments."""
    return Command(arguments, ROOT, os.environ, _MAIN)
