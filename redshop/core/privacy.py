"""What the core holds about people."""

from redshop.core.data_map import Erasure, describe

describe(
    "core.Fact",
    kept="7 days after it is done (OUTBOX_RETENTION_DAYS)",
    plain="id kind key consumer payload created_at due_at attempts done_at set_aside_at error",
)
describe(
    "core.IdempotencyKey",
    whose="person_id",
    erasure=Erasure.DELETED,
    kept="a day",
    key="person_id",
    about="call created_at",
    identifies="body",
    plain="id key digest status content_type",
)
