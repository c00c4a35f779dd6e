"""Brands and what they sell: categories, products, SKUs, prices, stock, pictures."""

from redshop.catalog.models.changes import ProductChange as ProductChange
from redshop.catalog.models.products import NO_PRICE_LAST as NO_PRICE_LAST
from redshop.catalog.models.products import Brand as Brand
from redshop.catalog.models.products import BrandMember as BrandMember
from redshop.catalog.models.products import Category as Category
from redshop.catalog.models.products import Media as Media
from redshop.catalog.models.products import Merchant as Merchant
from redshop.catalog.models.products import Product as Product
from redshop.catalog.models.products import ProductMedia as ProductMedia
from redshop.catalog.models.products import ProductQuerySet as ProductQuerySet
from redshop.catalog.models.stock import Sku as Sku
from redshop.catalog.models.stock import SkuQuerySet as SkuQuerySet
from redshop.catalog.models.stock import StockMovement as StockMovement
