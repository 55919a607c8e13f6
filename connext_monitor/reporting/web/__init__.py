"""The HTTP server: JSON API and probes."""
