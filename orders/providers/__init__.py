"""The payment companies that this shop works with, by the name of the method."""

from collections.abc import Mapping
from typing import Final

from orders.errors import PaymentMethodUnavailable
from orders.providers.sandbox import Sandbox
from orders.providers.types import Provider

PROVIDERS: Final[Mapping[str, Provider]] = {"sandbox": Sandbox()}


def provider_of(method: str) -> Provider:
    """Return the company behind a way of paying.

    Raises:
        PaymentMethodUnavailable: the shop works with none of that name.
    """
    try:
        return PROVIDERS[method]
    except KeyError as error:
        raise PaymentMethodUnavailable from error
