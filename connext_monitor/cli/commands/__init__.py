"""The commands and their options, as ``--help`` shows them.

The code that carries a command out is loaded when it runs: ``--help``, completion in a shell and the other commands do
not wait for it. ``tests/cli/test_loading.py`` says what may be loaded when.
"""
