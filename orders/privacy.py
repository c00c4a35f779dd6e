"""What orders hold about people, and how they let go of them."""

from datetime import datetime

from orders.services import forgetting
from redshop.core.data_map import Erasure, Leaving, describe, erases

#: What tax law asks for is the sale; who bought is not part of it once they are erased.
BOOKS = "for good: the books rest on it"

describe(
    "orders.CartItem",
    whose="person",
    erasure=Erasure.DELETED,
    kept="until it is bought or taken out",
    key="person",
    about="sku quantity note_id request_id added_at",
    plain="id",
)
describe(
    "orders.Shipment",
    whose="part__order__buyer",
    erasure=Erasure.BY_HAND,
    kept=BOOKS,
    identifies="tracking",
    about="shipped_at delivered_at",
    plain="id part carrier",
)
describe("orders.ShipmentLine", plain="id shipment line quantity")
describe(
    "orders.Order",
    whose="buyer",
    erasure=Erasure.BY_HAND,
    kept=BOOKS,
    key="buyer",
    identifies="address",
    about="state payment_state coupon placed_at paid_at",
    plain="id number currency discount_minor shipping_minor duty_minor payment_fee_bp total_minor"
    " refunded_minor expires_at population",
)
describe(
    "orders.OrderPart",
    kept=BOOKS,
    plain="id order merchant state is_cross_border shipping_minor shipping_refunded_minor"
    " days_least days_most",
)
describe(
    "orders.OrderLine",
    whose="order__buyer",
    erasure=Erasure.KEPT,
    kept=BOOKS,
    about="product sku quantity note_id request_id",
    plain="id order part unit_price_minor discount_minor total_minor duty_minor subsidy_minor"
    " marketplace_bp commission_bp credited_generation shipped_quantity withdrawn_quantity"
    " refunded_quantity refunded_minor duty_refunded_minor returning_quantity",
)
describe(
    "orders.Transition",
    whose="order__buyer",
    erasure=Erasure.BLANKED,
    kept=BOOKS,
    words="reason",
    about="at",
    plain="id order part from_state to_state",
)
describe(
    "orders.Payment",
    whose="order__buyer",
    erasure=Erasure.BLANKED,
    kept=BOOKS,
    identifies="action_url",
    about="method state failure_code created_at settled_at",
    plain="id order amount_minor currency reference idempotency_key request_digest look_at is_late"
    " repaid_minor",
)
describe(
    "orders.Refund",
    whose="order__buyer",
    erasure=Erasure.BLANKED,
    kept=BOOKS,
    words="reason",
    about="refunded_at",
    plain="id order amount_minor shipping_minor currency is_restocked",
)
describe("orders.RefundLine", kept=BOOKS, plain="id refund line quantity amount_minor duty_minor")
describe(
    "orders.Repayment",
    kept=BOOKS,
    plain="id payment refund state amount_minor currency failure_code created_at settled_at"
    " look_at",
)
describe(
    "orders.WebhookDelivery",
    whose="payment__order__buyer",
    erasure=Erasure.BLANKED,
    kept=BOOKS,
    identifies="body",
    about="received_at",
    plain="id company event_id kind payment result",
)
describe(
    "orders.Coupon",
    plain="id code description percent_basis_points amount_minor currency minimum_minor most_uses"
    " most_uses_per_person used funded_by brand valid_from valid_until is_active",
)
describe(
    "orders.CouponUse",
    whose="person",
    erasure=Erasure.KEPT,
    kept=BOOKS,
    key="person",
    about="coupon used_at",
    plain="id order ordinal amount_minor currency released_at",
)
describe("orders.RulesEdition", plain="id edition")
describe(
    "orders.ShippingRate",
    plain="id merchant country is_cross_border currency fee_minor free_from_minor days_least"
    " days_most",
)
describe("orders.DutyRate", plain="id country category_slug basis_points source citation")
describe(
    "orders.LedgerAccount",
    erasure=Erasure.KEPT,
    kept=BOOKS,
    key="owner",
    plain="id kind currency population",
)
describe("orders.Batch", kept=BOOKS, plain="id kind population delivered_before at")
describe(
    "orders.Posting",
    kept=BOOKS,
    plain="id kind key entry_count order payment refund repayment batch reason at population",
)
describe("orders.Entry", kept=BOOKS, plain="id posting ordinal account amount_minor")
describe(
    "orders.CreatorShare",
    whose="person",
    erasure=Erasure.KEPT,
    kept=BOOKS,
    key="person",
    about="line weight_billionths",
    plain="id",
)
describe("orders.CommissionRate", plain="id charge category_slug basis_points evidence source")
describe("orders.LinkOut", plain="id product note_id url clicked_at population")
describe("orders.LinkOutReport", plain="id sample_share since_at until_at received_at")
describe(
    "orders.LinkOutConversion",
    plain="id report reported_click_id click quantity amount_minor currency converted_at",
)
describe(
    "orders.Return",
    whose="buyer",
    erasure=Erasure.BLANKED,
    kept=BOOKS,
    key="buyer",
    words="reason decision",
    about="state requested_at",
    plain="id order approved_at refused_at received_at refunded_at restock_refund write_off_refund",
)
describe(
    "orders.ReturnLine",
    plain="id of_return line quantity restocked_quantity written_off_quantity",
)
describe(
    "orders.ReturnStep",
    whose="of_return__buyer",
    erasure=Erasure.BLANKED,
    kept=BOOKS,
    key="actor",
    words="reason",
    about="at",
    plain="id of_return from_state to_state",
)


@erases
def forget_addresses(person: Leaving, at: datetime) -> None:
    """Forget where things were sent; what is on its way keeps its address until it has arrived."""
    forgetting.forget_addresses(buyer_id=person.person_id)
