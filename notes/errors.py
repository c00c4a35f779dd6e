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
