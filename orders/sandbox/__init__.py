"""A payment company to try things out with: a process of its own, reached only over HTTP.

It imports nothing of the shop, keeps its own record, and misbehaves as real companies do, as far
as its behaviour is switched on. Nobody's money moves.
"""
