"""An existing shop's log becomes people, products, orders and events, once."""

import gzip
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from django.core.management import CommandError
from django.db.models import Model

from orders.models import Order, OrderLine, Payment, Transition
from orders.services import history
from redshop.accounts.models import User
from redshop.catalog.models import Brand, Category, Merchant, Product, Sku
from redshop.conversion.history import importing, writer
from redshop.conversion.models import Attribution, ImportedLog
from redshop.core.models import Fact
from redshop.events.models import Event, EventId, RejectedEvent
from tests.conversion import world
from tests.conversion.import_history import run
from tests.conversion.world import NOW

pytestmark = pytest.mark.django_db

HEADER = (
    "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session"
)
SESSION = "72d76fde-8bb3-4e00-8c23-a032dfed738c"
LINES = [
    f"2019-10-01 00:00:00 UTC,view,11,1,electronics.audio.headphone,sony,35.79,501,{SESSION}",
    f"2019-10-01 00:00:00 UTC,view,11,1,electronics.audio.headphone,sony,35.79,501,{SESSION}",
    f"2019-10-01 00:01:00 UTC,cart,11,1,electronics.audio.headphone,sony,35.79,501,{SESSION}",
    f"2019-10-01 00:02:00 UTC,purchase,11,1,electronics.audio.headphone,sony,35.79,501,{SESSION}",
    "2019-10-31 23:59:59 UTC,view,12,2,,,0.00,502,guest-7",
    "2019-11-01 00:00:00 UTC,view,13,1,electronics.smartphone,sony,99.995,Ada L.,",
    f"2019-11-01 00:00:00 UTC,remove_from_cart,11,1,electronics,sony,35.79,501,{SESSION}",
    "2019-11-01 00:00:00 UTC,dance,11,1,electronics,sony,35.79,501,",
    "yesterday,view,11,1,electronics,sony,35.79,501,",
    "9999-12-31 23:59:59 UTC,view,11,1,electronics,sony,35.79,501,",
    "2019-11-01 00:00:00 UTC,view,,1,electronics,sony,35.79,501,",
    "2019-11-01 00:00:00 UTC,view,11,1,electronics,sony,35.79,,",
    "2019-11-01 00:00:00 UTC,view,11,1,electronics,sony,NaN,501,",
    "2019-11-01 00:00:00 UTC,purchase,11,1,electronics,sony,,501,",
    "2019-11-01 00:00:00 UTC,view,11",
]


def written(path: Path, lines: list[str], *, header: str = HEADER) -> Path:
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return written(tmp_path / "log.csv", LINES)


def as_parquet(log: Path, target: Path, *, columns: str = "*") -> Path:
    """Write a log as Parquet, with what DuckDB cannot read of it left out."""
    target.parent.mkdir(parents=True, exist_ok=True)
    source = f"read_csv('{log}', all_varchar=true, ignore_errors=true)"
    with duckdb.connect() as database:
        database.execute("SET TimeZone = 'UTC'")
        question = f"SELECT {columns} FROM {source}"  # noqa: S608 - a test's own
        database.execute(f"COPY ({question}) TO '{target}' (FORMAT parquet)")
    return target


def everything() -> dict[str, Any]:
    """Return all that an import may write."""
    models: list[type[Model]] = [User, Merchant, Brand, Category, Product, Sku, Event, Order]
    models += [OrderLine, Payment, Transition, Attribution, RejectedEvent, Fact, EventId]
    return {
        model.__name__: sorted(map(str, model._default_manager.values_list())) for model in models
    }


