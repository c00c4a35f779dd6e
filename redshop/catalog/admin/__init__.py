"""The catalogue in the admin: modelled by hand, except stock, which only moves by actions."""

from redshop.catalog.admin import products as products
from redshop.catalog.admin import stock as stock
from redshop.catalog.admin.base import thumbnail as thumbnail
