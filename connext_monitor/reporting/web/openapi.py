"""Placeholder until the description is written."""


def description() -> dict[str, object]:
    """The description of the API."""
    return {}
