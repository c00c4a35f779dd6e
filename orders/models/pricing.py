"""What prices follow from: coupons, and the rules for shipping and duty."""

from typing import Any, ClassVar, Final

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Upper
from django.utils import timezone

from orders.models.base import new_id
from orders.prices import WHOLE
from redshop.catalog.models import Brand, Merchant
from redshop.core.db import LockableQuerySet
from redshop.core.money import Money

_COUNTRY: Final = r"^([A-Z]{2})?$"
_CURRENCY: Final = r"^[A-Z]{3}$"


def in_percent(basis_points: int) -> str:
    """Return a share as people read it, never broken between number and sign."""
    return f"{basis_points / 100:g}\N{NO-BREAK SPACE}%"


class CouponQuerySet(LockableQuerySet["Coupon"]):
    pass


class Coupon(models.Model):
    """A code that takes something off the goods of an order, a limited number of times."""

    class Funder(models.TextChoices):
        PLATFORM = "platform"
        BRAND = "brand"

    id = models.BigAutoField(primary_key=True)
    code = models.CharField(
        max_length=40,
        help_text="What buyers type, in capitals or not: letters, digits, - and _.",
    )
    description = models.CharField(
        max_length=200, blank=True, help_text="What it is for; buyers do not see it."
    )
    percent_basis_points = models.PositiveSmallIntegerField(
        "percent (basis points)",
        null=True,
        blank=True,
        help_text="2000 takes 20 % off. Either this or an amount.",
    )
    amount_minor = models.PositiveBigIntegerField(
        "amount (minor units)",
        null=True,
        blank=True,
        help_text="3000 takes 30.00 CNY off, at most what the goods cost.",
    )
    currency = models.CharField(
        max_length=3,
        default=settings.PLATFORM_CURRENCY,
        help_text="Of its amounts, and of the orders it is for.",
    )
    minimum_minor = models.PositiveBigIntegerField(
        "minimum spend (minor units)",
        default=0,
        help_text="What the goods that it applies to must cost together.",
    )
    most_uses = models.PositiveIntegerField(
        "uses in all", null=True, blank=True, help_text="Empty: as many as there are buyers."
    )
    most_uses_per_person = models.PositiveIntegerField(
        "uses per person", null=True, blank=True, default=1, help_text="Empty: without a limit."
    )
    used = models.PositiveIntegerField(
        default=0, editable=False, help_text="Orders that hold one of its uses."
    )
    funded_by = models.CharField(
        max_length=8,
        choices=Funder.choices,
        default=Funder.PLATFORM,
        help_text="The platform pays the merchant as if there were no discount; a brand bears it.",
    )
    brand = models.ForeignKey(
        Brand,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="coupons",
        help_text="Who funds it, and whose goods alone it applies to.",
    )
    valid_from = models.DateTimeField(default=timezone.now)
    valid_until = models.DateTimeField(
        null=True, blank=True, help_text="The first moment at which it no longer counts."
    )
    is_active = models.BooleanField("active", default=True, help_text="Taken now.")

    objects: ClassVar[CouponQuerySet] = CouponQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(
                Upper("code"),
                name="coupon_code_once",
                violation_error_message="There is a coupon with this code.",
            ),
            models.CheckConstraint(
                condition=Q(code__regex=r"^[A-Za-z0-9_-]{1,40}$"),
                name="coupon_code_is_typed",
                violation_error_message="A code is of letters, digits, - and _.",
            ),
            models.CheckConstraint(
                condition=Q(percent_basis_points__range=(1, WHOLE), amount_minor=None)
                | Q(percent_basis_points=None, amount_minor__gte=1),
                name="coupon_percent_or_amount",
                violation_error_message="Give a percentage up to 10000, or an amount; not both.",
            ),
            models.CheckConstraint(condition=Q(minimum_minor__gte=0), name="coupon_minimum"),
            models.CheckConstraint(
                condition=Q(most_uses_per_person=None) | Q(most_uses_per_person__gte=1),
                name="coupon_uses_per_person",
                violation_error_message="A person may use it once at least.",
            ),
            models.CheckConstraint(
                condition=Q(used__gte=0) & (Q(most_uses=None) | Q(most_uses__gte=F("used"))),
                name="coupon_used_within",
                violation_error_message="It was used more often than that.",
            ),
            models.CheckConstraint(
                condition=Q(funded_by="platform", brand=None)
                | Q(funded_by="brand", brand__isnull=False),
                name="coupon_brand_funds",
                violation_error_message="A brand is named where it funds the coupon, only there.",
            ),
            models.CheckConstraint(
                condition=Q(valid_until=None) | Q(valid_until__gt=F("valid_from")),
                name="coupon_valid_for_a_while",
                violation_error_message="It would end before it begins.",
            ),
            models.CheckConstraint(
                condition=Q(currency__regex=_CURRENCY), name="coupon_currency_is_iso"
            ),
        ]

    def __str__(self) -> str:
        return self.code

    @property
    def worth(self) -> str:
        """What it takes off, in words."""
        if self.amount_minor is not None:
            return str(Money(self.amount_minor, self.currency))
        return in_percent(self.percent_basis_points or 0)


