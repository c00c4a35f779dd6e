"""The books in the admin: balances, what they are made of, and batches in which money leaves."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import (
    BigIntegerField,
    Case,
    CharField,
    F,
    OuterRef,
    Prefetch,
    QuerySet,
    Subquery,
    When,
)
from django.db.models.functions import Cast
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.dataclasses import ActionDialog
from unfold.decorators import action, display

from orders.admin.forms import PlainForm, ReasonForm
from orders.ledger.accounts import PAYABLE, AccountKind
from orders.models import Batch, CommissionRate, Entry, LedgerAccount, Posting, PostingKind
from orders.models.base import in_words
from orders.models.pricing import in_percent
from orders.services import settlement
from redshop.accounts.models import User
from redshop.catalog.models import Category, Merchant
from redshop.core.admin import EditableAdmin, MomentRangeFilter, ReadOnlyAdmin, ShownInline, back_to
from redshop.core.errors import DomainError
from redshop.core.money import Money

POSTING_COLOURS: Final = {
    in_words(kind): colour
    for kind, colour in {
        PostingKind.SALE: "info",
        PostingKind.PAYMENT: "success",
        PostingKind.REFUND: "warning",
        PostingKind.REPAYMENT: "warning",
        PostingKind.LATE_CAPTURE: "danger",
        PostingKind.COMMISSION: "primary",
        PostingKind.CLAW_BACK: "warning",
        PostingKind.SETTLEMENT: "success",
        PostingKind.PAYOUT: "success",
        PostingKind.WRITE_OFF: "danger",
    }.items()
}
EVIDENCE_COLOURS: Final = {
    "measured": "success",
    "claimed": "info",
    "borrowed": "info",
    "assumed": "warning",
}
STANDING_COLOURS: Final = {"we owe": "info", "owes us": "danger", "even": "success"}
BATCH_COLOURS: Final = {"settlement": "info", "payout": "primary"}
ENTRIES: Final = Prefetch("entries", Entry.objects.select_related("account").order_by("ordinal"))
RUN: Final = ActionDialog(
    title="Pay what is due",
    description="Merchants and creators are paid what their buyers can no longer return. Running "
    "it again pays nothing twice.",
    form_class=PlainForm,
    form_submit_text="Pay",
)
WRITE_OFF: Final = ActionDialog(
    title="Write off",
    description="What this merchant or creator owes will not be paid: it is our loss.",
    form_class=ReasonForm,
    form_submit_text="Write off",
)


def owner_name() -> Case:
    """Return what people call an account's owner: a company's, a person's or a method's name."""
    number = Cast(OuterRef("owner"), BigIntegerField())
    merchant = Merchant.objects.filter(pk=number).values("name")
    person = User.objects.filter(pk=number).values("handle")
    return Case(
        When(kind=AccountKind.MERCHANT_PAYABLE.value, then=Subquery(merchant)),
        When(kind=AccountKind.CREATOR_PAYABLE.value, then=Subquery(person)),
        default=F("owner"),
        output_field=CharField(),
    )


def link(address: str, words: object) -> SafeString:
    """Return a link as the admin's own look."""
    return format_html(
        '<a class="text-primary-600 dark:text-primary-500" href="{}">{}</a>', address, words
    )


def in_columns(entries: Any) -> SafeString:
    """Tell entries as a small table: account, debit, credit."""
    rows = [
        (
            str(entry.account.reference),
            *debit_and_credit(entry.amount_minor, entry.account.currency),
        )
        for entry in entries
    ]
    return format_html(
        '<table class="ledger-entries"><tbody>{}</tbody></table>',
        format_html_join(
            "", '<tr><td>{}</td><td class="debit">{}</td><td class="credit">{}</td></tr>', rows
        ),
    )


def debit_and_credit(amount_minor: int, currency: str) -> tuple[str, str]:
    """Return an amount on the side that it is on."""
    shown = str(Money(abs(amount_minor), currency))
    return (shown, "") if amount_minor > 0 else ("", shown)


class BalanceFilter(admin.SimpleListFilter):
    """Whom we owe, and who owes us."""

    title = "standing"
    parameter_name = "standing"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return [("owes", "Merchants and creators who owe us"), ("owed", "Whom we owe")]

    def queryset(self, request: HttpRequest, queryset: Any) -> QuerySet[LedgerAccount]:
        found: QuerySet[LedgerAccount]
        payable: Any = queryset.filter(kind__in=[kind.value for kind in PAYABLE])
        match self.value():
            case "owes":
                found = payable.filter(balance_minor__gt=0)
            case "owed":
                found = payable.filter(balance_minor__lt=0)
            case _:
                found = queryset
        return found


