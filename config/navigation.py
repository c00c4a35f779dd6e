"""The admin's sidebar: what is where, in the order in which the loop runs."""

from collections.abc import Callable
from itertools import chain
from typing import Any, Final

from django.apps import apps
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse_lazy
from django.utils.text import format_lazy

#: Group, then (title, model, icon) for each entry; a model may bear the filter of its list.
GROUPS: Final[dict[str, list[tuple[str, str, str]]]] = {
    "Discover": [
        ("Notes", "notes.note", "photo_library"),
        ("Topics", "notes.topic", "tag"),
        ("Comments", "notes.comment", "chat_bubble"),
        ("Synonyms", "notes.synonym", "compare_arrows"),
        ("Ranking policies", "notes.rankingpolicy", "tune"),
        ("Exposure pool", "notes.exposuregrant", "diversity_3"),
        ("Learned models", "notes.learnedmodel", "model_training"),
        ("Trending", "notes.trendinglist", "trending_up"),
        ("Neighbours", "notes.neighbourrun", "hub"),
        ("Search index", "notes.searchindex", "manage_search"),
        ("Vocabulary", "notes.word", "spellcheck"),
    ],
    "Moderate": [
        ("Queue", "notes.case", "inbox"),
        ("Decisions", "notes.decision", "gavel"),
        ("Brands' points", "notes.brandstanding", "scoreboard"),
        ("Violations", "notes.brandviolation", "warning"),
        ("Blocked pictures", "notes.blockedpicture", "hide_image"),
        ("Record", "notes.auditentry", "history_edu"),
    ],
    "Shop": [
        ("Products", "catalog.product", "shopping_bag"),
        ("SKUs and stock", "catalog.sku", "inventory_2"),
        ("Stock movements", "catalog.stockmovement", "swap_vert"),
        ("Brands", "catalog.brand", "sell"),
        ("Merchants", "catalog.merchant", "storefront"),
        ("Categories", "catalog.category", "account_tree"),
        ("Media", "catalog.media", "imagesmode"),
    ],
    "Purchase": [
        ("Orders", "orders.order", "receipt_long"),
        ("Payments", "orders.payment", "credit_card"),
        ("Parcels", "orders.shipment", "local_shipping"),
        ("Returns", "orders.return", "assignment_return"),
        ("Refunds", "orders.refund", "undo"),
        ("Repayments", "orders.repayment", "currency_exchange"),
        ("Webhooks", "orders.webhookdelivery", "webhook"),
        ("Link-outs", "orders.linkout", "open_in_new"),
        ("Link-out reports", "orders.linkoutreport", "lab_profile"),
        ("Carts", "orders.cartitem", "shopping_cart"),
    ],
    "Prices": [
        ("Coupons", "orders.coupon", "confirmation_number"),
        ("Uses of coupons", "orders.couponuse", "redeem"),
        ("Shipping rates", "orders.shippingrate", "package_2"),
        ("Duty rates", "orders.dutyrate", "gavel"),
    ],
    "Money": [
        ("Accounts", "orders.ledgeraccount", "account_balance"),
        ("Negative balances", "orders.ledgeraccount?standing=owes", "money_off"),
        ("Postings", "orders.posting", "menu_book"),
        ("Batches", "orders.batch", "payments"),
        ("Rates", "orders.commissionrate", "percent"),
    ],
    "Numbers": [
        ("Credits", "conversion.credit", "workspace_premium"),
        ("Attributions", "conversion.attribution", "conversion_path"),
        ("Lookbacks", "conversion.lookback", "history"),
        ("Removal effects", "conversion.markovreport", "hub"),
        ("Snapshots of notes", "conversion.notesnapshot", "photo_camera"),
        ("Experiments", "experiments.experiment", "biotech"),
        ("Exposures", "experiments.exposure", "visibility"),
        ("Simulation runs", "simulation.simulationrun", "science"),
        ("Causes", "simulation.cause", "psychology"),
        ("Scenarios", "simulation.writtenscenario", "experiment"),
        ("Comparisons", "simulation.comparison", "balance"),
    ],
    "Cultivate": [
        ("Briefs", "studio.brief", "edit_note"),
        ("Drafts", "studio.draft", "draft"),
        ("Trials", "studio.trial", "labs"),
        ("Insight", "studio.insightreport", "insights"),
        ("Requests to writers", "studio.writingjob", "robot_2"),
        ("Manifests", "studio.manifest", "verified"),
    ],
    "People": [
        ("People", "accounts.user", "group"),
        ("Follows", "accounts.follow", "person_add"),
        ("Blocks", "accounts.block", "block"),
        ("Devices", "accounts.accesstoken", "devices"),
    ],
    "Privacy": [
        ("Erasures", "accounts.erasure", "person_off"),
        ("Exports", "accounts.export", "folder_zip"),
        ("Who looked", "accounts.accessrecord", "visibility"),
    ],
    "Engine room": [
        ("Events", "events.event", "list_alt"),
        ("Rejected events", "events.rejectedevent", "report"),
        ("The lake", "events.archivedmonth", "water"),
        ("Sums", "conversion.rollup", "functions"),
        ("Imported logs", "conversion.importedlog", "upload_file"),
        ("Facts", "core.fact", "outbox"),
        ("Feed snapshots", "notes.feedsnapshot", "view_list"),
    ],
}


def _may_see(model: str) -> Callable[[HttpRequest], bool]:
    """Tell whether somebody may open a list, as its page itself decides."""

    def may_see(request: HttpRequest) -> bool:
        return admin.site.get_model_admin(apps.get_model(model)).has_view_permission(request)

    return may_see


def _is_open(address: object, query: str) -> Callable[[HttpRequest], bool]:
    """Tell whether a list or a page of it is open; of two entries with one list, which is."""

    def is_open(request: HttpRequest) -> bool:
        others = {place.partition("?")[2] for _, place, _ in chain(*GROUPS.values())} - {"", query}
        asked = request.META.get("QUERY_STRING", "")
        is_there = request.path.startswith(str(address))
        return is_there and asked not in others and query in {"", asked}

    return is_open


def _entry(title: str, place: str, icon: str) -> dict[str, Any]:
    model, _, query = place.partition("?")
    address = reverse_lazy(f"admin:{model.replace('.', '_')}_changelist")
    return {
        "title": title,
        "icon": icon,
        "link": format_lazy("{}?{}", address, query) if query else address,
        "active": _is_open(address, query),
        "permission": _may_see(model),
    }


def sidebar() -> dict[str, Any]:
    """Return the sidebar's settings; the rarer tables are under "All applications"."""
    home = {"title": "Today", "icon": "monitoring", "link": reverse_lazy("admin:index")}
    groups = [
        {"title": title, "items": [_entry(*entry) for entry in entries]}
        for title, entries in GROUPS.items()
    ]
    return {
        "show_search": True,
        "show_all_applications": True,
        "navigation": [{"items": [home]}, *groups],
    }
