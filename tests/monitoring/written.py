"""Values as an endpoint writes them."""

import json

import msgspec


def raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(json.dumps(value).encode())
