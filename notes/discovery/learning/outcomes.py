"""What people will do with a note that is shown to them: four logistic regressions.

Learned from notes that were shown: what was known of each when it was ranked (``pool.Signals``),
where it stood, and whether it was opened, engaged with, wanted (its product looked at or put into
a cart) and bought, net of refunds. Where it stood is learned too and left out when predicting, so
that a place at the top is no merit.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np

from notes.discovery.ranking.arrays import Floats
from notes.discovery.ranking.pool import INTERACTIONS, Signals

#: The outcomes, named as the features of a policy that uses them.
OUTCOMES: Final = ("open", "engage", "want", "buy")
#: How much a coefficient must explain to differ from zero.
RIDGE: Final = 1.0
STEPS: Final = 25
_DERIVED: Final = (
    *(f"log_{name}" for name in INTERACTIONS),
    "fresh_days",
    "fresh_weeks",
    "newcomer",
    "interest",
    "interest_squared",
    "following",
    "similar",
    "content",
    "shown",
    "is_opened",
    "is_reduced",
    "interest_by_engagement",
    "interest_by_content",
)


@dataclass(frozen=True, slots=True)
class Heads:
    """Coefficients by outcome, over derived signals; the last is that of the position."""

    intercepts: Floats  #: float64[outcomes]
    coefficients: Floats  #: float64[outcomes, signals + 1]

    def predict(self, signals: Signals) -> dict[str, Floats]:
        """Return float64[n] in 0..1 by outcome, as if every note stood at the top."""
        known = derived(signals)
        logits = known @ self.coefficients[:, :-1].T + self.intercepts
        chances = 1.0 / (1.0 + np.exp(-np.clip(logits, -30.0, 30.0)))
        return {name: chances[:, place] for place, name in enumerate(OUTCOMES)}

    def as_json(self) -> dict[str, Any]:
        """Return the coefficients by outcome and signal."""
        names = [*_DERIVED, "position"]
        return {
            outcome: {
                "intercept": float(self.intercepts[place]),
                **dict(zip(names, self.coefficients[place].tolist(), strict=True)),
            }
            for place, outcome in enumerate(OUTCOMES)
        }

    @classmethod
    def from_json(cls, told: Mapping[str, Mapping[str, float]]) -> Self:
        """Read what ``as_json`` wrote."""
        names = [*_DERIVED, "position"]
        return cls(
            np.array([told[outcome]["intercept"] for outcome in OUTCOMES]),
            np.array([[told[outcome][name] for name in names] for outcome in OUTCOMES]),
        )


def derived(signals: Signals) -> Floats:
    """Return float64[n, signals]: what the regressions see; what is not known is zero."""
    size = len(signals["age_hours"])
    nothing = np.zeros(size)
    told = {name: signals.get(name, nothing) for name in (
        "newcomer", "interest", "following", "similar", "content", "is_opened", "is_reduced"
    )}  # fmt: skip
    logs = [np.log1p(signals[name]) / np.log(10.0) for name in INTERACTIONS]
    total = np.add.reduce(logs)
    columns = [
        *logs,
        np.exp2(-signals["age_hours"] / 48.0),
        np.exp2(-signals["age_hours"] / 336.0),
        told["newcomer"],
        told["interest"],
        told["interest"] ** 2,
        told["following"],
        told["similar"],
        told["content"],
        np.minimum(signals.get("times_shown", nothing), 3.0),
        told["is_opened"],
        told["is_reduced"],
        told["interest"] * total,
        told["interest"] * told["content"],
    ]
    return np.stack(columns, axis=1)


def learn(signals: Signals, positions: Floats, outcomes: Mapping[str, Floats]) -> Heads:
    """Fit all regressions by Newton's method, with a ridge on everything but the intercepts.

    Args:
        positions: float64[n], from zero.
        outcomes: float64[n] of zeros and ones, by outcome.
    """
    known = np.column_stack([derived(signals), np.log1p(positions)])
    fitted = [_logistic(known, outcomes[name]) for name in OUTCOMES]
    return Heads(np.array([each[0] for each in fitted]), np.array([each[1:] for each in fitted]))


def _logistic(known: Floats, outcome: Floats) -> Floats:
    """Return the intercept and the coefficients of a ridge-penalised logistic regression."""
    design = np.column_stack([np.ones(len(known)), known])
    penalty = np.full(design.shape[1], RIDGE)
    penalty[0] = 1e-6
    share = np.clip(outcome.mean(), 1e-6, 1.0 - 1e-6)
    beta = np.zeros(design.shape[1])
    beta[0] = np.log(share / (1.0 - share))
    for _ in range(STEPS):
        chances = 1.0 / (1.0 + np.exp(-np.clip(design @ beta, -30.0, 30.0)))
        slope = design.T @ (outcome - chances) - penalty * beta
        curve = (design * (chances * (1.0 - chances))[:, None]).T @ design + np.diag(penalty)
        step = np.linalg.solve(curve, slope)
        beta = beta + step
        if np.abs(step).max() < 1e-8:
            break
    return np.asarray(beta)
