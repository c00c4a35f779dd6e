"""The payment companies that this shop works with, by the name of the method."""

from functools import cache
from typing import Final

from django.conf import settings

from orders.errors import PaymentMethodUnavailable
from orders.providers.sandbox import Sandbox
from orders.providers.simulated import Simulated
from orders.providers.types import Provider

#: Pays inside this process; not for buyers who exist.
SIMULATED: Final = "simulated"
#: Ways of paying that people may name.
METHODS: Final = ("sandbox", "stripe")

_simulated: Final = Simulated()
_sandbox: Final = cache(Sandbox)


def provider_of(method: str) -> Provider:
    """Return the company behind a way of paying, as far as this deployment is set up for it.

    Raises:
        PaymentMethodUnavailable: the shop works with none of that name.
    """
    if method == SIMULATED:
        return _simulated
    if method == "sandbox" and settings.SANDBOX_URL:
        return _sandbox(
            settings.SANDBOX_URL,
            secret=settings.SANDBOX_SECRET,
            webhook_secret=settings.SANDBOX_WEBHOOK_SECRET,
        )
    if method == "stripe" and settings.STRIPE_SECRET_KEY:
        return _stripe(
            settings.STRIPE_SECRET_KEY,
            webhook_secret=settings.STRIPE_WEBHOOK_SECRET,
            api_base=settings.STRIPE_API_BASE,
            return_url=settings.PAYMENT_RETURN_URL,
        )
    raise PaymentMethodUnavailable


@cache
def _stripe(key: str, *, webhook_secret: str, api_base: str, return_url: str) -> Provider:
    from orders.providers.stripe import Stripe  # large; only who works with Stripe pays for it

    return Stripe(key, webhook_secret=webhook_secret, api_base=api_base, return_url=return_url)