@admin.register(LedgerAccount)
class LedgerAccountAdmin(ReadOnlyAdmin):
    list_display = ["account", "whose", "debit", "credit", "standing", "population"]
    list_filter = [BalanceFilter, "kind", "currency", "population"]
    list_filter_submit = True
    search_fields = ["owner__istartswith"]
    search_help_text = "Beginning of a merchant's or person's number, or of a way of paying"
    ordering = ["kind", "owner", "currency", "population"]
    fields = [("account", "whose"), ("debit", "credit"), ("standing", "population"), "drill_down"]
    readonly_fields = ["account", "whose", "debit", "credit", "standing", "drill_down"]
    actions_detail: Any = ["write_off"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[LedgerAccount]:
        return LedgerAccount.objects.with_balance().annotate(owner_name=owner_name())

    def has_pay_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Tell whether the person may take money out of the books."""
        return request.user.has_perm("orders.add_batch")

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Offer writing off where there is something to."""
        account = self.get_object(request, object_id)
        return (
            super().get_actions_detail(request, object_id)
            if account is not None and standing_of(account) == "owes us"
            else []
        )

    @action(  # type: ignore[operator]
        description="Write off",
        url_path="write-off",
        icon="money_off",
        permissions=["pay"],
        dialog=WRITE_OFF,
    )
    def write_off(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        try:
            given_up = settlement.write_off(
                account_id=UUID(object_id),
                reason=form.cleaned_data.get("words", ""),
                at=timezone.now(),
            )
        except DomainError as refusal:
            messages.error(request, refusal.detail)
        else:
            messages.success(request, f"{given_up} written off.")
        return back_to(request, reverse("admin:orders_ledgeraccount_change", args=[object_id]))

    @display(description="account", ordering="kind")
    def account(self, account: LedgerAccount) -> str:
        return account.get_kind_display()

    @display(description="of")
    def whose(self, account: Any) -> str:
        return account.owner_name or account.owner or "–"

    @display(description="debit", ordering="balance_minor")
    def debit(self, account: LedgerAccount) -> str:
        return debit_and_credit(account.balance_minor, account.currency)[0] or "–"

    @display(description="credit", ordering="-balance_minor")
    def credit(self, account: LedgerAccount) -> str:
        shown = debit_and_credit(account.balance_minor, account.currency)[1]
        return shown if account.balance_minor else "–"

    @display(description="standing", label=STANDING_COLOURS)
    def standing(self, account: LedgerAccount) -> str | None:
        return standing_of(account)

    @display(description="made of")
    def drill_down(self, account: LedgerAccount) -> SafeString:
        entries = reverse("admin:orders_entry_changelist")
        return link(f"{entries}?account__id__exact={account.pk}", "its entries")


def standing_of(account: LedgerAccount) -> str | None:
    """Tell in words how a merchant's or creator's account stands; None of others."""
    if account.kind not in PAYABLE:
        return None
    if account.balance_minor == 0:
        return "even"
    return "owes us" if account.balance_minor > 0 else "we owe"


@admin.register(Entry)
class EntryAdmin(ReadOnlyAdmin):
    list_display = ["at", "kind", "account_name", "debit", "credit", "order"]
    list_filter = [
        ("account", AutocompleteSelectFilter),
        "posting__kind",
        ("posting__at", MomentRangeFilter),
    ]
    list_filter_submit = True
    search_fields = ["posting__order__number__istartswith"]
    search_help_text = "Beginning of an order number"
    ordering = ["-pk"]

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        """Let accounts link to their entries."""
        return lookup == "account__id__exact" or super().lookup_allowed(lookup, value, request)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Entry]:
        return Entry.objects.select_related("account", "posting__order")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        """Lead from an entry to the whole posting."""
        changelist = super().get_changelist(request, **kwargs)

        class ToPostings(changelist):  # type: ignore[misc, valid-type]
            def url_for_result(self, result: Entry) -> str:
                return reverse("admin:orders_posting_change", args=[result.posting_id])

        return ToPostings

    @display(description="at", ordering="posting__at")
    def at(self, entry: Entry) -> datetime:
        return entry.posting.at

    @display(description="posting", ordering="posting__kind", label=POSTING_COLOURS)
    def kind(self, entry: Entry) -> str:
        return entry.posting.get_kind_display()

    @display(description="account")
    def account_name(self, entry: Entry) -> SafeString:
        account = reverse("admin:orders_ledgeraccount_change", args=[entry.account_id])
        return link(account, entry.account.reference)

    @display(description="debit", ordering="amount_minor")
    def debit(self, entry: Entry) -> str:
        return debit_and_credit(entry.amount_minor, entry.account.currency)[0]

    @display(description="credit", ordering="-amount_minor")
    def credit(self, entry: Entry) -> str:
        return debit_and_credit(entry.amount_minor, entry.account.currency)[1]

    @display(description="order")
    def order(self, entry: Entry) -> SafeString | str:
        order = entry.posting.order
        if order is None:
            return "–"
        return link(reverse("admin:orders_order_change", args=[order.pk]), order.number)


@admin.register(Posting)
class PostingAdmin(ReadOnlyAdmin):
    list_display = ["at", "shown_kind", "order", "moved", "reason", "population"]
    list_filter = ["kind", "population", ("at", MomentRangeFilter)]
    list_filter_submit = True
    search_fields = ["order__number__istartswith", "key__startswith"]
    search_help_text = "Beginning of an order number or of an event's name"
    ordering = ["-at", "-pk"]
    fields = [("at", "shown_kind"), ("order", "population"), "entered", "key", "reason"]
    readonly_fields = ["shown_kind", "entered"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Posting]:
        return Posting.objects.select_related("order").prefetch_related(ENTRIES)

    @display(description="kind", ordering="kind", label=POSTING_COLOURS)
    def shown_kind(self, posting: Posting) -> str:
        return posting.get_kind_display()

    @display(description="moved")
    def moved(self, posting: Posting) -> str:
        sums = Counter[str]()
        for entry in posting.entries.all():
            sums[entry.account.currency] += max(entry.amount_minor, 0)
        return ", ".join(str(Money(amount, currency)) for currency, amount in sums.items())

    @display(description="entries")
    def entered(self, posting: Posting) -> SafeString:
        return in_columns(posting.entries.all())


class PostingInline(ShownInline):
    """What an order has in the books."""

    model = Posting
    fk_name = "order"
    verbose_name_plural = "postings"
    fields = ["at", "shown_kind", "entered"]
    readonly_fields = ["shown_kind", "entered"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Posting]:
        return super().get_queryset(request).prefetch_related(ENTRIES).order_by("pk")

    @display(description="kind", label=POSTING_COLOURS)
    def shown_kind(self, posting: Posting) -> str:
        return posting.get_kind_display()

    @display(description="account, debit, credit")
    def entered(self, posting: Posting) -> SafeString:
        return in_columns(posting.entries.all())


class BatchLineInline(PostingInline):
    """What a batch paid on whose account."""

    fk_name = "batch"
    verbose_name_plural = "payments"
    fields = ["entered"]
    readonly_fields = ["entered"]


@admin.register(Batch)
class BatchAdmin(ReadOnlyAdmin):
    list_display = ["at", "shown_kind", "accounts", "paid", "delivered_before", "population"]
    list_filter = ["kind", "population", ("at", MomentRangeFilter)]
    list_filter_submit = True
    ordering = ["-at", "-pk"]
    fields = [("at", "shown_kind"), ("accounts", "paid"), ("delivered_before", "population")]
    readonly_fields = ["shown_kind", "accounts", "paid"]
    inlines = [BatchLineInline]
    actions_list: Any = ["run"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Batch]:
        debits = Entry.objects.filter(amount_minor__gt=0).select_related("account")
        lines = Prefetch("postings__entries", debits, to_attr="debits")
        return Batch.objects.prefetch_related("postings", lines)

    def has_pay_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Tell whether the person may take money out of the books."""
        return request.user.has_perm("orders.add_batch")

    @action(  # type: ignore[operator]
        description="Pay what is due",
        url_path="run",
        icon="payments",
        permissions=["pay"],
        dialog=RUN,
    )
    def run(self, request: HttpRequest, form: Any) -> HttpResponse:
        batches = settlement.run_all(at=timezone.now())
        if batches:
            messages.success(request, f"{len(batches)} batches were paid.")
        else:
            messages.info(request, "Nothing is due.")
        return back_to(request, reverse("admin:orders_batch_changelist"))

    @display(description="kind", ordering="kind", label=BATCH_COLOURS)
    def shown_kind(self, batch: Batch) -> str:
        return batch.kind

    @display(description="accounts")
    def accounts(self, batch: Batch) -> int:
        return len(batch.postings.all())

    @display(description="paid")
    def paid(self, batch: Batch) -> str:
        sums = Counter[str]()
        postings: Any = batch.postings.all()
        for entry in (entry for posting in postings for entry in posting.debits):
            sums[entry.account.currency] += entry.amount_minor
        return ", ".join(str(Money(amount, currency)) for currency, amount in sums.items())


@admin.register(CommissionRate)
class CommissionRateAdmin(EditableAdmin):
    list_display = ["what", "category", "rate", "shown_evidence", "source"]
    list_filter = ["charge", "evidence"]
    ordering = ["charge", "category_slug"]
    fieldsets = [
        (
            None,
            {
                "fields": [("charge", "category_slug"), "basis_points", ("evidence", "source")],
                "description": "Kept of what merchants sell, rounded half up on each line; a "
                "discount that the platform funds does not lessen it. Orders keep the rates of "
                "their checkout.",
            },
        )
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[CommissionRate]:
        self.known = dict(Category.objects.values_list("slug", "name"))
        return super().get_queryset(request)

    @display(description="what", ordering="charge")
    def what(self, rate: CommissionRate) -> str:
        return rate.get_charge_display()

    @display(description="category", ordering="category_slug")
    def category(self, rate: CommissionRate) -> str:
        if not rate.category_slug:
            return "Everything else" if rate.charge == "marketplace" else "Everything"
        return self.known.get(rate.category_slug, f"{rate.category_slug} (not there)")

    @display(description="rate", ordering="basis_points")
    def rate(self, rate: CommissionRate) -> str:
        return in_percent(rate.basis_points)

    @display(description="kind", ordering="evidence", label=EVIDENCE_COLOURS)
    def shown_evidence(self, rate: CommissionRate) -> str:
        return rate.evidence
