"""People move in: accounts that nobody can log in to, brand accounts, and first follows.

Accounts are found by handle first, so that a run goes on where it was interrupted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction

from redshop.accounts.models import Consent, Follow, Gender, Preference, User
from redshop.catalog.models import BrandMember
from redshop.core.populations import Population
from redshop.events.kinds import EventKind
from redshop.events.services.recording import ServerEvent, record
from redshop.simulation.assortment import Assortment
from redshop.simulation.content import base36, city_name, write_bio, write_handle, write_name
from redshop.simulation.pictures import draw_face
from redshop.simulation.population import People, language_of
from redshop.simulation.shops import Shops
from redshop.simulation.streams import stream

#: Different faces, shared by everybody.
FACES: Final = 12
#: How long before the first day people joined at the earliest, and wrote their first notes.
YEAR: Final = timedelta(days=365)
#: Mean creators that a person follows when they come (assumed).
MEAN_FIRST_FOLLOWS: Final = 2.0
#: So many people move in at a time.
CHUNK: Final = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Residents:
    """The rows' ids, by the places that the population and the assortment give them."""

    person_ids: tuple[int, ...]
    brand_account_ids: tuple[int, ...]

    @property
    def everybody(self) -> tuple[int, ...]:
        """All accounts, brands' after people's."""
        return (*self.person_ids, *self.brand_account_ids)

    def account(self, author: int) -> int:
        """Return the account of an author: a person, or a brand after the last person."""
        return self.everybody[author]


def settle(
    *, seed: int, people: People, world: Assortment, shops: Shops, at: datetime
) -> Residents:
    """Give everybody an account dating from before ``at``, and the brands one each."""
    faces = _faces()
    person_ids: list[int] = []
    for start in range(0, len(people), CHUNK):
        places = range(start, min(start + CHUNK, len(people)))
        person_ids += _move_in(
            [_person(seed, people, place, faces, at=at) for place in places], at=at
        )
    accounts = [_brand_account(seed, world, place, at=at) for place in range(len(world.brands))]
    with transaction.atomic():
        residents = Residents(
            person_ids=tuple(person_ids), brand_account_ids=tuple(_move_in(accounts, at=at))
        )
        _memberships(residents, shops, at=at)
    return residents


@transaction.atomic
def _move_in(accounts: Sequence[User], *, at: datetime) -> list[int]:
    """Write accounts that are not there yet, with what registration asks; return their ids."""
    User.objects.bulk_create(accounts, ignore_conflicts=True)
    found = User.objects.filter(handle__in=[user.handle for user in accounts])
    ids = dict(found.order_by("pk").values_list("handle", "pk"))
    in_order = [ids[user.handle] for user in accounts]
    _choices(in_order, at=at)
    return in_order


def follow_first(
    *, seed: int, people: People, residents: Residents, at: datetime
) -> dict[int, list[int]]:
    """Let everybody follow a few creators whose interests resemble theirs, before ``at``.

    Returns whom each follows, by their places.

    The counterpart in bulk of ``follows.follow``: the rows and their events, in one transaction.
    """
    pairs = _first_follows(seed, people)
    moments = [at - timedelta(minutes=len(pairs) - place) for place in range(len(pairs))]
    with transaction.atomic():
        ids = residents.person_ids
        one, other = (ids[place] for place in pairs[0]) if pairs else (0, 0)
        if Follow.objects.filter(follower=one, followed=other).exists():  # all or none are there
            return _by_follower(pairs)
        Follow.objects.bulk_create(
            Follow(follower_id=ids[follower], followed_id=ids[followed], created_at=moment)
            for (follower, followed), moment in zip(pairs, moments, strict=True)
        )
        record(
            [
                ServerEvent(
                    kind=EventKind.FOLLOW,
                    occurred_at=moment,
                    person_id=ids[follower],
                    author_id=ids[followed],
                    population=Population.SIMULATED,
                    surface="profile",
                )
                for (follower, followed), moment in zip(pairs, moments, strict=True)
            ]
        )
    return _by_follower(pairs)