def test_a_log_becomes_events_that_count_once(log: Path) -> None:
    said = run(log)

    assert "15 lines: 5 new events, 1 known, 1 left out, 8 set aside" in said
    assert Counter(Event.objects.values_list("kind", flat=True)) == {
        "product_view": 3,
        "cart_add": 1,
        "order_paid": 1,
    }
    person = User.objects.get(handle="rees46_501")
    product = Sku.objects.get(code="rees46-11").product
    cart = Event.objects.get(kind="cart_add")
    assert (cart.person_id, cart.product_id, str(cart.session_id)) == (
        person.pk,
        product.pk,
        SESSION,
    )
    assert cart.occurred_at == datetime(2019, 10, 1, 0, 1, tzinfo=UTC)
    assert (cart.quantity, cart.amount_minor, cart.currency) == (1, 3579, "USD")
    assert (cart.population, cart.source) == ("real", "import")
    view = Event.objects.filter(kind="product_view").earliest("occurred_at")
    assert (view.quantity, view.amount_minor, view.currency) == (None, None, "")


def test_its_people_are_real_and_cannot_log_in(log: Path) -> None:
    run(log)

    people = User.objects.order_by("joined_at", "pk")
    assert [person.handle for person in people[:2]] == ["rees46_501", "rees46_502"]
    assert people[2].handle.startswith("rees46_")
    for person in people:
        assert not person.has_usable_password()
        assert person.population == "real"
        assert person.email.endswith("@imported.invalid")
    assert people[0].joined_at == datetime(2019, 10, 1, tzinfo=UTC)


def test_its_assortment_has_brands_a_tree_and_prices_but_no_stock(log: Path) -> None:
    run(log)

    sku = Sku.objects.get(code="rees46-11")
    assert sku.product.name == "Sony Headphone 11"
    assert (sku.price_minor, sku.currency, sku.on_hand, sku.reserved) == (3579, "USD", 0, 0)
    assert (sku.product.brand.name, sku.product.brand.merchant.name) == ("Sony", "rees46")
    shelves = Category.objects.exclude(slug="other").order_by("pk")
    assert list(shelves.values_list("slug", "name", "parent__slug")) == [
        ("electronics", "Electronics", None),
        ("electronics-audio", "Audio", "electronics"),
        ("electronics-smartphone", "Smartphone", "electronics"),
        ("electronics-audio-headphone", "Headphone", "electronics-audio"),
    ]
    assert sku.product.category.slug == "electronics-audio-headphone"
    assert Sku.objects.get(code="rees46-13").price_minor == 10_000
    unknown = Sku.objects.get(code="rees46-12").product
    assert (unknown.brand.name, unknown.category.slug) == ("Unbranded (rees46)", "other")


def test_a_purchase_is_an_order_that_was_paid_and_kept(log: Path) -> None:
    run(log)

    order, moment = Order.objects.get(), datetime(2019, 10, 1, 0, 2, tzinfo=UTC)
    line, event = order.lines.get(), Event.objects.get(kind="order_paid")
    assert (order.state, order.payment_state, order.paid_at) == ("completed", "paid", moment)
    assert (order.total_minor, order.currency, order.population) == (3579, "USD", "real")
    assert order.number.startswith("20191001-")
    assert (line.quantity, line.unit_price_minor, line.open_quantity) == (1, 3579, 0)
    assert (event.order_id, event.amount_minor, event.quantity) == (order.pk, 3579, 1)
    assert order.parts.get().merchant.name == "rees46"
    assert order.payments.get().state == "succeeded"
    assert order.transitions.get().reason == "Imported from rees46"
    assert line.product.popularity == 1


def test_its_conversions_are_attributed_at_once_without_a_fact_each(log: Path) -> None:
    run(log)

    assert not Attribution.objects.get().is_attributed
    assert Fact.objects.count() == 0


def test_running_it_again_changes_nothing(log: Path) -> None:
    run(log)
    before = everything()

    said = run(log)
    again = run(log, restart=True)

    assert said.startswith("log.csv was imported on ")
    assert "0 new events, 6 known, 1 left out, 8 set aside" in again
    assert everything() == before


