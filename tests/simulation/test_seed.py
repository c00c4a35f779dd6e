"""Developers get a few rows of everything, as often as they like."""

from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from notes.models import Comment, Like, Note
from orders.models import Order
from redshop.accounts.models import Follow, User
from redshop.catalog.models import Brand, Product, Sku


@pytest.fixture(autouse=True)
def _folder(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.mark.django_db
def test_there_are_a_few_rows_of_everything(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("seed", "--people=3", "--products=4", "--notes=6", "--orders=4", "--stock=9")

    assert (User.objects.count(), Follow.objects.count()) == (3, 2)
    assert (Product.objects.count(), Sku.objects.count(), Brand.objects.count()) == (4, 8, 4)
    assert Note.objects.published().count() == 6
    assert Like.objects.exists()
    assert Comment.objects.exists()
    assert sorted(Order.objects.values_list("state", flat=True)) == [
        "delivered",
        "paid",
        "placed",
        "shipped",
    ]
    assert "people 3, products 4, notes 6, orders 4" in capsys.readouterr().out


@pytest.mark.django_db
def test_seeding_again_adds_more() -> None:
    for _ in range(2):
        call_command("seed", "--people=2", "--products=2", "--notes=2", "--orders=1")

    assert (User.objects.count(), Product.objects.count(), Note.objects.count()) == (4, 4, 4)


@pytest.mark.django_db
@pytest.mark.parametrize("nothing", ["people", "products", "notes"])
def test_any_of_it_may_be_left_out(nothing: str) -> None:
    call_command("seed", f"--{nothing}=0", "--stock=5")

    assert Order.objects.count() == 0
