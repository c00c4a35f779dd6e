"""What the catalogue holds about people: who works for a brand, who moved stock, who uploaded."""

from redshop.core.data_map import Erasure, describe

describe("catalog.ProductChange", plain="id product is_renamed")
describe(
    "catalog.Sku", plain="id product code options price_minor currency on_hand reserved is_active"
)
describe(
    "catalog.StockMovement",
    erasure=Erasure.KEPT,
    kept="for good: it is the account of the stock",
    key="by",
    plain="id sku kind on_hand reserved reference reason at",
)
describe(
    "catalog.Media",
    whose="owner",
    erasure=Erasure.BY_HAND,
    kept="as long as what shows it",
    key="owner",
    identifies="file renditions",
    about="created_at aigc manifest",
    plain="id kind width height fingerprint",
)
describe("catalog.Merchant", plain="id name country created_at")
describe("catalog.Brand", plain="id name story logo merchant created_at")
describe(
    "catalog.BrandMember",
    whose="user",
    erasure=Erasure.DELETED,
    kept="as long as the account",
    key="user",
    about="brand created_at",
    plain="id",
)
describe("catalog.Category", plain="id parent slug name")
describe(
    "catalog.Product",
    plain="id brand category name description external_url is_listed commission_bp popularity"
    " created_at",
)
describe("catalog.ProductMedia", plain="id product media position")
