"""What others may ask of the simulation."""

from redshop.simulation.services.runs import interrupted, is_populated

__all__ = ["interrupted", "is_populated"]
