"""How often Python collects garbage."""

import gc


def spare_collections() -> None:
    """Leave what has been built so far out of garbage collections, and have fewer of them.

    Reading history makes many small objects that live for one batch; with Python's own thresholds a sixth of the time
    went into going through them, and through all modules, again and again (measured by ``scripts.bench.ingest``).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)
