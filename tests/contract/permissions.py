"""Who may do what: one rule for every operation that the OpenAPI document promises.

``MATRIX`` names them all (a test compares it with the document), so that whoever adds an operation
says whose it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from redshop.accounts.factories import PASSWORD


class Role(StrEnum):
    """Somebody who calls; all objects belong to the owner, and their note speaks for a brand."""

    VISITOR = "nobody logged in"
    EXPIRED = "a token that ended"
    SUSPENDED = "an account that is shut"
    STRANGER = "another person"
    OPERATOR = "staff without a right"
    COLLEAGUE = "a member of the brand"
    ANALYST = "an analyst"
    ROOT = "a superuser"
    OWNER = "the owner"


#: Who is turned away wherever somebody must be logged in.
UNKNOWN: Final = (Role.VISITOR, Role.EXPIRED, Role.SUSPENDED)


class Audience(StrEnum):
    """Whom an operation serves."""

    EVERYBODY = "everybody"
    PEOPLE = "whoever is logged in"
    OWNER = "the owner alone; for others it is not there"
    NOTES = "who may read a note's numbers: its author, its brand, analysts"
    BRANDS = "who may read a brand's numbers: its members, analysts"
    STATISTICS = "who has numbers: authors, members of brands, analysts"
    ANALYSTS = "analysts"
    SIGNED = "companies, by their signature"


@dataclass(frozen=True, slots=True)
class Rule:
    """Whom an operation serves, and a call of it that succeeds for them.

    A text of the body in braces, such as ``{note}``, stands for an object of the owner's world.
    """

    audience: Audience
    body: Mapping[str, Any] | None = None
    query: str = ""
    #: Names of objects for placeholders, where they are not those that ``PLACES`` has.
    objects: Mapping[str, str] = field(default_factory=dict)
    #: Why this call is refused even to whom it serves; elsewhere it succeeds.
    lacks: str = ""


EVERYBODY, PEOPLE, OWNER = (Rule(each) for each in list(Audience)[:3])
NUMBERS: Final = Rule(Audience.STATISTICS)
#: Which object of the owner's world each placeholder names, by the path before it and its name.
PLACES: Final = {
    "auth/sessions/{id}": "session",
    "brands/{id}": "brand",
    "products/{id}": "product",
    "stats/brands/{id}": "brand",
    "stats/notes/{id}": "note",
    "{sku_id}": "sku",
    "{comment_id}": "comment",
    "{search_id}": "search",
    "{decision_id}": "decision",
    "{export_id}": "export",
    "{note_id}": "note",
    "{order_id}": "order",
    "{return_id}": "return",
    "{product_id}": "product",
    "{slug}": "topic",
    "{handle}": "handle",
    "{key}": "experiment",
    "{provider}": "provider",
}
_ADDRESS: Final = {
    "name": "Lin", "phone": "+86 138 0000 0000", "line1": "1 Nanjing Road", "city": "Shanghai",
    "region": "Shanghai", "postcode": "200000", "country": "CN",
}  # fmt: skip

MATRIX: Final[Mapping[str, Rule]] = {
    "POST auth/email/verify": Rule(Audience.EVERYBODY, {"code": "x" * 20}, lacks="a code"),
    "POST auth/login": Rule(Audience.EVERYBODY, {"login": "owner", "password": PASSWORD}),
    "POST auth/logout": PEOPLE,
    "POST auth/logout-all": PEOPLE,
    "POST auth/password": Rule(
        Audience.PEOPLE, {"current": PASSWORD, "new": "another horse battery staple"}
    ),
    "POST auth/password/reset": Rule(Audience.EVERYBODY, {"email": "owner@example.com"}),
    "POST auth/password/reset/confirm": Rule(
        Audience.EVERYBODY, {"code": "x" * 20, "new": "correct horse battery"}, lacks="a code"
    ),
    "POST auth/register": Rule(
        Audience.EVERYBODY,
        {"handle": "somebody_new", "email": "new@example.com", "password": "correct horse battery"},
    ),
    "GET auth/sessions": PEOPLE,
    "DELETE auth/sessions/{id}": OWNER,
    "GET brands": EVERYBODY,
    "GET brands/{id}": EVERYBODY,
    "GET cart": PEOPLE,
    "PUT cart/items/{sku_id}": Rule(Audience.PEOPLE, {"quantity": 1}),
    "DELETE cart/items/{sku_id}": PEOPLE,
    "GET categories": EVERYBODY,
    "POST checkout": Rule(Audience.PEOPLE, {"address": _ADDRESS}),
    "POST checkout/quote": Rule(Audience.PEOPLE, {"address": _ADDRESS}),
    "DELETE comments/{comment_id}": OWNER,
    "PUT comments/{comment_id}/like": PEOPLE,
    "DELETE comments/{comment_id}/like": PEOPLE,
    "POST events": Rule(
        Audience.EVERYBODY, {"sent_at": "2026-01-01T00:00:00Z", "events": [{"kind": "unknown"}]}
    ),
    "GET feed": EVERYBODY,
    "POST link-outs": Rule(Audience.EVERYBODY, {"product_id": "{product}", "note_id": "{note}"}),
    "GET me": PEOPLE,
    "DELETE me": Rule(Audience.PEOPLE, {"password": PASSWORD}),
    "POST me/export": PEOPLE,
    "GET me/exports/{export_id}": OWNER,
    "GET me/exports/{export_id}/file": Rule(Audience.OWNER, objects={"{export_id}": "gathered"}),
    "PATCH me": Rule(Audience.PEOPLE, {"bio": "Tea."}),
    "GET me/consents": PEOPLE,
    "GET me/decisions": PEOPLE,
    "POST decisions/{decision_id}/appeal": Rule(Audience.OWNER, {"reason": "It is true."}),
    "GET notes/{note_id}/check": OWNER,
    "GET notes/{note_id}/manifest": EVERYBODY,
    "POST notes/{note_id}/reports": Rule(Audience.PEOPLE, {"reason": "spam"}),
    "PUT me/consents": Rule(Audience.PEOPLE, {"analytics": True}),
    "GET me/notifications": PEOPLE,
    "POST me/notifications/read": Rule(Audience.PEOPLE, {}),
    "GET me/preferences": PEOPLE,
    "PUT me/preferences": Rule(Audience.PEOPLE, {}),
    "GET me/searches": PEOPLE,
    "DELETE me/searches": PEOPLE,
    "DELETE me/searches/{search_id}": OWNER,
    "POST media": Rule(Audience.PEOPLE, lacks="a file"),
    "POST notes": Rule(Audience.PEOPLE, {"type": "text", "title": "Tea"}),
    "GET notes/{note_id}": EVERYBODY,
    "PATCH notes/{note_id}": Rule(Audience.OWNER, {"title": "Another title"}),
    "DELETE notes/{note_id}": OWNER,
    "GET notes/{note_id}/comments": EVERYBODY,
    "POST notes/{note_id}/comments": Rule(Audience.PEOPLE, {"body": "Where from?"}),
    "PUT notes/{note_id}/hide": PEOPLE,
    "DELETE notes/{note_id}/hide": PEOPLE,
    "PUT notes/{note_id}/like": PEOPLE,
    "DELETE notes/{note_id}/like": PEOPLE,
    "POST notes/{note_id}/publish": Rule(Audience.OWNER, objects={"{note_id}": "draft"}),
    "GET notes/{note_id}/related": EVERYBODY,
    "PUT notes/{note_id}/save": PEOPLE,
    "DELETE notes/{note_id}/save": PEOPLE,
    "POST notes/{note_id}/share": PEOPLE,
    "GET notes/{note_id}/why": Rule(Audience.EVERYBODY, lacks="the request that showed it"),
    "GET orders": PEOPLE,
    "GET orders/{order_id}": OWNER,
    "POST orders/{order_id}/cancel": Rule(Audience.OWNER, {"reason": "changed my mind"}),
    "POST orders/{order_id}/payments": Rule(Audience.OWNER, {"method": "sandbox"}),
    "POST orders/{order_id}/returns": Rule(
        Audience.OWNER,
        {"lines": "{lines}", "reason": "too small"},
        objects={"{order_id}": "arrived"},
    ),
    "GET products": EVERYBODY,
    "GET products/{id}": EVERYBODY,
    "GET products/{product_id}/notes": EVERYBODY,
    "GET ranking/policies": EVERYBODY,
    "GET returns": PEOPLE,
    "GET returns/{return_id}": OWNER,
    "POST returns/{return_id}/cancel": OWNER,
    "GET search/notes": Rule(Audience.EVERYBODY, query="q=tea"),
    "GET search/products": Rule(Audience.EVERYBODY, query="q=tea"),
    "GET search/suggest": Rule(Audience.EVERYBODY, query="q=te"),
    "GET search/trending": EVERYBODY,
    "GET stats/aips": Rule(Audience.BRANDS, query="brand={brand}"),
    "GET stats/attribution": NUMBERS,
    "GET stats/brands/{id}": Rule(Audience.BRANDS),
    "GET stats/cohorts": Rule(Audience.ANALYSTS),
    "GET stats/creators": NUMBERS,
    "GET stats/experiments/{key}": Rule(Audience.ANALYSTS),
    "GET stats/funnel": NUMBERS,
    "GET stats/notes/{id}": Rule(Audience.NOTES),
    "GET stats/products": NUMBERS,
    "GET stats/snapshots": NUMBERS,
    "GET stats/time-to-convert": NUMBERS,
    "GET topics": EVERYBODY,
    "GET topics/{slug}": EVERYBODY,
    "GET topics/{slug}/notes": EVERYBODY,
    "GET users/{handle}": EVERYBODY,
    "PUT users/{handle}/block": PEOPLE,
    "DELETE users/{handle}/block": PEOPLE,
    "PUT users/{handle}/follow": PEOPLE,
    "DELETE users/{handle}/follow": PEOPLE,
    "GET users/{handle}/followers": EVERYBODY,
    "GET users/{handle}/following": EVERYBODY,
    "GET users/{handle}/notes": EVERYBODY,
    "POST webhooks/link-outs": Rule(Audience.SIGNED, {}),
    "POST webhooks/payments/{provider}": Rule(Audience.SIGNED, {}),
}

_SERVED: Final[Mapping[Audience, tuple[Role, ...]]] = {
    Audience.EVERYBODY: (Role.VISITOR, *tuple(Role)[3:]),
    Audience.PEOPLE: tuple(Role)[3:],
    Audience.OWNER: (Role.OWNER,),
    Audience.NOTES: (Role.OWNER, Role.COLLEAGUE, Role.ANALYST, Role.ROOT),
    Audience.BRANDS: (Role.COLLEAGUE, Role.ANALYST, Role.ROOT),
    Audience.STATISTICS: (Role.OWNER, Role.COLLEAGUE, Role.ANALYST, Role.ROOT),
    Audience.ANALYSTS: (Role.ANALYST, Role.ROOT),
    Audience.SIGNED: (),
}


def serves(rule: Rule, role: Role) -> bool:
    """Tell whether an operation serves somebody."""
    return role in _SERVED[rule.audience]
