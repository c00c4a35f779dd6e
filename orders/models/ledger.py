"""The books: accounts, postings that balance, and the batches in which money leaves."""

from enum import StrEnum
from typing import ClassVar, Final, Self

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import OuterRef, Q, Subquery, Sum, Value
from django.db.models.functions import Coalesce

from orders.ledger.accounts import OWNED, PAYABLE, Account, AccountKind
from orders.models.base import APPEND_ONLY, choices_of, new_id
from orders.models.orders import Order, OrderLine
from orders.models.payments import Payment, Refund, Repayment
from orders.models.pricing import renews_edition
from orders.prices import WHOLE
from redshop.core.db import LockableQuerySet
from redshop.core.money import Money
from redshop.core.populations import Population

_OWNED: Final = sorted(kind.value for kind in OWNED)


class PostingKind(StrEnum):
    """What happened."""

    SALE = "sale"
    PAYMENT = "payment"
    REFUND = "refund"
    REPAYMENT = "repayment"
    LATE_CAPTURE = "late_capture"
    COMMISSION = "commission"
    CLAW_BACK = "claw_back"
    SETTLEMENT = "settlement"
    PAYOUT = "payout"
    WRITE_OFF = "write_off"


class LedgerAccountQuerySet(LockableQuerySet["LedgerAccount"]):
    def with_balance(self) -> Self:
        """Add ``balance_minor``: debits less credits, zero where there is no entry."""
        mine = Entry.objects.filter(account=OuterRef("pk")).order_by().values("account")
        total = Subquery(mine.annotate(total=Sum("amount_minor")).values("total"))
        return self.annotate(
            balance_minor=Coalesce(total, Value(0), output_field=models.BigIntegerField())
        )

    def owing(self) -> Self:
        """Keep merchants and creators who owe the platform: negative balances, as they see it."""
        payable = [kind.value for kind in PAYABLE]
        return self.with_balance().filter(kind__in=payable, balance_minor__gt=0)


class LedgerAccount(models.Model):
    """Where money is, or whom it is owed to: of one currency and one population."""

    id = models.UUIDField(primary_key=True, help_text="It follows from the rest.")
    kind = models.CharField(max_length=19, choices=choices_of(AccountKind))
    owner = models.CharField(
        max_length=32, blank=True, help_text="A merchant's or person's id, or a way of paying."
    )
    currency = models.CharField(max_length=3)
    population = models.CharField(max_length=9, choices=Population.choices)

    objects: ClassVar[LedgerAccountQuerySet] = LedgerAccountQuerySet.as_manager()  # type: ignore[assignment]

    balance_minor: int  # set by ``with_balance``

    class Meta:
        verbose_name = "account"
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "owner", "currency", "population"], name="ledger_account_once"
            ),
            models.CheckConstraint(
                condition=Q(kind__in=_OWNED) & ~Q(owner="") | ~Q(kind__in=_OWNED) & Q(owner=""),
                name="ledger_account_owner",
            ),
            models.CheckConstraint(
                condition=Q(currency__regex=r"^[A-Z]{3}$"), name="ledger_account_currency_is_iso"
            ),
        ]
        triggers = [pgtrigger.Protect(name="ledger_account_kept", operation=APPEND_ONLY)]

    def __str__(self) -> str:
        return f"{self.reference} {self.currency}"

    @property
    def reference(self) -> Account:
        """The account as the rules name it."""
        return Account(AccountKind(self.kind), self.owner, self.currency, self.population)


class Batch(models.Model):
    """What was paid to merchants, or to creators, at once; append-only."""

    class Kind(models.TextChoices):
        SETTLEMENT = "settlement", "settlement to merchants"
        PAYOUT = "payout", "payout to creators"

    id = models.UUIDField(primary_key=True, default=new_id)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    population = models.CharField(max_length=9, choices=Population.choices)
    delivered_before = models.DateTimeField(
        help_text="What arrived before is paid: its time for returns is over."
    )
    at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "batches"
        indexes = [models.Index(fields=["-at"], name="batch_newest")]
        triggers = [pgtrigger.Protect(name="batch_append_only", operation=APPEND_ONLY)]

    def __str__(self) -> str:
        return f"{self.kind} of {self.at:%Y-%m-%d %H:%M}"


