"""Nobody reaches what is not theirs: every operation, every role, the owner's objects."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import pytest
from django.apps import apps
from django.db import connection, transaction
from django.utils import timezone

from notes.factories import (
    CommentFactory,
    DecisionFactory,
    NoteFactory,
    PastSearchFactory,
    TopicFactory,
)
from orders import lives
from orders.factories import CartItemFactory
from redshop.accounts.factories import AccessTokenFactory, ExportFactory, UserFactory
from redshop.accounts.models import User
from redshop.accounts.services import exports
from redshop.catalog.factories import BrandFactory, BrandMemberFactory, ProductFactory, SkuFactory
from redshop.catalog.models import Brand, Sku
from redshop.core.models import IdempotencyKey
from redshop.experiments.factories import ExperimentFactory
from tests.api import ApiClient
from tests.contract.operations import Operation, operations
from tests.contract.permissions import MATRIX, PLACES, UNKNOWN, Audience, Role, Rule, serves

pytestmark = pytest.mark.django_db

PREFIX: Final = "/api/v1/"
OPERATIONS: Final = list(operations())
#: Tables that say who was here, not what there is.
_FOOTPRINTS: Final = ("accounts_accesstoken",)


def name_of(operation: Operation) -> str:
    return f"{operation.method.upper()} {operation.path.removeprefix(PREFIX)}"


def _gathered(owner: User) -> UUID:
    asked = exports.ask(person_id=owner.pk, at=timezone.now())
    with transaction.atomic():
        exports.gather(export_id=asked.pk, at=timezone.now())
    return asked.pk


class World:
    """The owner with all that is theirs, and everybody else."""

    def __init__(self) -> None:
        self.owner = UserFactory.create(handle="owner")
        brand = BrandFactory.create()
        product = ProductFactory.create(brand=brand, external_url="https://tea.example.com")
        sku = SkuFactory.create(product=product, on_hand=50)
        note = NoteFactory.create(
            author=self.owner, products=[product], brand=brand, topics=[TopicFactory.create()],
            is_sponsored=True, disclosure="paid_partnership",
        )  # fmt: skip
        arrived = lives.delivered(self.owner, sku)
        asked = lives.asked_back(lives.delivered(self.owner, sku))
        self.objects: dict[str, Any] = {
            "session": AccessTokenFactory.create(user=self.owner).pk,
            "brand": brand.pk,
            "product": product.pk,
            "sku": sku.pk,
            "note": note.pk,
            "draft": NoteFactory.create(author=self.owner, state="draft").pk,
            "comment": CommentFactory.create(note=note, author=self.owner).pk,
            "search": PastSearchFactory.create(person_id=self.owner.pk).pk,
            "decision": DecisionFactory.create(note__author=self.owner).pk,
            "export": ExportFactory.create(person=self.owner).pk,
            "gathered": _gathered(self.owner),
            "order": lives.placed(self.owner, sku).pk,
            "arrived": arrived.pk,
            "return": asked.pk,
            "topic": note.topics.get().slug,
            "handle": UserFactory.create(handle="somebody_else").handle,
            "experiment": ExperimentFactory.create().key,
            "provider": "sandbox",
            "lines": [{"line_id": line.pk, "quantity": 1} for line in arrived.lines.all()],
        }
        self.tokens = self._let_in(brand, sku)

    def _let_in(self, brand: Brand, sku: Sku) -> dict[Role, str | None]:
        """Return the token of everybody."""
        now = timezone.now()
        people = {
            Role.SUSPENDED: UserFactory.create(is_active=False),
            Role.STRANGER: UserFactory.create(),
            Role.OPERATOR: UserFactory.create(is_staff=True),
            Role.COLLEAGUE: BrandMemberFactory.create(brand=brand).user,
            Role.ANALYST: UserFactory.create(is_analyst=True),
            Role.ROOT: UserFactory.create(is_staff=True, is_superuser=True),
            Role.OWNER: self.owner,
        }
        tokens: dict[Role, str | None] = {Role.VISITOR: None}
        ended = {"created_at": now - timedelta(days=91), "expires_at": now - timedelta(days=1)}
        for role, user, told in (
            (Role.EXPIRED, self.owner, ended),
            *((role, user, {"last_used_at": now}) for role, user in people.items()),
        ):
            secret = uuid4().hex
            AccessTokenFactory.create(user=user, secret=secret, **told)
            if role not in UNKNOWN:
                CartItemFactory.create(person=user, sku=sku)
            tokens[role] = secret
        return tokens

    def call(self, operation: Operation, rule: Rule, role: Role) -> Any:
        """Do what an operation does as somebody, to what is the owner's."""
        path = self.path_of(operation, rule)
        query = rule.query.format(**self.objects)
        return ApiClient(token=self.tokens[role], visitor=uuid4()).call(
            operation.method.upper(), f"/{path}?{query}".rstrip("?"), self._body(rule), key=uuid4()
        )

    def path_of(self, operation: Operation, rule: Rule) -> str:
        """Return where an operation is found below the prefix, about what is the owner's."""
        path = operation.path.removeprefix(PREFIX)
        for place, name in PLACES.items():
            ending = place.rsplit("/", 1)[-1]
            if ending in path and (place == ending or path.startswith(place)):
                path = path.replace(ending, str(self.objects[rule.objects.get(ending, name)]))
        assert "{" not in path, f"no object stands for the placeholder of {path}"
        return path

    def _body(self, rule: Rule) -> dict[str, Any] | None:
        if rule.body is None:
            return None
        return {key: self._given(value) for key, value in rule.body.items()}

    def _given(self, value: Any) -> Any:
        is_object = isinstance(value, str) and value.startswith("{")
        return self.objects[value.strip("{}")] if is_object else value


