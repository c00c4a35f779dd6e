"""Small generated pictures: calm gradients with a few shapes, one family of colours a category."""

import io
from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from redshop.simulation.streams import stream

Colour = tuple[int, int, int]
#: Background from, background to, two accents, for each top category.
PALETTES: Final[dict[str, tuple[Colour, Colour, Colour, Colour]]] = {
    "beauty": ((252, 231, 231), (244, 190, 196), (214, 96, 118), (255, 248, 240)),
    "fashion": ((237, 228, 218), (203, 178, 160), (92, 67, 58), (196, 92, 66)),
    "home": ((233, 237, 228), (178, 193, 170), (86, 108, 86), (226, 184, 128)),
    "mother-and-baby": ((253, 242, 219), (248, 211, 170), (126, 176, 181), (238, 142, 122)),
    "food": ((255, 240, 214), (240, 186, 110), (158, 72, 40), (112, 140, 74)),
    "electronics": ((224, 231, 240), (160, 178, 204), (46, 62, 92), (118, 196, 190)),
}
WIDTH: Final = 480
HEIGHT: Final = 640
FACE: Final = 160
QUALITY: Final = 80


def draw_picture(*, top: str, number: int) -> bytes:
    """Return a JPEG of a category, 480 x 640 pixels, the same for the same number."""
    rng = stream(seed=number, purpose=f"picture:{top}")
    start, end, first, second = PALETTES[top]
    canvas = _gradient(start, end, WIDTH, HEIGHT, angle=rng.random() * np.pi)
    layer = Image.new("RGBA", canvas.size, (0, 0, 0, 0))
    pen = ImageDraw.Draw(layer)
    for colour, size in ((first, 0.42), (second, 0.28), (first, 0.12)):
        _shape(pen, rng, colour, size)
    shadow = layer.filter(ImageFilter.GaussianBlur(14))
    canvas.paste(shadow, (10, 18), _faint(shadow, 0.25))
    canvas.paste(layer, (0, 0), layer)
    return _jpeg(canvas)


def draw_face(*, number: int) -> bytes:
    """Return a JPEG to stand for a person: a head and shoulders of two colours."""
    rng = stream(seed=number, purpose="face")
    palettes = list(PALETTES.values())
    start, end, first, second = palettes[number % len(palettes)]
    canvas = _gradient(start, end, FACE, FACE, angle=rng.random() * np.pi)
    pen = ImageDraw.Draw(canvas)
    middle = FACE // 2
    pen.ellipse((middle - 62, 104, middle + 62, 230), fill=first)
    pen.ellipse((middle - 32, 36, middle + 32, 104), fill=second)
    return _jpeg(canvas)


def _gradient(start: Colour, end: Colour, width: int, height: int, *, angle: float) -> Image.Image:
    y, x = np.mgrid[0:height, 0:width]
    along = np.cos(angle) * x / width + np.sin(angle) * y / height
    share = ((along - along.min()) / np.ptp(along))[..., None]
    pixels = np.array(start) * (1 - share) + np.array(end) * share
    return Image.fromarray(pixels.astype(np.uint8), "RGB")


def _shape(pen: ImageDraw.ImageDraw, rng: np.random.Generator, colour: Colour, size: float) -> None:
    """Draw a disc, an arch or a rounded box somewhere near the middle."""
    reach = size * WIDTH * (0.8 + 0.4 * rng.random())
    x = WIDTH * (0.3 + 0.4 * rng.random())
    y = HEIGHT * (0.3 + 0.4 * rng.random())
    box = (x - reach / 2, y - reach / 2, x + reach / 2, y + reach / 2)
    fill = (*colour, 225)
    match int(rng.integers(3)):
        case 0:
            pen.ellipse(box, fill=fill)
        case 1:
            pen.pieslice((box[0], box[1], box[2], box[3] + reach), 180, 360, fill=fill)
        case _:
            pen.rounded_rectangle(box, radius=reach * 0.18, fill=fill)


def _faint(layer: Image.Image, opacity: float) -> Image.Image:
    return layer.getchannel("A").point(lambda alpha: int(alpha * opacity))


def _jpeg(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, "JPEG", quality=QUALITY)
    return buffer.getvalue()
