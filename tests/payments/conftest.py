"""Orders are paid through a real company, which tells a real web server what happens."""

import pytest
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from tests.companies import Company


@pytest.fixture
def told(live_server: LiveServer, company: Company, settings: Settings) -> Company:
    """The company, with a way to reach this shop."""
    settings.WEBHOOK_BASE_URL = live_server.url
    return company