def _by_follower(pairs: Sequence[tuple[int, int]]) -> dict[int, list[int]]:
    followed_by: dict[int, list[int]] = {}
    for follower, followed in pairs:
        followed_by.setdefault(follower, []).append(followed)
    return followed_by


def _first_follows(seed: int, people: People) -> list[tuple[int, int]]:
    creators = np.flatnonzero(people.is_creator)
    likeness = people.interests @ people.interests[creators].T
    pairs: list[tuple[int, int]] = []
    for person in range(len(people)):
        rng = stream(seed=seed, purpose="first follows", person=person)
        count = min(int(rng.poisson(MEAN_FIRST_FOLLOWS)), len(creators))
        chances = likeness[person] / likeness[person].sum()
        chosen = rng.choice(creators, size=count, replace=False, p=chances)
        pairs += [(person, int(creator)) for creator in chosen if creator != person]
    return pairs


def _person(seed: int, people: People, place: int, faces: Sequence[str], *, at: datetime) -> User:
    rng = stream(seed=seed, purpose="person", person=place)
    language = language_of(people, place)
    handle = write_handle(index=place, seed=seed, rng=rng)
    user = User(
        handle=handle,
        email=f"{handle}@people.invalid",
        display_name=write_name(language=language, rng=rng),
        bio=write_bio(language=language, rng=rng),
        locale={"zh": "zh-CN"}.get(language, language),
        gender=Gender.FEMALE if people.is_female[place] else Gender.MALE,
        birth_year=at.year - int(people.age[place]),
        city=_city(people, place, language),
        avatar=faces[int(rng.integers(len(faces)))],
        joined_at=at - timedelta(days=1) - float(rng.random()) * YEAR,
        population=Population.SIMULATED,
    )
    user.set_unusable_password()
    return user


def _city(people: People, place: int, language: str) -> str:
    """Name the large city where somebody lives; smaller places are left unnamed."""
    if not people.in_large_city[place]:
        return ""
    return city_name(language=language, place=int(people.city[place]))


def _brand_account(seed: int, world: Assortment, place: int, *, at: datetime) -> User:
    plan = world.brands[place]
    handle = f"{plan.slug}_{base36(seed)}"
    user = User(
        handle=handle,
        email=f"{handle}@brands.invalid",
        display_name=plan.name,
        bio=plan.story,
        joined_at=at - YEAR,
        population=Population.SIMULATED,
    )
    user.set_unusable_password()
    return user


def _memberships(residents: Residents, shops: Shops, *, at: datetime) -> None:
    pairs = zip(shops.brand_ids, residents.brand_account_ids, strict=True)
    BrandMember.objects.bulk_create(
        [BrandMember(brand_id=brand, user_id=user, created_at=at) for brand, user in pairs],
        ignore_conflicts=True,
    )


def _choices(person_ids: Sequence[int], *, at: datetime) -> None:
    """Record the deployment's default consents and preferences, as registration does."""
    defaults: Mapping[str, Any] = settings.CONSENT_DEFAULTS
    Consent.objects.bulk_create(
        [
            Consent(user_id=person, purpose=purpose, is_granted=granted, changed_at=at)
            for person in person_ids
            for purpose, granted in defaults.items()
        ],
        ignore_conflicts=True,
    )
    Preference.objects.bulk_create(
        [Preference(user_id=person) for person in person_ids], ignore_conflicts=True
    )


def _faces() -> list[str]:
    """Return the names of the faces in the storage, drawn where they are missing."""
    names = [f"avatars/simulated-{number}.jpg" for number in range(FACES)]
    for number, name in enumerate(names):
        if not default_storage.exists(name):
            default_storage.save(name, ContentFile(draw_face(number=number)))
    return names