#: A posting commits only with all its entries, in balance by currency.
BALANCES: Final = """
    IF NEW.entry_count <> (SELECT count(*) FROM orders_entry WHERE posting_id = NEW.id) THEN
        RAISE EXCEPTION 'posting % has not the entries that it counts', NEW.key
            USING ERRCODE = 'check_violation', CONSTRAINT = 'posting_has_its_entries';
    END IF;
    IF EXISTS (
        SELECT 1 FROM orders_entry entry
        JOIN orders_ledgeraccount account ON account.id = entry.account_id
        WHERE entry.posting_id = NEW.id
        GROUP BY account.currency HAVING sum(entry.amount_minor) <> 0
    ) THEN
        RAISE EXCEPTION 'posting % does not balance', NEW.key
            USING ERRCODE = 'check_violation', CONSTRAINT = 'posting_balances';
    END IF;
    RETURN NULL;
"""
#: With the unique ordinals this closes a posting: once its entries are there, none can be added.
FITS: Final = """
    IF EXISTS (
        SELECT 1 FROM new_entries entry
        JOIN orders_posting posting ON posting.id = entry.posting_id
        JOIN orders_ledgeraccount account ON account.id = entry.account_id
        WHERE entry.ordinal > posting.entry_count OR account.population <> posting.population
    ) THEN
        RAISE EXCEPTION 'an entry is not of its posting'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_fits_posting';
    END IF;
    RETURN NULL;
"""


class Posting(models.Model):
    """One event in the books; append-only, and balanced by currency as it commits."""

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=12, choices=choices_of(PostingKind))
    key = models.CharField(
        max_length=80, unique=True, help_text="Names the event, so that it is posted once."
    )
    entry_count = models.PositiveSmallIntegerField(help_text="So many entries it has.")
    order = models.ForeignKey(
        Order, on_delete=models.PROTECT, null=True, blank=True, related_name="postings"
    )
    payment = models.ForeignKey(
        Payment, on_delete=models.PROTECT, null=True, blank=True, db_index=False, related_name="+"
    )
    refund = models.ForeignKey(
        Refund, on_delete=models.PROTECT, null=True, blank=True, db_index=False, related_name="+"
    )
    repayment = models.ForeignKey(
        Repayment, on_delete=models.PROTECT, null=True, blank=True, db_index=False, related_name="+"
    )
    batch = models.ForeignKey(
        Batch, on_delete=models.PROTECT, null=True, blank=True, related_name="postings"
    )
    reason = models.CharField(max_length=200, blank=True)
    at = models.DateTimeField()
    population = models.CharField(max_length=9, choices=Population.choices)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(entry_count__gte=2), name="posting_entry_count"),
            models.CheckConstraint(
                condition=Q(kind__in=["settlement", "payout", "write_off"], order=None)
                | ~Q(kind__in=["settlement", "payout", "write_off"]) & Q(order__isnull=False),
                name="posting_order",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=["settlement", "payout"], batch__isnull=False)
                | ~Q(kind__in=["settlement", "payout"]) & Q(batch=None),
                name="posting_batch",
            ),
        ]
        indexes = [models.Index(fields=["-at"], name="posting_newest")]
        triggers = [
            pgtrigger.Protect(name="posting_append_only", operation=APPEND_ONLY),
            pgtrigger.Trigger(
                name="posting_balances",
                when=pgtrigger.After,
                operation=pgtrigger.Insert,
                timing=pgtrigger.Deferred,
                func=BALANCES,
            ),
        ]

    def __str__(self) -> str:
        return self.key


