"""Pictures of QR codes: an image to show or save, or half blocks for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from paybench.hil.errors import CodeError

if TYPE_CHECKING:
    from PIL.Image import Image

MARGIN_MODULES = 4
"""The light margin ISO/IEC 18004 demands on each side."""

_HALVES = {(0, 0): " ", (1, 0): "▀", (0, 1): "▄", (1, 1): "█"}
_BLACK_ON_WHITE, _AS_BEFORE = "\x1b[30;107m", "\x1b[0m"


def qr_picture(text: str, module_px: int = 8) -> Image:
    """The QR code of a text, black on white in 8-bit gray, with its margin.

    Args:
        text: What it says, in UTF-8; error correction level M.
        module_px: Side of a module in pixels.

    Raises:
        CodeError: The text is empty, no Unicode, or too long for a QR code.
    """
    import zxingcpp
    from PIL import Image, ImageOps

    create = cast("Any", zxingcpp).create_barcode  # its hints leave the keywords open
    try:
        text.encode()  # zxing-cpp fails otherwise on what is no Unicode
        # Without its ECI, UTF-8 is told from Latin-1 and Shift JIS by guessing.
        charset = {} if text.isascii() else {"eci": "UTF-8"}
        code = create(text, zxingcpp.BarcodeFormat.QRCode, ec_level="M", **charset)
        modules = Image.fromarray(code.to_image(scale=1, add_quiet_zones=False)).convert("L")
    except ValueError as error:  # Unicode errors are ValueErrors
        raise CodeError(
            f"a text of {len(text)} characters cannot be a QR code: it takes 1 to 2331 bytes "
            f"({error})"
        ) from error
    framed = ImageOps.expand(modules, MARGIN_MODULES, fill=255)
    side_px = framed.width * module_px
    return framed.resize((side_px, side_px), Image.Resampling.NEAREST)


def half_blocks(text: str, *, colour: bool) -> str:
    """The QR code of a text for a terminal, two modules above each other in a character.

    Args:
        text: What it says.
        colour: Whether to set black on white; without, a block is a dark module.

    Raises:
        CodeError: The text is empty, no Unicode, or too long for a QR code.
    """
    picture = qr_picture(text, module_px=1)
    side, pixels = picture.width, picture.tobytes()
    dark = [[int(level < 128) for level in pixels[y * side :][:side]] for y in range(side)]  # noqa: PLR2004 - half of 256
    dark += [[0] * side] if side % 2 else []
    lines = [
        "".join(_HALVES[pair] for pair in zip(upper, lower, strict=True))
        for upper, lower in zip(dark[::2], dark[1::2], strict=True)
    ]
    if colour:
        lines = [f"{_BLACK_ON_WHITE}{line}{_AS_BEFORE}" for line in lines]
    return "\n".join(lines) + "\n"