def test_a_run_that_was_cut_is_finished_by_the_next(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "CHUNK", 2)
    with monkeypatch.context() as cut:
        cut.setattr(history, "import_orders", lambda *_, **__: 1 / 0 if _[0] else [])
        with pytest.raises(ZeroDivisionError):
            run(log)
    assert Event.objects.count() == 1
    assert Order.objects.count() == 0

    run(log)

    assert Event.objects.count() == 5
    assert Order.objects.count() == 1


def test_a_run_that_was_cut_goes_on_where_it_ended(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "CHUNK", 2)
    write = writer.write
    read: list[Any] = []

    def write_some(chunk: Any, **rest: Any) -> Any:
        if len(read) == 3:
            raise KeyboardInterrupt
        read.append([act.occurred_at for act in chunk.acts])
        return write(chunk, **rest)

    monkeypatch.setattr(writer, "write", write_some)
    with pytest.raises(KeyboardInterrupt):
        run(log)
    record = ImportedLog.objects.get()
    assert (record.line, record.finished_at) == (7, None)
    read.clear()
    monkeypatch.setattr(writer, "write", write)

    said = run(log)

    assert "15 lines: 5 new events, 1 known, 1 left out, 8 set aside" in said
    assert ImportedLog.objects.get().line == 16
    assert Event.objects.count() == 5


def test_another_meaning_is_another_import(log: Path) -> None:
    run(log)

    assert "new events" in run(log, map="dance=")
    assert ImportedLog.objects.count() == 2


def test_a_trial_writes_nothing(log: Path) -> None:
    before = everything()

    said = run(log, dry_run=True)

    assert everything() == before
    assert "Of the first 15 lines, as rees46 with prices in USD:" in said
    assert "columns:  time = event_time, act = event_type, product = product_id" in said
    assert "events:   1 cart_add, 1 order_paid, 4 product_view" in said
    assert "left out: 1; set aside: 8" in said
    assert "Line 9: Nothing says what 'dance' means." in said


def test_an_import_ends_with_the_funnel_of_its_shop(log: Path) -> None:
    world.event("product_view", NOW, world.person(), of=world.product())

    said = run(log).splitlines()

    numbers = {line[:15].strip(): line[15:].split()[:2] for line in said}
    assert numbers["product views"] == ["3", "3"]
    assert numbers["carts"] == ["1", "1"]
    assert numbers["paid"] == ["1", "1"]


@pytest.mark.parametrize("typed", [True, False])
def test_parquet_says_what_csv_says(log: Path, tmp_path: Path, typed: bool) -> None:
    good = written(tmp_path / "good.csv", LINES[:7])
    columns = "* REPLACE (CAST(replace(event_time, ' UTC', '+00') AS timestamptz) AS event_time)"
    file = as_parquet(good, tmp_path / "log.parquet", columns=columns if typed else "*")
    run(good)
    before = everything()

    said = run(file)

    assert "7 lines: 0 new events, 6 known, 1 left out, 0 set aside" in said
    assert everything() == before


def test_a_folder_of_parquet_is_one_log_that_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "log"
    for name, lines in (("a", LINES[:3]), ("b", LINES[3:7])):
        part = written(tmp_path / f"{name}.csv", lines)
        as_parquet(part, folder / name / "part.parquet")

    assert "7 lines: 5 new events, 1 known, 1 left out" in run(folder)
    ImportedLog.objects.update(line=5, finished_at=None)
    assert "10 lines: " in run(folder)  # seven before, and the three after line 5


def test_bad_lines_are_set_aside_with_their_place(log: Path) -> None:
    run(log)

    assert list(RejectedEvent.objects.order_by("pk").values_list("code", "message")) == [
        ("unknown_kind", "Line 9: Nothing says what 'dance' means."),
        ("invalid_time", "Line 10: It names no moment."),
        ("invalid_time", "Line 11: No shop can have seen it then."),
        ("invalid_product", "Line 12: It names no product."),
        ("invalid_person", "Line 13: It names no person."),
        ("invalid_price", "Line 14: Its price is no amount."),
        ("invalid_price", "Line 15: What was bought has no price."),
        ("invalid_line", "Line 16: It has 3 cells, not 9."),
    ]


