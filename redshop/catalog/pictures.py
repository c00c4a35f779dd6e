"""Small pictures drawn by rule, for rows that nobody photographed."""

import io
import random
from typing import Final

from PIL import Image, ImageDraw

#: Pairs of a light and a dark tone that look well together.
PALETTES: Final = (
    ("#fde2e4", "#b5838d"),
    ("#e2ece9", "#52796f"),
    ("#fff1e6", "#d4a373"),
    ("#dfe7fd", "#5e6472"),
    ("#f0efeb", "#a44a3f"),
    ("#cddafd", "#6d6875"),
)


def draw(*, seed: str, width: int = 480, height: int = 640) -> bytes:
    """Return a JPEG of a few overlapping shapes on a gradient; the same for the same seed."""
    chance = random.Random(seed)  # noqa: S311 - a drawing, not a secret
    light, dark = chance.choice(PALETTES)
    shade = Image.linear_gradient("L").resize((width, height))
    picture = Image.composite(
        Image.new("RGB", (width, height), dark), Image.new("RGB", (width, height), light), shade
    )
    brush = ImageDraw.Draw(picture, "RGBA")
    for _ in range(5):
        across = chance.randint(width // 8, width // 2)
        left, top = chance.randint(-across // 2, width), chance.randint(-across // 2, height)
        tone = (*(chance.randint(120, 255) for _ in range(3)), chance.randint(60, 140))
        shape = chance.choice([brush.ellipse, brush.rectangle])
        shape((left, top, left + across, top + across), fill=tone)
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=80)
    return file.getvalue()
