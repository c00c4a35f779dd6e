"""The company of people who do not exist: it answers inside this process, under their own clock.

Nobody reaches it through the API. Seeded rows and the simulated population pay with it.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from orders.errors import WebhookRefused
from orders.providers.types import ABANDONED, BackOutcome, Charge, Hint, MoneyBack, Outcome
from orders.states import PaymentAttempt, RepaymentState

#: What each token leads to; no token is a card that works.
FAILURES: Final = {
    "tok_declined": "card_declined",
    "tok_insufficient_funds": "insufficient_funds",
    "tok_expired_card": "expired_card",
    "tok_incorrect_cvc": "incorrect_cvc",
    "tok_fraudulent": "fraudulent",
}
WORKING: Final = frozenset({"", "tok_ok"})


class Simulated:
    """Succeeds without a token and with ``tok_ok``; fails as named by any other."""

    def charge(self, charge: Charge) -> Outcome:
        """Answer as the token says; an unknown one is ``invalid_token``."""
        if charge.token in WORKING:
            return Outcome(state=PaymentAttempt.SUCCEEDED)
        code = FAILURES.get(charge.token, "invalid_token")
        return Outcome(state=PaymentAttempt.FAILED, failure_code=code)

    def look_up(self, charge: Charge) -> Outcome | None:
        """Say that it has never heard of it: all it was asked, it has answered at once."""
        return None

    def abandon(self, charge: Charge) -> Outcome:
        """Say that it will not succeed."""
        return Outcome(state=PaymentAttempt.FAILED, failure_code=ABANDONED)

    def send_back(self, back: MoneyBack) -> BackOutcome:
        """Say that it is done."""
        return BackOutcome(state=RepaymentState.SUCCEEDED)

    def check_webhook(self, body: bytes, headers: Mapping[str, str], *, at: datetime) -> None:
        """Refuse: it never sends any.

        Raises:
            WebhookRefused: always.
        """
        raise WebhookRefused

    def understand(self, body: bytes) -> Hint:
        """Refuse: it never says anything.

        Raises:
            WebhookRefused: always.
        """
        raise WebhookRefused
