"""Numbers of a report as people read them."""

from django import template

register = template.Library()
NOTHING = "–"


@register.filter
def short(value: object) -> str:
    """Return a number in four digits, a dash for none."""
    if value is None or isinstance(value, bool) or not isinstance(value, (int, float)):
        return NOTHING if value is None else str(value)
    if abs(value) >= 1_000_000:
        return f"{value / 1e6:.4g} M"
    if abs(value) >= 1_000:
        return f"{value:,.0f}"
    return f"{value:.4g}"


@register.filter
def percent(value: float | None) -> str:
    """Return a share in percent."""
    return NOTHING if value is None else f"{100 * value:.1f} %"


@register.filter
def signed(value: float) -> str:
    """Return a number with its sign, in three digits or its thousands apart."""
    return f"{value:+,.0f}" if abs(value) >= 100 else f"{value:+.3g}"


@register.filter
def counted(value: int) -> str:
    """Return a whole number with its thousands apart."""
    return f"{value:,}"
