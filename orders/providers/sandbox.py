"""A payment company for trying things out: it answers at once, as the token says."""

from typing import Final

from orders.providers.types import Charge, Outcome
from orders.states import PaymentAttempt

#: What each token leads to; no token is a card that works.
FAILURES: Final = {
    "tok_declined": "card_declined",
    "tok_insufficient_funds": "insufficient_funds",
    "tok_expired_card": "expired_card",
    "tok_incorrect_cvc": "incorrect_cvc",
    "tok_fraudulent": "fraudulent",
}
WORKING: Final = frozenset({"", "tok_ok"})


class Sandbox:
    """Succeeds without a token and with ``tok_ok``; fails as named by any other."""

    def charge(self, charge: Charge) -> Outcome:
        """Answer as the token says; an unknown one is ``invalid_token``."""
        if charge.token in WORKING:
            return Outcome(PaymentAttempt.SUCCEEDED)
        code = FAILURES.get(charge.token, "invalid_token")
        return Outcome(PaymentAttempt.FAILED, failure_code=code)
