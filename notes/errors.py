"""What notes refuse."""

from redshop.core.errors import DomainError


class DisclosureRequired(DomainError):
    """A note that earns, is paid for or speaks for a brand must say so before it is published."""

    code = "disclosure_required"
    status = 422


class AiLabelRequired(DomainError):
    """What was published as made or helped by AI keeps that label."""

    code = "ai_label_required"
    status = 422


class NoteStateForbids(DomainError):
    """The note's present state does not allow this."""

    code = "note_state"
    status = 409


class NotABrandMember(DomainError):
    """Only people who work for a brand may write in its name."""

    code = "not_a_brand_member"
    status = 403


class FeedExpired(DomainError):
    """This feed is no longer kept; ask for a new one."""

    code = "feed_expired"
    status = 410


class NothingToGoBy(DomainError):
    """There is too little in the log to say anything."""

    code = "nothing_to_go_by"
    status = 409


class ContentRefused(DomainError):
    """A rule does not let this be published as it is; rule, says and remedy tell why and how."""

    code = "content_refused"
    status = 422


class BrandSuspended(DomainError):
    """Notes of this brand were taken down so often that it can publish nothing for now."""

    code = "brand_suspended"
    status = 403


class AlreadyReported(DomainError):
    """You have reported this note; somebody will look at it."""

    code = "already_reported"
    status = 409


class CaseTaken(DomainError):
    """Somebody else is looking at this case."""

    code = "case_taken"
    status = 409


class CaseClosed(DomainError):
    """This case was decided."""

    code = "case_closed"
    status = 409


class DecidesAboutOneself(DomainError):
    """Nobody decides about a note of their own, or about an appeal against their own decision."""

    code = "decides_about_oneself"
    status = 403


class NotAppealable(DomainError):
    """Only the last decision that took something from you can be appealed, within half a year."""

    code = "not_appealable"
    status = 409


class AlreadyAppealed(DomainError):
    """You have appealed this decision."""

    code = "already_appealed"
    status = 409
