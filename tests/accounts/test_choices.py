"""What people choose: how they are served, and what their data may be used for."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from redshop.accounts import selectors
from redshop.accounts.factories import UserFactory
from redshop.accounts.models import Consent, Preference, User
from redshop.accounts.services import consents
from redshop.events.models import OptOut
from tests.api import ApiClient

pytestmark = pytest.mark.django_db


def test_a_person_who_never_said_is_served_personally(person_api: ApiClient) -> None:
    assert person_api.get("/me/preferences").json() == {"personalised": True, "topics": {}}


def test_a_person_sets_how_they_are_served(person: User, person_api: ApiClient) -> None:
    wanted = {"personalised": False, "topics": {"tea": "increase", "crypto": "reduce"}}

    response = person_api.put("/me/preferences", wanted)

    assert (response.status_code, response.json()) == (200, wanted)
    assert person_api.get("/me/preferences").json() == wanted
    kept = selectors.preferences_of(person.pk)
    assert (kept.is_personalised, kept.topics) == (False, wanted["topics"])


def test_what_is_left_out_stays(person_api: ApiClient) -> None:
    person_api.put("/me/preferences", {"personalised": False, "topics": {"tea": "increase"}})

    person_api.put("/me/preferences", {"topics": {}})

    assert person_api.get("/me/preferences").json() == {"personalised": False, "topics": {}}


@pytest.mark.parametrize(
    "body",
    [
        {"personalised": "sometimes"},
        {"topics": {"tea": "loud"}},
        {"topics": {"not a slug": "reduce"}},
        {"topics": {"x" * 61: "reduce"}},
        {"topics": {f"t{n}": "reduce" for n in range(201)}},
        {"topics": []},
        {"topic": {}},
    ],
)
def test_what_cannot_be_chosen_is_refused(body: dict[str, Any], person_api: ApiClient) -> None:
    assert person_api.put("/me/preferences", body).status_code == 400
    assert not Preference.objects.exists()


def test_consents_bear_the_moment_they_changed(person: User, person_api: ApiClient) -> None:
    at = datetime.fromisoformat("2026-03-01T12:00:00+00:00")
    everything = {"analytics": True, "personalisation": True, "marketing": True}
    consents.set_consents(person_id=person.pk, consents=everything, at=at)

    later = at + timedelta(days=1)
    consents.set_consents(
        person_id=person.pk, consents={"analytics": True, "marketing": False}, at=later
    )

    first, second = "2026-03-01T12:00:00.000000Z", "2026-03-02T12:00:00.000000Z"
    assert person_api.get("/me/consents").json() == {
        "analytics": {"value": True, "changed_at": first},
        "personalisation": {"value": True, "changed_at": first},
        "marketing": {"value": False, "changed_at": second},
    }


def test_a_person_withdraws_and_the_log_below_hears_it(person: User, person_api: ApiClient) -> None:
    withdrawn = person_api.put("/me/consents", {"analytics": False})

    assert withdrawn.json()["analytics"]["value"] is False
    assert withdrawn.json()["personalisation"]["value"] is True
    assert OptOut.objects.get().person_id == person.pk

    person_api.put("/me/consents", {"analytics": True})

    assert not OptOut.objects.exists()
    assert selectors.consents_of(person.pk)["analytics"] is True


@pytest.mark.parametrize("body", [{"analytics": None}, {"analytics": {}}, {"sale": True}])
def test_what_is_no_consent_is_refused(body: dict[str, Any], person_api: ApiClient) -> None:
    assert person_api.put("/me/consents", body).status_code == 400
    assert not Consent.objects.exists()
    assert not OptOut.objects.exists()


def test_one_persons_choices_are_nobody_elses(person_api: ApiClient) -> None:
    other: User = UserFactory.create()
    consents.set_consents(person_id=other.pk, consents={"marketing": True}, at=timezone.now())

    assert person_api.get("/me/consents").json()["marketing"]["value"] is False
