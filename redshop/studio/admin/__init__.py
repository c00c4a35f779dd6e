"""The studio in the admin: briefs, drafts, trials, what was learned."""

from redshop.studio.admin import briefs, drafts, insights, trials

__all__ = ["briefs", "drafts", "insights", "trials"]
