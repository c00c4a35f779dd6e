"""What the studio holds about people: who opened, edited and approved, by their numbers.

A brief names an audience and never a person; what is written for a brand is the brand's.
"""

from redshop.core.data_map import Erasure, describe

BRANDS_OWN = "as long as the brand: its record of who let out what"

describe(
    "studio.Brief",
    whose="opened_by author",
    erasure=Erasure.KEPT,
    kept=BRANDS_OWN,
    key="opened_by author",
    plain="id brand product language audience segments tone claims variants lessons opened_at",
)
describe(
    "studio.WritingJob",
    whose="asked_by",
    erasure=Erasure.KEPT,
    kept=BRANDS_OWN,
    key="asked_by",
    plain="id brief writer model prompt prompt_hash state attempts input_tokens output_tokens"
    " failure asked_at due_at ended_at",
)
describe(
    "studio.Draft",
    whose="approved_by",
    erasure=Erasure.KEPT,
    kept=BRANDS_OWN,
    key="approved_by",
    plain="id brief job segment title body attributes objections state approved_at note"
    " published_at written_at",
)
describe(
    "studio.Revision",
    whose="editor",
    erasure=Erasure.KEPT,
    kept=BRANDS_OWN,
    key="editor",
    plain="id draft number title body at",
)
describe(
    "studio.Trial",
    whose="started_by",
    erasure=Erasure.KEPT,
    kept=BRANDS_OWN,
    key="started_by",
    plain="id brief reward epoch_hours epoch epoch_began_at started_at stopped_at",
)
describe(
    "studio.Allocation",
    plain="id trial draft epoch propensity alpha beta since until people successes is_final",
)
describe(
    "studio.InsightReport",
    plain="id population since until version notes document computed_at",
)
describe("studio.Manifest", plain="note document seal made_at")
