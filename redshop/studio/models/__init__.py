"""What the studio keeps: briefs, what was written for them, trials, manifests, insights."""

from redshop.studio.models.briefs import Brief, Draft, Revision, WritingJob
from redshop.studio.models.records import InsightReport, Manifest
from redshop.studio.models.trials import Allocation, Trial

__all__ = [
    "Allocation",
    "Brief",
    "Draft",
    "InsightReport",
    "Manifest",
    "Revision",
    "Trial",
    "WritingJob",
]
