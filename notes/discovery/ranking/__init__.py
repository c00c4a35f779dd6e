"""Pure functions from arrays to an order: features, caps, diversity, chance."""
