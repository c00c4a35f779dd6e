"""What notes and discovery hold about people, and how they let go of them."""

from datetime import datetime

from notes.services import forgetting
from redshop.core.data_map import Erasure, Leaving, describe, erases

ACCOUNT = "as long as the account"
FOR_THE_RECORD = "for good: it accounts for what was decided"
COUNTED = "as long as the note: its counters rest on it"

describe("notes.IndexedText", plain="id kind subject_id terms impacts")
describe("notes.PostingBlock", plain="id kind term size texts impacts")
describe("notes.SearchIndex", plain="kind documents folded_at words_version")
describe("notes.Word", plain="text documents")
describe(
    "notes.NeighbourRun",
    plain="id learned_at people notes visits gain gain_of_popularity is_used",
)
describe("notes.NoteNeighbours", plain="note_id neighbour_ids weights")
describe("notes.Topic", plain="id slug name")
describe(
    "notes.Note",
    whose="author",
    erasure=Erasure.BY_HAND,
    kept="as long as the account; its row for good, since credits name it",
    key="author",
    words="title body",
    about="type brand origin earns_commission is_sponsored disclosure ai_use"
    " has_verified_purchase state created_at published_at",
    plain="id population",
)
describe("notes.NoteCounts", plain="note likes saves comments shares follows")
describe("notes.NoteMedia", plain="id note media position")
describe("notes.ProductTag", plain="id note product valid_from valid_until")
for _reaction, _more in (("Like", " is_suspect"), ("Save", ""), ("Share", ""), ("FollowFrom", "")):
    describe(
        f"notes.{_reaction}",
        whose="person",
        erasure=Erasure.KEPT,
        kept=COUNTED,
        key="person",
        about=f"note created_at{_more}",
        plain="id",
    )
describe(
    "notes.Hide",
    whose="person",
    erasure=Erasure.DELETED,
    kept=ACCOUNT,
    key="person",
    about="note created_at",
    plain="id",
)
describe(
    "notes.Comment",
    whose="author",
    erasure=Erasure.BY_HAND,
    kept=ACCOUNT,
    key="author",
    words="body",
    about="note reply_to created_at deleted_at",
    plain="id",
)
describe(
    "notes.CommentLike",
    whose="person",
    erasure=Erasure.DELETED,
    kept=ACCOUNT,
    key="person",
    about="comment created_at",
    plain="id",
)
describe(
    "notes.ProofOfPurchase",
    whose="person",
    erasure=Erasure.DELETED,
    kept=ACCOUNT,
    key="person",
    about="product delivered_at withdrawn_at",
    plain="id",
)
describe(
    "notes.FeedSnapshot",
    whose="person_id",
    device="visitor_id",
    erasure=Erasure.BY_HAND,
    kept="30 days",
    key="person_id",
    identifies="visitor_id",
    words="query",
    about="surface is_personalised ledger created_at",
    plain="request_id policy matrix",
)
describe("notes.Synonym", plain="id words is_active note created_at")
describe(
    "notes.PastSearch",
    whose="person_id",
    erasure=Erasure.DELETED,
    kept="90 days, or until deleted",
    key="person_id",
    words="query corrected_query",
    about="source results searched_at",
    plain="id",
)
describe("notes.TrendingList", plain="id computed_at definition entries too_few_people")
describe(
    "notes.RankingPolicy",
    plain="id name version since words numbers depth is_default created_at",
)
describe("notes.LearnedModel", plain="id learned_at impressions held_out heads judged is_used")
describe("notes.Chart", plain="id topic note_ids people computed_at")
describe("notes.PreparedPool", plain="id prepared_at content")
describe(
    "notes.ExposureGrant",
    plain="id note_id stage granted is_small_creator granted_at impressions opens usual_rate"
    " outcome reason decided_at",
)
describe(
    "notes.LargeCreator",
    erasure=Erasure.KEPT,
    kept="an hour",
    key="author_id",
    about="followers",
    plain="counted_at",
)
describe("notes.TextEncoder", plain="id kind fitted_at texts fitted")
describe("notes.NoteVector", plain="note_id encoder vector")
describe("notes.Alternative", plain="note group epoch propensity since")
describe("notes.NoteLikeness", plain="note signature bands pictures picture_bands")
describe("notes.BlockedPicture", plain="id fingerprint why blocked_at")
describe(
    "notes.Case",
    whose="note__author",
    erasure=Erasure.BLANKED,
    kept=FOR_THE_RECORD,
    words="findings",
    key="taken_by",
    about="kind opened_at",
    plain="id note due_at taken_until closed_at",
)
describe(
    "notes.Report",
    whose="reporter",
    erasure=Erasure.BLANKED,
    kept=FOR_THE_RECORD,
    words="detail",
    key="reporter",
    about="note reason created_at",
    plain="id case",
)
describe(
    "notes.Decision",
    whose="author",
    erasure=Erasure.BLANKED,
    kept=FOR_THE_RECORD,
    words="grounds",
    key="author decided_by",
    about="note action rule decided_at",
    plain="id case rule_version",
)
describe(
    "notes.Appeal",
    whose="decision__author",
    erasure=Erasure.BLANKED,
    kept=FOR_THE_RECORD,
    words="reason",
    about="created_at",
    plain="id decision case outcome",
)
describe("notes.BrandViolation", plain="id brand decision points at withdrawn_at")
describe("notes.BrandStanding", plain="brand points counted_at")
describe(
    "notes.AuditEntry",
    erasure=Erasure.KEPT,
    kept=FOR_THE_RECORD,
    key="actor",
    plain="id at action subject details",
)


@erases
def take_words_back(person: Leaving, at: datetime) -> None:
    """Delete what the person wrote, showed and was shown."""
    forgetting.forget(person_id=person.person_id, visitor_ids=list(person.visitor_ids), at=at)