class Entry(models.Model):
    """What a posting puts on one account, in the account's currency; append-only."""

    id = models.BigAutoField(primary_key=True)
    posting = models.ForeignKey(
        Posting, on_delete=models.PROTECT, related_name="entries", db_index=False
    )
    ordinal = models.PositiveSmallIntegerField(help_text="From 1 to the posting's entry count.")
    account = models.ForeignKey(
        LedgerAccount, on_delete=models.PROTECT, related_name="entries", db_index=False
    )
    amount_minor = models.BigIntegerField(help_text="A debit is positive, a credit negative.")

    class Meta:
        verbose_name_plural = "entries"
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["posting", "ordinal"], name="entry_ordinal_once"),
            models.CheckConstraint(condition=Q(ordinal__gte=1), name="entry_ordinal"),
            models.CheckConstraint(condition=~Q(amount_minor=0), name="entry_amount"),
        ]
        indexes = [models.Index(fields=["account", "id"], name="entry_of_account")]
        triggers = [
            pgtrigger.Protect(name="entry_append_only", operation=APPEND_ONLY),
            pgtrigger.Trigger(
                name="entry_fits_posting",
                level=pgtrigger.Statement,
                when=pgtrigger.After,
                operation=pgtrigger.Insert,
                referencing=pgtrigger.Referencing(new="new_entries"),  # type: ignore[no-untyped-call]
                func=FITS,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount_minor} on {self.account_id}"

    @property
    def amount(self) -> Money:
        """What it puts there; asks for the account."""
        return Money(self.amount_minor, self.account.currency)


class CreatorShare(models.Model):
    """How much of a line the last touch credits to a creator; replaced when that is seen anew."""

    id = models.BigAutoField(primary_key=True)
    line = models.ForeignKey(
        OrderLine, on_delete=models.PROTECT, related_name="creator_shares", db_index=False
    )
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    weight_billionths = models.PositiveBigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["line", "person"], name="creator_share_once"),
            models.CheckConstraint(
                condition=Q(weight_billionths__range=(1, 1_000_000_000)),
                name="creator_share_weight",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.weight_billionths} billionths of line {self.line_id}"


class CommissionRate(models.Model):
    """What the platform keeps of what merchants sell; orders keep the rate of their checkout."""

    class Charge(models.TextChoices):
        MARKETPLACE = "marketplace", "marketplace commission"
        PAYMENT = "payment", "payment fee"

    class Evidence(models.TextChoices):
        MEASURED = "measured"
        CLAIMED = "claimed"
        BORROWED = "borrowed"
        ASSUMED = "assumed"

    id = models.BigAutoField(primary_key=True)
    charge = models.CharField(max_length=11, choices=Charge.choices)
    category_slug = models.SlugField(
        "category",
        max_length=60,
        blank=True,
        help_text="The slug of a category; what is inside it follows, unless it has its own row. "
        "Empty: everything else.",
    )
    basis_points = models.PositiveIntegerField(help_text="500 is 5 %.")
    evidence = models.CharField(
        max_length=8,
        choices=Evidence.choices,
        default=Evidence.ASSUMED,
        help_text="How the figure is known.",
    )
    source = models.CharField(max_length=500, blank=True, help_text="Who says so, and when.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["charge", "category_slug"],
                name="commission_rate_once",
                violation_error_message="There is a rate for exactly this.",
            ),
            models.CheckConstraint(
                condition=Q(basis_points__range=(0, WHOLE)),
                name="commission_rate_basis_points",
                violation_error_message="Between 0 and 10000 basis points.",
            ),
            models.CheckConstraint(
                condition=Q(charge="marketplace") | Q(category_slug=""),
                name="commission_rate_payment_is_flat",
                violation_error_message="The payment fee is the same for every category.",
            ),
            models.CheckConstraint(
                condition=Q(evidence="assumed") | ~Q(source=""),
                name="commission_rate_known_is_sourced",
                violation_error_message="Say who says so, and when.",
            ),
        ]
        triggers = renews_edition("commission_rate")

    def __str__(self) -> str:
        return f"{self.charge} {self.category_slug}".strip()
