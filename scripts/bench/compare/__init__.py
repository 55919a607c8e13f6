"""This tree against another commit's, and against ponder: the same made-up bridge, by turns, on the same machine."""
