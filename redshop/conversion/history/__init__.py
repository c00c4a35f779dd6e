"""Bringing the event log of a shop that existed before into the same tables."""