def test_a_shop_with_other_words_columns_and_money_can_be_told(tmp_path: Path) -> None:
    lines = [
        "1569888000000;Klick;A-1;Anna;1.299",
        "2019-10-01T09:00:00;Kauf;A-1;Anna;1500",
        "2019-10-01T09:00:00+02:00;Wink;A-1;Anna;",
    ]
    path = tmp_path / "log.csv.gz"
    path.write_bytes(
        gzip.compress("\n".join(["\ufeffwhen;what;itemid;wer;price", *lines]).encode())
    )

    said = run(
        path,
        map="klick=product_view,Kauf=order_paid,wink=",
        column="time=when,act=what,person=wer",
        currency="KWD",
        tz="Asia/Tokyo",
        shop="laden",
    )

    assert "3 lines: 2 new events, 0 known, 1 left out, 0 set aside" in said
    paid = Event.objects.get(kind="order_paid")
    assert paid.occurred_at == datetime(2019, 10, 1, 0, 0, tzinfo=UTC)
    assert (paid.amount_minor, paid.currency) == (1_500_000, "KWD")
    view = Event.objects.get(kind="product_view")
    assert view.occurred_at == datetime(2019, 10, 1, 0, 0, tzinfo=UTC)
    assert Sku.objects.get().code == "laden-A-1"


def test_a_brand_of_another_merchant_stays_theirs(log: Path) -> None:
    theirs = world.brand("Sony")

    run(log)

    assert Sku.objects.get(code="rees46-11").product.brand.name == "Sony (rees46)"
    assert theirs.products.count() == 0


def test_nobody_is_taken_for_a_person_of_the_log(log: Path) -> None:
    world.person(handle="Rees46_501")

    with pytest.raises(CommandError, match="somebody else"):
        run(log)

    assert Event.objects.count() == 0


@pytest.mark.parametrize(
    ("content", "options", "reason"),
    [
        (b"", {}, "is empty"),
        (b"a,b\n1,2\n", {}, "No column for time"),
        (gzip.compress(HEADER.encode())[:-9], {}, "after line"),
        (b"\x1f\x8bnonsense", {}, "after line"),
        (HEADER.encode(), {"map": "view"}, "is written"),
        (HEADER.encode(), {"map": "view=dance"}, "none of"),
        (HEADER.encode(), {"map": "view=like"}, "none of"),
        (HEADER.encode(), {"column": "colour=x"}, "none of"),
        (HEADER.encode(), {"column": "time=x"}, "No column for time"),
        (HEADER.encode(), {"tz": "Mars/Olympus"}, "no time zone"),
        (HEADER.encode(), {"currency": "dollars"}, "three capital letters"),
        (HEADER.encode(), {"shop": "My Shop"}, "small letters"),
    ],
)
def test_what_cannot_be_read_is_said_in_one_line(
    tmp_path: Path, content: bytes, options: dict[str, str], reason: str
) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(content)

    with pytest.raises(CommandError, match=reason):
        run(path, **options)

    assert User.objects.count() == 0


@pytest.mark.parametrize("cut", [4, 50, -8])
def test_damaged_parquet_is_said_in_one_line(log: Path, tmp_path: Path, cut: int) -> None:
    file = as_parquet(log, tmp_path / "log.parquet")
    file.write_bytes(file.read_bytes()[:cut])

    with pytest.raises(CommandError, match=r"log\.parquet"):
        run(file)

    assert User.objects.count() == 0


def test_an_empty_folder_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="no Parquet file"):
        run(tmp_path)


def test_a_file_that_is_not_there_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="There is no file"):
        run(tmp_path / "nothing.csv")
