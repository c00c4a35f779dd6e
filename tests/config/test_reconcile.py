"""`manage.py reconcile`: everything that is kept twice, or what is asked for."""

from io import StringIO

import pgtrigger
import pytest
from django.core.management import CommandError, call_command

from config.reconciliation import COMPARISONS
from redshop.catalog.factories import ProductFactory, SkuFactory
from redshop.catalog.models import Sku

pytestmark = pytest.mark.django_db


def run(*names: str) -> list[str]:
    out = StringIO()
    call_command("reconcile", *names, quiet=True, stdout=out)
    return out.getvalue().splitlines()


def test_everything_is_compared_unless_something_is_named() -> None:
    SkuFactory.create(on_hand=10)

    assert [line.split(":")[0] for line in run()] == list(COMPARISONS)
    assert run("stock") == ["stock: 1 SKUs, 1 movements, 0 differ"]


def test_what_differs_is_printed_up_to_fifty_and_ends_with_1() -> None:
    product = ProductFactory.create()
    with pgtrigger.ignore("catalog.Sku:sku_opens_with_a_movement"):
        Sku.objects.bulk_create(
            Sku(product=product, code=f"S{n}", price_minor=1, on_hand=n + 1) for n in range(51)
        )
    out = StringIO()

    with pytest.raises(CommandError, match="differences: stock") as refused:
        call_command("reconcile", "stock", "notes", quiet=True, stdout=out)

    assert refused.value.returncode == 1
    lines = out.getvalue().splitlines()
    assert lines[0] == "SKU S0: 1 on hand, but its movements add up to 0"
    assert lines[50:52] == ["… and 1 more", "stock: 51 SKUs, 0 movements, 51 differ"]
    assert lines[52] == "notes: counters of 0 notes, 0 differ"


def test_what_nobody_knows_is_not_compared() -> None:
    with pytest.raises(CommandError, match="Nothing is called stok"):
        run("stok")
