"""A world in memory, left behind in the database as an ordinary shop, with the truth beside it."""
