"""What notes earned: lookbacks, attributions and their credits."""

from typing import ClassVar, Self

import pgtrigger
from django.db import models
from django.db.models import F, Q

from notes.models import Note
from orders.models import OrderLine, Refund
from redshop.accounts.models import User
from redshop.conversion.rules import VERSION, WHOLE
from redshop.conversion.types import AttributionModel
from redshop.core.db import LockableQuerySet
from redshop.core.populations import Population
from redshop.events.kinds import Surface

MODELS = [(model.value, model.value.replace("_", " ")) for model in AttributionModel]

_SUM_TO_ONE = f"""
IF EXISTS (
    SELECT 1
    FROM (SELECT DISTINCT line_id, model, refund_id FROM added) AS written
    JOIN conversion_credit AS credit
      ON credit.line_id = written.line_id AND credit.model = written.model
     AND credit.refund_id IS NOT DISTINCT FROM written.refund_id
    JOIN orders_orderline AS line ON line.id = written.line_id
    LEFT JOIN orders_refundline AS refunded
      ON refunded.line_id = written.line_id AND refunded.refund_id = written.refund_id
    GROUP BY written.line_id, written.model, written.refund_id
    HAVING (sum(credit.weight_billionths), sum(credit.amount_minor)) NOT IN (
        (0, 0),
        ({WHOLE}, CASE WHEN written.refund_id IS NULL THEN min(line.total_minor)
                       ELSE -coalesce(min(refunded.amount_minor), 0) END)
    )
) THEN
    RAISE EXCEPTION 'credits of a line must sum to one and to its money';
END IF;
RETURN NULL;
"""  # noqa: S608 - a constant of the rules


class Lookback(models.Model):
    """How long before a purchase in a category a click on a note still counts."""

    id = models.BigAutoField(primary_key=True)
    category_slug = models.SlugField(
        "category",
        max_length=60,
        unique=True,
        blank=True,
        help_text="The slug of a category; what is inside it follows, unless it has its own row. "
        "Empty: everything else.",
    )
    days = models.PositiveSmallIntegerField(help_text="Of 24 hours each.")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(days__range=(1, 365)), name="lookback_days")
        ]

    def __str__(self) -> str:
        return f"{self.category_slug or 'everything else'}: {self.days} days"


class AttributionQuerySet(LockableQuerySet["Attribution"]):
    def outdated(self) -> Self:
        """Keep lines that earlier rules credited."""
        return self.filter(version__lt=VERSION)


class Attribution(models.Model):
    """How a paid order line was attributed last: by how many touches, within which window."""

    line = models.OneToOneField(
        OrderLine, on_delete=models.PROTECT, primary_key=True, related_name="attribution"
    )
    generation = models.PositiveIntegerField(
        help_text="Raised each time that earlier credits had to be corrected."
    )
    converted_at = models.DateTimeField(help_text="When the order was paid.")
    window_days = models.PositiveSmallIntegerField(help_text="The lookback that was used.")
    touches = models.PositiveIntegerField(
        "touches considered", default=0, help_text="Before the limit of 500."
    )
    touches_cut = models.PositiveIntegerField(default=0, help_text="Beyond the limit.")
    is_attributed = models.BooleanField("attributed", default=False)
    version = models.PositiveSmallIntegerField("version of the definition")
    computed_at = models.DateTimeField()
    population = models.CharField(max_length=9, choices=Population.choices)

    objects: ClassVar[AttributionQuerySet] = AttributionQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(touches_cut__lte=F("touches")), name="attribution_cut_within_touches"
            ),
            models.CheckConstraint(
                condition=Q(is_attributed=False, touches=0) | Q(is_attributed=True, touches__gt=0),
                name="attribution_needs_a_touch",
            ),
        ]
        indexes = [models.Index(fields=["-converted_at"], name="attribution_newest")]
        triggers = [
            pgtrigger.Protect(name="attribution_kept", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="attribution_generation_grows",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(new__generation__lt=pgtrigger.F("old__generation")),
            ),
        ]

    def __str__(self) -> str:
        return f"line {self.line_id}, generation {self.generation}"


class Credit(models.Model):
    """The share of a conversion that a model gives one touch of a note; append-only.

    A reversal takes back, with the same weight, the money that a refund gave back. A correction
    undoes a row that turned out to be wrong, so that a sum over the ledger is always right.
    """

    class Kind(models.TextChoices):
        ORIGINAL = "original"
        REVERSAL = "reversal"
        CORRECTION = "correction"

    id = models.BigAutoField(primary_key=True)
    line = models.ForeignKey(
        OrderLine, on_delete=models.PROTECT, related_name="credits", db_index=False
    )
    generation = models.PositiveIntegerField(help_text="Of the attribution that wrote it.")
    model = models.CharField(max_length=12, choices=MODELS)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    refund = models.ForeignKey(
        Refund, on_delete=models.PROTECT, null=True, blank=True, related_name="credits"
    )
    note = models.ForeignKey(Note, on_delete=models.PROTECT, related_name="credits", db_index=False)
    author = models.ForeignKey(
        User, on_delete=models.PROTECT, related_name="credits", db_index=False
    )
    surface = models.CharField(max_length=12, choices=Surface.choices, blank=True)
    provenance = models.CharField(max_length=40, help_text="Of the note, when it was credited.")
    touch_id = models.UUIDField("touch", help_text="The event.")
    touched_at = models.DateTimeField()
    weight_billionths = models.IntegerField(
        help_text="1,000,000,000 is all of it; negative in a correction."
    )
    amount_minor = models.BigIntegerField(
        help_text="Negative in a reversal and in a correction of an original."
    )
    currency = models.CharField(max_length=3)
    population = models.CharField(max_length=9, choices=Population.choices)
    at = models.DateTimeField("written at")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["line", "model", "refund", "touch_id", "generation", "kind"],
                nulls_distinct=False,
                name="credit_once",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=["original", "reversal"], weight_billionths__range=(1, WHOLE))
                | Q(kind="correction", weight_billionths__range=(-WHOLE, -1)),
                name="credit_weight",
            ),
            models.CheckConstraint(
                condition=Q(kind="original", refund=None, amount_minor__gte=0)
                | Q(kind="reversal", refund__isnull=False, amount_minor__lte=0)
                | Q(kind="correction", refund=None, amount_minor__lte=0)
                | Q(kind="correction", refund__isnull=False, amount_minor__gte=0),
                name="credit_amount_minor_follows_kind",
            ),
        ]
        indexes = [
            models.Index(fields=["note", "model"], name="credit_of_note"),
            models.Index(fields=["author", "model"], name="credit_of_author"),
        ]
        triggers = [
            pgtrigger.Protect(
                name="credit_append_only", operation=pgtrigger.Update | pgtrigger.Delete
            ),
            pgtrigger.Trigger(
                name="credits_sum_to_one",
                when=pgtrigger.After,
                operation=pgtrigger.Insert,
                level=pgtrigger.Statement,
                referencing=pgtrigger.Referencing(new="added"),  # type: ignore[no-untyped-call]
                func=_SUM_TO_ONE,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.model} {self.weight_billionths / WHOLE:.1%} of line {self.line_id}"