class CouponUse(models.Model):
    """An order's use of a coupon; given back where the order ends unpaid, and kept then too."""

    id = models.UUIDField(primary_key=True, default=new_id)
    coupon = models.ForeignKey(Coupon, on_delete=models.PROTECT, related_name="uses")
    order = models.OneToOneField(
        "orders.Order", on_delete=models.PROTECT, related_name="coupon_use"
    )
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="coupon_uses"
    )
    ordinal = models.PositiveIntegerField(
        help_text="The how-many-eth use of the person it is: the lowest number that was free."
    )
    amount_minor = models.PositiveBigIntegerField()
    currency = models.CharField(max_length=3)
    used_at = models.DateTimeField()
    released_at = models.DateTimeField(
        null=True, blank=True, help_text="When the order ended unpaid; the use is free again."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["coupon", "person", "ordinal"],
                condition=Q(released_at=None),
                name="coupon_use_ordinal_once",
            ),
            models.CheckConstraint(condition=Q(ordinal__gte=1), name="coupon_use_ordinal"),
            models.CheckConstraint(condition=Q(amount_minor__gte=0), name="coupon_use_amount"),
        ]
        triggers = [
            pgtrigger.Protect(name="coupon_use_kept", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="coupon_use_released_once",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__released_at__isnull=False),
            ),
            pgtrigger.ReadOnly(name="coupon_use_only_released", exclude=["released_at"]),
        ]

    def __str__(self) -> str:
        return str(self.amount)

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)


#: The tree of the categories has the same, in a migration.
RENEW_EDITION: Final = """
    INSERT INTO orders_rulesedition (id, edition) VALUES (1, gen_random_uuid())
    ON CONFLICT (id) DO UPDATE SET edition = EXCLUDED.edition;
    RETURN NULL;
"""


def renews_edition(name: str) -> list[Any]:
    """Return the triggers that renew the edition of the rules with each change of a table."""
    return [
        pgtrigger.Trigger(
            name=f"{name}_renews_edition",
            level=pgtrigger.Statement,
            when=pgtrigger.After,
            operation=pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete | pgtrigger.Truncate,
            func=RENEW_EDITION,
        )
    ]


