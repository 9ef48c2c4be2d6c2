"""Make the images of bar codes and QR codes which the tests read.

    python tests/data/make_codes.py [DIRECTORY]

Every image comes from fixed numbers, so a second run gives the same bytes (with the same versions
of Pillow, zxing-cpp and qrcode). Only images which zxing-cpp reads every time belong here, and
`unreadable.png`, which nobody can read.
"""

import random
import sys
from pathlib import Path

import qrcode
import zxingcpp
from PIL import Image, ImageFilter

EAN = "4901234567894"
LONG = "https://pay.example/checkout?shop=0042&register=07&amount=1280&currency=JPY&order=A-1001"


def ean13() -> Image.Image:
    """Return the EAN-13 of a package of biscuits, 3 pixels a module."""
    barcode = zxingcpp.create_barcode(EAN, zxingcpp.BarcodeFormat.EAN13)
    return Image.fromarray(barcode.to_image(scale=3)).convert("L")


def qr(text: str, module_px: int = 5) -> Image.Image:
    """Return a QR code of version and mask fixed by the text, with the standard margin."""
    code = qrcode.QRCode(
        error_correction=qrcode.ERROR_CORRECT_M, box_size=module_px, border=4, mask_pattern=3
    )
    code.add_data(text)
    code.make(fit=True)
    return code.make_image().get_image().convert("L")


def on_paper(image: Image.Image, margin_px: int = 40) -> Image.Image:
    """Put white paper round an image."""
    width, height = image.size
    paper = Image.new("L", (width + 2 * margin_px, height + 2 * margin_px), 255)
    paper.paste(image, (margin_px, margin_px))
    return paper


def rotated(image: Image.Image, degrees: float) -> Image.Image:
    """Turn an image counterclockwise on white paper."""
    return image.rotate(degrees, Image.Resampling.BICUBIC, expand=True, fillcolor=255)


def noisy(image: Image.Image, share: float, seed: int) -> Image.Image:
    """Blend an image with white noise, as a cheap camera does in the evening."""
    width, height = image.size
    pixels = random.Random(seed).randbytes(width * height)  # noqa: S311 - noise, not a secret
    grain = Image.frombytes("L", image.size, pixels)
    return Image.blend(image, grain, share)


def levels(image: Image.Image, black: int, white: int) -> Image.Image:
    """Map black and white to two other gray levels, 0 to 255."""
    return image.point([black + (white - black) * level // 255 for level in range(256)])


def leaning(image: Image.Image) -> Image.Image:
    """Show an image as a camera sees it from the side: sheared, and narrower at the top."""
    return on_paper(image).transform(
        on_paper(image).size,
        Image.Transform.PERSPECTIVE,
        (1.08, 0.12, -22.0, 0.02, 1.05, -8.0, 0.0001, 0.0003),
        Image.Resampling.BICUBIC,
        fillcolor=255,
    )


def images() -> dict[str, Image.Image]:
    """Return every image by the name of its file."""
    blank = Image.new("L", (160, 120), 255)
    return {
        "ean13_plain": ean13(),
        "ean13_rotated_15": rotated(on_paper(ean13()), 15),
        "ean13_rotated_90": rotated(ean13(), 90),
        "ean13_blurred": ean13().filter(ImageFilter.GaussianBlur(1.0)),
        "ean13_noisy": noisy(ean13(), share=0.3, seed=13),
        "ean13_low_contrast": levels(ean13(), black=110, white=150),
        "qr_plain": qr(EAN),
        "qr_rotated_15": rotated(on_paper(qr(EAN)), 15),
        "qr_blurred": qr(EAN).filter(ImageFilter.GaussianBlur(1.8)),
        "qr_dark": levels(qr(EAN), black=4, white=40),
        "qr_leaning": leaning(qr(EAN)),
        "qr_small": qr(EAN, module_px=2),
        "qr_long": qr(LONG, module_px=4),
        "qr_long_noisy": noisy(qr(LONG, module_px=4), share=0.3, seed=7),
        "unreadable": noisy(blank, share=0.6, seed=1),
    }


def main() -> None:
    """Write the images into a directory."""
    directory = Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).parent / "codes"
    directory.mkdir(parents=True, exist_ok=True)
    for name, image in images().items():
        image.save(directory / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
