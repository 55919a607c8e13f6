"""Words of JSON Schema (2020-12) that the API's description is written in."""

from collections.abc import Iterable, Mapping

from connext_monitor.core.formats import Json


def ref(name: str) -> Json:
    """One of the schemas above."""
    return {"$ref": f"#/components/schemas/{name}"}


def exactly(properties: Mapping[str, object]) -> Json:
    """An object that has exactly these properties."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


def or_null(schema: Json, why: str) -> Json:
    """The schema or null, and why null."""
    return {"description": why, "anyOf": [schema, {"type": "null"}]}


def text(what: str, **more: object) -> Json:
    """A string."""
    return {"type": "string", "description": what, **more}


def one_of(what: str, values: Iterable[str]) -> Json:
    """One of these strings."""
    return text(what, enum=list(values))


def hash_of(what: str) -> Json:
    """32 bytes."""
    return text(what, pattern="^0x[0-9a-f]{64}$")


def address(what: str) -> Json:
    """20 bytes, checksummed."""
    return text(what, pattern="^0x[0-9a-fA-F]{40}$")


def digits(what: str) -> Json:
    """A whole number as a string."""
    return text(what, pattern="^[0-9]+$")


def instant(what: str) -> Json:
    """RFC 3339."""
    return text(what, format="date-time")


def count(what: str) -> Json:
    """A whole number, 0 or more."""
    return {"type": "integer", "minimum": 0, "description": what}
