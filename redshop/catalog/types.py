"""What crosses the catalogue's boundaries."""

from dataclasses import dataclass
from typing import Final

#: The widths, in pixels, in which pictures are kept; the last is the largest that is served.
WIDTHS: Final = {"thumb": 320, "feed": 720, "full": 2_048}


@dataclass(frozen=True, slots=True)
class Size:
    """One form in which a picture or video is served; a video's measures may be unknown."""

    url: str
    width: int | None
    height: int | None


@dataclass(frozen=True, slots=True)
class Shelf:
    """A category with the categories inside it."""

    id: int
    slug: str
    name: str
    children: list["Shelf"]
