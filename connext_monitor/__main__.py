"""``python -m connext_monitor``."""

from connext_monitor.cli import main

if __name__ == "__main__":
    main()
