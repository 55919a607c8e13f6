"""The operating system's process: its streams, log, event loop, signals and limits."""