class RulesEdition(models.Model):
    """Which edition of the rules for shipping and duty is in force: one row, which the database
    renews with each change of them or of the tree of categories."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    edition = models.UUIDField()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="rules_edition_one_row")]

    def __str__(self) -> str:
        return str(self.edition)


class ShippingRate(models.Model):
    """What a merchant's part of an order costs to ship, and how long that takes."""

    id = models.BigAutoField(primary_key=True)
    merchant = models.ForeignKey(
        Merchant,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="shipping_rates",
        help_text="Who ships; empty: everybody who has no rate of their own.",
    )
    country = models.CharField(
        "destination", max_length=2, blank=True, help_text="Such as IT; empty: everywhere else."
    )
    is_cross_border = models.BooleanField(
        "cross-border",
        default=False,
        help_text="On: for parcels from another country than the destination. Off: for the others.",
    )
    currency = models.CharField(
        max_length=3, blank=True, help_text="Of the order; empty: any, where shipping is free."
    )
    fee_minor = models.PositiveBigIntegerField("fee (minor units)", default=0)
    free_from_minor = models.PositiveBigIntegerField(
        "free from (minor units)",
        null=True,
        blank=True,
        help_text="What the part's goods must cost, discount taken off, to be shipped free.",
    )
    days_least = models.PositiveSmallIntegerField("days at least")
    days_most = models.PositiveSmallIntegerField("days at most")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["merchant", "country", "is_cross_border", "currency"],
                nulls_distinct=False,
                name="shipping_rate_once",
                violation_error_message="There is a rate for exactly this.",
            ),
            models.CheckConstraint(
                condition=Q(fee_minor__gte=0)
                & (Q(free_from_minor=None) | Q(free_from_minor__gte=0)),
                name="shipping_rate_fee",
            ),
            models.CheckConstraint(
                condition=Q(currency__regex=_CURRENCY)
                | Q(currency="", fee_minor=0, free_from_minor=None),
                name="shipping_rate_fee_has_currency",
                violation_error_message="Name the currency of the fee, in three capitals.",
            ),
            models.CheckConstraint(
                condition=Q(country__regex=_COUNTRY),
                name="shipping_rate_country_is_iso",
                violation_error_message="A country is two capitals, such as IT.",
            ),
            models.CheckConstraint(
                condition=Q(days_least__gte=0) & Q(days_most__gte=F("days_least")),
                name="shipping_rate_days",
                violation_error_message="At most cannot be less than at least.",
            ),
        ]
        triggers = renews_edition("shipping_rate")

    def __str__(self) -> str:
        return f"rate {self.pk}"


class DutyRate(models.Model):
    """What a country takes on goods of a category that come from another country."""

    class Source(models.TextChoices):
        PUBLISHED = "published"
        ASSUMED = "assumed"

    id = models.BigAutoField(primary_key=True)
    country = models.CharField(
        "destination", max_length=2, blank=True, help_text="Such as CN; empty: everywhere else."
    )
    category_slug = models.SlugField(
        "category",
        max_length=60,
        blank=True,
        help_text="The slug of a category; what is inside it follows, unless it has its own row. "
        "Empty: everything else.",
    )
    basis_points = models.PositiveIntegerField(
        help_text="910 is 9.1 % of what is paid for the goods."
    )
    source = models.CharField(
        max_length=9,
        choices=Source.choices,
        default=Source.ASSUMED,
        help_text="Published: an authority says so. Assumed: somebody here did.",
    )
    citation = models.CharField(max_length=500, blank=True, help_text="Who published it, and when.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["country", "category_slug"],
                name="duty_rate_once",
                violation_error_message="There is a rate for exactly this.",
            ),
            models.CheckConstraint(
                condition=Q(basis_points__range=(0, 10 * WHOLE)),
                name="duty_rate_basis_points",
                violation_error_message="Between 0 and 100000 basis points.",
            ),
            models.CheckConstraint(
                condition=Q(country__regex=_COUNTRY),
                name="duty_rate_country_is_iso",
                violation_error_message="A country is two capitals, such as CN.",
            ),
            models.CheckConstraint(
                condition=Q(source="assumed") | ~Q(citation=""),
                name="duty_rate_published_is_cited",
                violation_error_message="Say who published it, and when.",
            ),
        ]
        triggers = renews_edition("duty_rate")

    def __str__(self) -> str:
        return in_percent(self.basis_points)
