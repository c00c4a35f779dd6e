"""People for tests and for developers who want a few."""

import secrets
from datetime import timedelta
from typing import Any

import factory
from django.utils import timezone
from factory.django import DjangoModelFactory

from redshop.accounts.models import (
    AccessRecord,
    AccessToken,
    Block,
    Consent,
    Erasure,
    Export,
    Follow,
    Gender,
    Notification,
    Preference,
    Purpose,
    User,
)
from redshop.accounts.services import sessions

PASSWORD = "correct horse battery staple"  # noqa: S105 - the seeded people's password is no secret


class UserFactory(DjangoModelFactory[User]):
    """A person who can log in with ``PASSWORD``."""

    class Meta:
        model = User
        skip_postgeneration_save = True

    handle = factory.Sequence(lambda n: f"person_{n}")
    email = factory.LazyAttribute(lambda user: f"{user.handle}@example.com")
    display_name = factory.Faker("first_name")
    bio = factory.Faker("sentence", nb_words=8)
    gender = factory.Iterator([Gender.FEMALE, Gender.FEMALE, Gender.MALE])
    birth_year = factory.Sequence(lambda n: 1985 + n % 20)
    city = factory.Iterator(["Shanghai", "Chengdu", "Milano", "London"])

    @factory.post_generation  # type: ignore[untyped-decorator]
    def password(self: User, create: bool, extracted: str | None, **_: Any) -> None:  # noqa: FBT001 - factory_boy's own signature
        self.set_password(extracted or PASSWORD)
        if create:
            self.save(update_fields=["password"])


class AccessTokenFactory(DjangoModelFactory[AccessToken]):
    """A device that is in; ``secret`` is the token that it bears."""

    class Meta:
        model = AccessToken
        exclude = ["secret"]

    secret = factory.LazyFunction(lambda: secrets.token_urlsafe(32))
    user = factory.SubFactory(UserFactory)
    digest = factory.LazyAttribute(lambda token: sessions.digest_of(token.secret))
    device = "a phone"
    created_at = factory.LazyFunction(timezone.now)
    expires_at = factory.LazyAttribute(lambda token: token.created_at + timedelta(days=90))


class FollowFactory(DjangoModelFactory[Follow]):
    """One person who follows another."""

    class Meta:
        model = Follow

    follower = factory.SubFactory(UserFactory)
    followed = factory.SubFactory(UserFactory)
    created_at = factory.LazyFunction(timezone.now)


class BlockFactory(DjangoModelFactory[Block]):
    """One person who blocks another."""

    class Meta:
        model = Block

    blocker = factory.SubFactory(UserFactory)
    blocked = factory.SubFactory(UserFactory)
    created_at = factory.LazyFunction(timezone.now)


class ConsentFactory(DjangoModelFactory[Consent]):
    """A person's yes to analytics."""

    class Meta:
        model = Consent

    user = factory.SubFactory(UserFactory)
    purpose = Purpose.ANALYTICS
    is_granted = True
    changed_at = factory.LazyFunction(timezone.now)


class PreferenceFactory(DjangoModelFactory[Preference]):
    """A person who leaves the feed as it is."""

    class Meta:
        model = Preference

    user = factory.SubFactory(UserFactory)


class NotificationFactory(DjangoModelFactory[Notification]):
    """The news that somebody follows a person."""

    class Meta:
        model = Notification

    recipient = factory.SubFactory(UserFactory)
    actor = factory.SubFactory(UserFactory)
    kind = Notification.Kind.FOLLOW
    created_at = factory.LazyFunction(timezone.now)


class ErasureFactory(DjangoModelFactory[Erasure]):
    """A person who asked to be erased, and is not yet."""

    class Meta:
        model = Erasure

    person = factory.SubFactory(UserFactory, is_active=False)
    asked_at = factory.LazyFunction(timezone.now)


class ExportFactory(DjangoModelFactory[Export]):
    """An export that is being gathered."""

    class Meta:
        model = Export

    person = factory.SubFactory(UserFactory)
    asked_at = factory.LazyFunction(timezone.now)


class AccessRecordFactory(DjangoModelFactory[AccessRecord]):
    """Somebody of the staff looked at a person's page."""

    class Meta:
        model = AccessRecord

    staff = factory.SubFactory(UserFactory, is_staff=True)
    person = factory.SubFactory(UserFactory)
    subject = "accounts.User"
    page = factory.LazyAttribute(lambda record: f"/admin/accounts/user/{record.person.pk}/change/")
    at = factory.LazyFunction(timezone.now)
