"""What accounts refuse."""

from redshop.core.errors import DomainError, NotFound


class HandleTaken(DomainError):
    """Somebody has this handle already."""

    code = "handle_taken"
    status = 409


class EmailTaken(DomainError):
    """There is an account with this e-mail address already."""

    code = "email_taken"
    status = 409


class WrongCredentials(DomainError):
    """The login or the password is wrong."""

    code = "wrong_credentials"
    status = 401


class WrongPassword(DomainError):
    """The current password is wrong."""

    code = "wrong_password"


class LinkNotValid(DomainError):
    """This link is not valid, was used before or is too old."""

    code = "link_not_valid"


class ExportNotFound(NotFound):
    """There is no such export, or it is past its days."""


class ExportNotReady(DomainError):
    """It is still being gathered."""

    code = "in_progress"
    status = 409
    retry_after = 5


class CodeWrong(DomainError):
    """The code is not right, or too many wrong ones came before: wait a little."""

    code = "code_wrong"
    status = 403


class PersonNotFound(NotFound):
    """There is no such person here."""


class SessionNotFound(NotFound):
    """There is no such session."""


class CannotRelateToSelf(DomainError):
    """Nobody can follow or block themselves."""

    code = "cannot_relate_to_self"


class AvatarTooLarge(DomainError):
    """An avatar may have at most 5 MB."""

    code = "too_large"
    status = 413


class AvatarUnreadable(DomainError):
    """An avatar is a whole JPEG, PNG or WebP picture of at most 40 megapixels; this is none."""

    code = "media_unreadable"
