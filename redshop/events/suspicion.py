"""Who reports like a machine: marked, never dropped, and left out of what is counted.

A mark is a judgement that can be wrong, so the row stays, with what was judged. The rules are data;
they err on the side of people. The first two are judged as an event arrives, the others later, when
more of the kind are there (``services.suspecting``).
"""

import re
from datetime import datetime
from typing import Final

from django.db import models


class Suspicion(models.TextChoices):
    """Why an event is not counted as a person's."""

    NONE = "", "none"
    BOT = "bot", "a bot by its own name"
    FLOOD = "flood", "faster than a person"
    BURST = "burst", "one of a burst of new accounts"
    RING = "ring", "of a ring that likes the same notes"


#: What machines call themselves (Cubot is a maker of telephones): crawlers by convention (RFC 9309,
#: Google's and Bing's lists of their own agents), browsers that nobody looks at. Libraries that
#: make requests (okhttp, axios, python-requests …) are in honest apps and partners' servers too, so
#: their names say nothing.
_BOTS: Final = re.compile(
    r"\bbot\b|(?<!cu)bot[/;)-]|crawl|spider|slurp|mediapartners|facebookexternalhit|bingpreview"
    r"|headlesschrome|phantomjs|lighthouse|pingdom|uptimerobot|scrapy|archive\.org",
    re.IGNORECASE,
)
#: So many events of one minute of a sender's own time are a person's at most: twenty a second,
#: while people scroll past two or three notes in one (and some 300 in a day, by the platform's
#: own figures). Time is when it happened, so a phone that was offline may send a day at once.
MOST_A_MINUTE: Final = 1_200


#: What is found out later, and may be marked then.
LATER: Final = (Suspicion.BURST, Suspicion.RING)


def is_bot(agent: str) -> bool:
    """Tell whether a User-Agent is a machine's by its own account; none at all says nothing."""
    return _BOTS.search(agent) is not None


def minute_of(moment: datetime) -> int:
    """Return the whole minutes since 1970."""
    return int(moment.timestamp() // 60)
