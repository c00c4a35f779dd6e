"""What conversion holds about people: their numbers, and nothing else that leads to them."""

from datetime import datetime

from redshop.conversion.services import forgetting
from redshop.core.data_map import Erasure, Leaving, describe, erases

FOR_GOOD = "as long as the order: statistics rest on it"

describe("conversion.Lookback", plain="id category_slug days")
describe(
    "conversion.Attribution",
    kept=FOR_GOOD,
    plain="line generation converted_at window_days touches touches_cut is_attributed version"
    " computed_at population",
)
describe(
    "conversion.Credit",
    erasure=Erasure.KEPT,
    kept=FOR_GOOD,
    key="author",
    plain="id line generation model kind refund note surface provenance touch_id touched_at"
    " weight_billionths amount_minor currency population at",
)
describe(
    "conversion.MarkovReport",
    plain="id version group_by first end zone population currency window_days brand_ids paths"
    " conversions effects computed_at",
)
describe("conversion.NoteSnapshot", plain="id note days until figures credits computed_at is_final")
describe(
    "conversion.ImportedLog",
    plain="id shop name digest read_as line counts started_at finished_at",
)
describe("conversion.RollUp", plain="name fresh_at lookbacks dimensions")
describe(
    "conversion.FunnelWay",
    erasure=Erasure.KEPT,
    kept="as long as the log",
    key="actor author_id",
    about="day reached note_id product_id",
    plain="population surface currency provenance note_type topic_ids category_id brand_id"
    " net_minor",
)
describe("conversion.FunnelCell", plain="grain population window first last measure key people")
describe("conversion.FunnelTaking", plain="grain population window day currency key net_minor")
describe("conversion.UnreadSale", plain="id line_id")
describe(
    "conversion.SaleShare",
    erasure=Erasure.KEPT,
    kept=FOR_GOOD,
    key="author_id",
    plain="id line_id model windows day refunded_on population currency note_id surface provenance"
    " weight gross_minor refunded_minor",
)
describe(
    "conversion.SaleCell",
    plain="grain model population currency day windows key weight gross_minor refunded_minor"
    " refunded_then_minor",
)


@erases
def have_read(person: Leaving, at: datetime) -> None:
    """See that sums know the person's devices as theirs, since nobody will say so again."""
    forgetting.check_read(visitor_ids=list(person.visitor_ids))
