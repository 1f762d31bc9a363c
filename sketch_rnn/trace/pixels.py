"""Read files of pixels: pictures in any common format, and the pages of a PDF.

Files are not trusted: the size is checked before pixels are decoded, and a file that a decoder
cannot read is a `UserError`.
"""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageOps

from sketch_rnn.errors import UserError

PICTURE_SUFFIXES = (
    ".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".gif", ".bmp", ".heic", ".heif",
)  # fmt: skip
PDF_SUFFIXES = (".pdf",)
MAX_PIXELS = 50_000_000  # pixels in a picture before it is scaled down
MAX_SIDE = 1600  # longer side in pixels to which pictures are scaled down
MIN_SIDE = 16  # shorter side in pixels of the smallest picture that is read
MAX_PAGES = 500
SHARP = 300  # the most pixels per inch at which a page of a PDF is rendered
_FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "GIF", "BMP", "HEIF")


@dataclass(frozen=True)
class Picture:
    """A picture, ready to be traced.

    Attributes:
      pixels: the picture, `[H, W, 3]` uint8.
      scale: the size of `pixels`, divided by the size of the picture in the file.
    """

    pixels: np.ndarray
    scale: float = 1.0


def pictures(content: bytes, is_pdf: bool = False) -> Iterator[Picture]:
    """Yield the pictures in a file: the pages of a PDF or TIFF, or else one picture.

    Raises:
      UserError: the file is damaged, or a picture is too large or too small.
    """
    with _decoding():
        yield from _pages_of_pdf(content) if is_pdf else _frames(content)


@contextmanager
def _decoding() -> Iterator[None]:
    """Turn whatever a decoder raises for an unreadable file into a `UserError`."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except UserError:
        raise
    except Image.DecompressionBombError:
        raise UserError(_too_large()) from None
    except Exception as error:  # no list of the errors that decoders raise would be complete
        raise UserError(f"damaged, or not a readable picture ({error or 'decoder'})") from None


def _too_large() -> str:
    return f"expected at most {MAX_PIXELS // 1_000_000} million pixels; scale it down"


def _frames(content: bytes) -> Iterator[Picture]:
    _register_heif()
    with Image.open(io.BytesIO(content), formats=_FORMATS) as image:
        pages = getattr(image, "n_frames", 1) if image.format == "TIFF" else 1
        for page in range(min(pages, MAX_PAGES)):
            if page:
                image.seek(page)
            yield _picture(image)


def _register_heif() -> None:
    from pi_heif import register_heif_opener

    register_heif_opener(thumbnails=False)


def _picture(image: Image.Image) -> Picture:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise UserError(f"{_too_large()} (it has {width} x {height})")
    if min(width, height) < MIN_SIDE:
        raise UserError(f"expected at least {MIN_SIDE} pixels per side, got {width} x {height}")
    share = min(1.0, MAX_SIDE / max(width, height))
    image.draft("RGB", (int(width * share), int(height * share)))
    small = _scaled(_on_ground(_eight_bits(image)), share, (width, height))
    upright = ImageOps.exif_transpose(small)
    return Picture(np.asarray(upright), share)


def _scaled(image: Image.Image, share: float, size: tuple[int, int]) -> Image.Image:
    wanted = (max(round(size[0] * share), 1), max(round(size[1] * share), 1))
    if image.size == wanted:
        return image
    exif = image.getexif()
    scaled = image.resize(wanted, Image.Resampling.BOX, reducing_gap=2.0)
    scaled.getexif().update(exif)
    return scaled


def _eight_bits(image: Image.Image) -> Image.Image:
    """Convert a picture to 8 bits per channel; its mode is then L, RGB or RGBA."""
    if image.mode.startswith(("I", "F")):
        values = np.asarray(image, np.float32)
        values = np.nan_to_num(values)
        most = 65535.0 if values.max() > 255 and image.mode.startswith("I") else values.max()
        eight = np.clip(values * (255 / max(float(most), 1e-9)), 0, 255).astype(np.uint8)
        return _keeping_exif(Image.fromarray(eight), image)
    if "transparency" in image.info or image.mode in ("PA", "LA", "La", "RGBa"):
        return _keeping_exif(image.convert("RGBA"), image)
    if image.mode in ("L", "RGB", "RGBA"):
        return image
    return _keeping_exif(image.convert("L" if image.mode == "1" else "RGB"), image)


def _keeping_exif(image: Image.Image, source: Image.Image) -> Image.Image:
    image.getexif().update(source.getexif())
    return image


def _on_ground(image: Image.Image) -> Image.Image:
    """Convert to RGB; a transparent picture gets a white page, or a black one if it is bright."""
    if image.mode != "RGBA":
        return _keeping_exif(image.convert("RGB"), image)
    pixels = np.asarray(image)
    seen = pixels[..., 3] > 127
    bright = bool(seen.any()) and float(pixels[..., :3][seen].mean()) > 160
    ground = Image.new("RGBA", image.size, "black" if bright and not seen.all() else "white")
    return _keeping_exif(Image.alpha_composite(ground, image).convert("RGB"), image)


def _pages_of_pdf(content: bytes) -> Iterator[Picture]:
    import pypdfium2

    document = pypdfium2.PdfDocument(content)
    try:
        if len(document) > MAX_PAGES:
            raise UserError(f"expected at most {MAX_PAGES} pages, got {len(document)}")
        for page in document:
            scale = min(MAX_SIDE / max(*page.get_size(), 1.0), SHARP / 72)
            image = page.render(scale=scale, may_draw_forms=False).to_pil()
            yield Picture(np.asarray(image.convert("RGB")), scale)
            page.close()
    finally:
        document.close()
