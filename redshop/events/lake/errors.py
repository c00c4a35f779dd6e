"""Why a month does not go into the lake, or does not come out."""


class MonthNotReady(Exception):
    """This cannot be done with the month as it stands; nothing was changed."""


class LakeDiffers(Exception):
    """The lake does not hold what it should; the log keeps what it has."""
