"""Orders are paid through a real company."""

import pytest


@pytest.fixture(autouse=True, scope="session")
def _somebody_takes_payments(the_company: object) -> None:
    """Have the sandbox company beside every test of this folder."""
