"""Watches every transfer of the Connext bridge and alerts when one is late."""
