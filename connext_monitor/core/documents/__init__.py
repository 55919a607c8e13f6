"""The JSON that other programs read: each document described once, as a struct.

The HTTP API, ``--json`` and the webhook give these documents; the API's OpenAPI schema is derived from the structs
(`reporting.web.openapi`). Numbers that may pass 2^53 are decimal strings, addresses are checksummed, hashes are
lower-case hex, and instants are RFC 3339 in UTC.
"""
