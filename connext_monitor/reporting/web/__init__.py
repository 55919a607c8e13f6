"""The HTTP server: JSON API, page and probes."""
