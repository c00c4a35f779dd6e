"""Products whose words changed: who keeps them elsewhere, such as a search, reads them anew."""

import pgtrigger
from django.db import models

#: A change that comes while one waits takes its place, under a number that nobody has seen yet.
_TOLD = """
    INSERT INTO catalog_productchange AS kept (product_id, is_renamed)
    SELECT product.id, {is_renamed} FROM catalog_product AS product WHERE {which}
    ON CONFLICT (product_id) DO UPDATE
    SET id = excluded.id, is_renamed = kept.is_renamed OR excluded.is_renamed;
    RETURN NULL;
"""


class ProductChange(models.Model):
    """A product that was made, renamed or described anew since somebody last looked.

    Whoever has dealt with one deletes it by its ``id``: where the product changed meanwhile,
    nothing is deleted, since the change has another by then.
    """

    id = models.BigAutoField(primary_key=True)
    product = models.OneToOneField(
        "catalog.Product", on_delete=models.CASCADE, related_name="change"
    )
    is_renamed = models.BooleanField(
        db_default=False, help_text="Its name or its brand's: what others say of it changed too."
    )

    def __str__(self) -> str:
        return f"change of product {self.product_id}"


def of_product() -> list[pgtrigger.Trigger]:
    """Return the triggers that tell when a product's own words change."""
    return [
        _after(
            "product_made",
            pgtrigger.Insert,
            _TOLD.format(is_renamed="false", which="product.id = NEW.id"),
        ),
        _after(
            "product_changed",
            pgtrigger.UpdateOf("name", "brand_id", "description", "category_id"),  # type: ignore[no-untyped-call]
            _TOLD.format(
                is_renamed="(OLD.name, OLD.brand_id) <> (NEW.name, NEW.brand_id)",
                which="product.id = NEW.id",
            ),
            condition=pgtrigger.AnyChange("name", "brand", "description", "category"),
        ),
    ]


def of_name(name: str, column: str, *, is_renamed: bool) -> pgtrigger.Trigger:
    """Return the trigger that tells of all products whose ``column`` leads to what is renamed."""
    return _after(
        name,
        pgtrigger.UpdateOf("name"),  # type: ignore[no-untyped-call]
        _TOLD.format(is_renamed=is_renamed, which=f"product.{column} = NEW.id"),
        condition=pgtrigger.AnyChange("name"),
    )


def _after(
    name: str,
    operation: pgtrigger.Operation,
    func: str,
    condition: pgtrigger.Condition | None = None,
) -> pgtrigger.Trigger:
    return pgtrigger.Trigger(
        name=name, when=pgtrigger.After, operation=operation, func=func, condition=condition
    )
