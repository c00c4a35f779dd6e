"""What a newcomer finds in the studio: an insight of the population, and drafts that wait.

Nothing is published: that is for a person to do.
"""

from datetime import datetime

from redshop.catalog.models import BrandMember, Product
from redshop.core.populations import Population
from redshop.studio.models import Brief
from redshop.studio.selectors.insights import usual_scope
from redshop.studio.services import briefs, drafting, learning
from redshop.studio.types import Language, Segment
from redshop.studio.writers.base import GRAMMAR


def open_first_brief(*, at: datetime) -> Brief | None:
    """Compute what moved the simulated population, open a brief for its most bought product, and
    have it written by the offline writer; None where there is no such product."""
    learning.compute_insight(usual_scope(population=Population.SIMULATED, at=at), at=at)
    product = (
        Product.objects.filter(
            is_listed=True, brand__members__user__population=Population.SIMULATED
        )
        .order_by("-popularity", "pk")
        .first()
    )
    if product is None:
        return None
    author = (
        BrandMember.objects.filter(brand=product.brand_id, user__population=Population.SIMULATED)
        .order_by("pk")
        .values_list("user", flat=True)[0]
    )
    brief = briefs.open_brief(
        product_id=product.pk,
        author_id=author,
        opened_by_id=author,
        at=at,
        language=Language.EN,
        segments=[Segment.EVERYBODY.value, Segment.THRIFTY.value],
    )
    briefs.ask(brief_id=brief.pk, writer=GRAMMAR, asked_by_id=author, at=at)
    drafting.write_next(at=at)
    return brief