@pytest.fixture
def world() -> World:
    return World()


def everything() -> list[Any]:
    """Return a digest of every table, but for footprints."""
    tables = sorted(
        model._meta.db_table
        for model in apps.get_models()
        if model._meta.managed
        and model._meta.app_label not in {"sessions", "contenttypes"}
        and model._meta.db_table not in _FOOTPRINTS
        and model is not IdempotencyKey
    )
    said = " UNION ALL ".join(
        f"SELECT '{table}', count(*), md5(string_agg(told::text, '|' ORDER BY told::text))"  # noqa: S608 - our own names
        f" FROM {table} AS told"
        for table in tables
    )
    with connection.cursor() as cursor:
        cursor.execute(said)
        return sorted(cursor.fetchall())


@contextmanager
def undone() -> Iterator[None]:
    """Undo what is done within; a savepoint alone, so that use cases may own their transactions."""
    before = transaction.savepoint()
    try:
        yield
    finally:
        transaction.savepoint_rollback(before)


def test_the_matrix_has_a_rule_for_every_operation_and_for_nothing_else() -> None:
    assert sorted(MATRIX) == sorted(map(name_of, OPERATIONS))


@pytest.mark.parametrize("operation", OPERATIONS, ids=name_of)
def test_an_operation_serves_whom_it_is_for_and_nobody_else(
    operation: Operation, world: World
) -> None:
    rule = MATRIX[name_of(operation)]
    before = everything()

    for role in Role:
        if not serves(rule, role):
            response = world.call(operation, rule, role)
            assert response.status_code in refusals(rule, role), f"{role}: {response.content!r}"
            assert str(world.owner.email).encode() not in response.content

    assert everything() == before
    for role in Role:
        if serves(rule, role):
            with undone():
                response = world.call(operation, rule, role)
            wanted = {400, 409, 422} if rule.lacks else range(200, 300)
            assert response.status_code in wanted, f"{role}: {response!r}"
            if response.streaming:
                assert b"".join(response.streaming_content)


def refusals(rule: Rule, role: Role) -> set[int]:
    """Return how somebody may be turned away; what is the owner's alone is not there for others,
    since "forbidden" would tell that there is something."""
    if rule.audience == Audience.SIGNED:
        return {400, 401, 403, 404}
    if role in UNKNOWN:
        return {401}
    return {404} if rule.audience == Audience.OWNER else {403, 404}
