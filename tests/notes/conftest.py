"""People around notes, and their devices."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from notes.discovery.search import vocabulary
from redshop.accounts.factories import UserFactory
from redshop.accounts.models import User
from tests.api import ApiClient
from tests.conftest import token_of

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def no_vocabulary() -> None:
    """Forget the words of the tests before: they are gone with their database."""
    vocabulary.forget()


@pytest.fixture
def author(db: None) -> User:
    """Someone who writes notes."""
    return UserFactory.create(handle="author")


@pytest.fixture
def reader(db: None) -> User:
    """Someone who reads them."""
    return UserFactory.create(handle="reader")


@pytest.fixture
def client_of() -> Callable[[User], ApiClient]:
    """Make a person's device."""
    return lambda user: ApiClient(token=token_of(user))


@pytest.fixture
def reader_api(reader: User) -> ApiClient:
    """The reader's device."""
    return ApiClient(token=token_of(reader))


@pytest.fixture
def author_api(author: User) -> ApiClient:
    """The author's device."""
    return ApiClient(token=token_of(author))


@pytest.fixture
def moderator(db: None) -> User:
    """Somebody who decides about notes."""
    return UserFactory.create(is_staff=True, is_moderator=True)
