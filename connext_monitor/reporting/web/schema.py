"""The schemas of all documents (JSON Schema 2020-12), derived from the structs that describe them."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.json import schema_components

from connext_monitor.core.documents.alerts import AlertList
from connext_monitor.core.documents.answers import ErrorDocument, HealthDocument, ReadinessDocument
from connext_monitor.core.documents.bridge_events import BridgeEventList
from connext_monitor.core.documents.chains import ChainList, ClockDocument
from connext_monitor.core.documents.fields import Document
from connext_monitor.core.documents.instances import InstanceList
from connext_monitor.core.documents.router_books import RouterList
from connext_monitor.core.documents.stats import StatsDocument
from connext_monitor.core.documents.transfers import TransferList
from connext_monitor.core.documents.webhook import AlertBody, ReportBody

_SUFFIX = "Document"
_DOCUMENTS: Sequence[type[Document]] = (
    ChainList,
    TransferList,
    AlertList,
    BridgeEventList,
    RouterList,
    StatsDocument,
    ClockDocument,
    InstanceList,
    HealthDocument,
    ReadinessDocument,
    ErrorDocument,
    AlertBody,
    ReportBody,
)


def ref(document: type[Document]) -> dict[str, object]:
    """A reference to the schema of this document."""
    return {"$ref": f"#/components/schemas/{schema_name(document.__name__)}"}


def schema_name(name: str) -> str:
    """What the schema of a struct is called: its name without what tells it from the value that it is made from."""
    return name.removesuffix(_SUFFIX)


def schemas() -> dict[str, object]:
    """Those of all documents and of what they are made of, by name."""
    _, components = schema_components(_DOCUMENTS, ref_template="#/components/schemas/{name}")
    return {schema_name(name): _named(_closed(schema)) for name, schema in components.items()}


def _closed(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema with no properties other than those named, which holds for what we write, not for what we read."""
    return {**schema, "additionalProperties": False} if schema.get("type") == "object" else dict(schema)


def _named(part: Any) -> Any:  # noqa: ANN401 - any part of a schema
    """The part with the names of schemas, where it mentions any, in the form of `schema_name`."""
    if isinstance(part, list):
        return [_named(item) for item in part]
    if not isinstance(part, dict):
        return part
    return {
        key: schema_name(value) if key in {"$ref", "title"} and isinstance(value, str) else _named(value)
        for key, value in part.items()
    }
