"""Everything of a purchase, looked at and moved by legal steps; a module for each part of it."""

from orders.admin import ledger, link_outs, orders, payments, prices, returns

__all__ = ["ledger", "link_outs", "orders", "payments", "prices", "returns"]
