import hashlib
import struct
import subprocess
import sys
import zlib
from contextlib import suppress
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import qrcode
import zxingcpp
from PIL import Image, ImageChops, ImageFilter

from paybench.hil import codes
from paybench.hil.codes import Code, read_codes
from paybench.hil.errors import CodeError, CodeUnreadable, DecoderMissing
from paybench.hil.patches import patches

DATA = Path(__file__).parents[1] / "data"
CODES = DATA / "codes"
EAN = Code("4901234567894", "EAN-13")
QR = Code("4901234567894", "QR")
LONG = Code(
    "https://pay.example/checkout?shop=0042&register=07&amount=1280&currency=JPY&order=A-1001", "QR"
)
IMAGES = {
    "ean13_plain": EAN,
    "ean13_rotated_15": EAN,
    "ean13_rotated_90": EAN,
    "ean13_blurred": EAN,
    "ean13_noisy": EAN,
    "ean13_low_contrast": EAN,
    "qr_plain": QR,
    "qr_rotated_15": QR,
    "qr_blurred": QR,
    "qr_dark": QR,
    "qr_leaning": QR,
    "qr_small": QR,
    "qr_long": LONG,
    "qr_long_noisy": LONG,
}


def zbar_is_missing():
    try:
        import pyzbar.pyzbar  # noqa: F401
    except ImportError:
        return True
    return False


@pytest.mark.parametrize(("name", "code"), IMAGES.items())
def test_images(name, code):
    """Each image, however badly it was taken, gives its one code."""
    assert read_codes(CODES / f"{name}.png") == [code]


@pytest.mark.skipif(
    zbar_is_missing(),
    reason="pyzbar finds no libzbar: apt-get install --no-install-recommends libzbar0",
)
@pytest.mark.parametrize("name", ["ean13_plain", "ean13_rotated_90", "qr_plain", "qr_long"])
def test_zbar_agrees(name):
    """The other decoder reads the clean images alike, under the same symbology names."""
    assert read_codes(CODES / f"{name}.png", "zbar") == [IMAGES[name]]


def test_images_can_be_made_again(tmp_path):
    """Two runs of the maker give the same bytes, and images with the payloads of the table."""
    for run in ("one", "two"):
        subprocess.run([sys.executable, DATA / "make_codes.py", tmp_path / run], check=True)
    made = {path.stem: path for path in (tmp_path / "one").iterdir()}

    assert made.keys() == {*IMAGES, "unreadable"} == {path.stem for path in CODES.iterdir()}
    for name, path in made.items():
        assert digest(path) == digest(tmp_path / "two" / path.name)
        if name in IMAGES:
            assert read_codes(path) == [IMAGES[name]]


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_an_image_in_memory():
    """An image need not come from a file."""
    with Image.open(CODES / "qr_plain.png") as image:
        assert read_codes(image) == [QR]


def test_two_codes_in_one_image():
    """Every code in an image is returned."""
    paper = Image.new("L", (400, 500), 255)
    for name, top in (("ean13_plain", 20), ("qr_plain", 240)):
        with Image.open(CODES / f"{name}.png") as image:
            paper.paste(image, (20, top))

    assert sorted(read_codes(paper), key=lambda code: code.symbology) == [EAN, QR]


def test_a_transparent_image_lies_on_white_paper():
    """Black modules on a transparent ground, whose hidden colour is black too, are read."""
    with Image.open(CODES / "qr_plain.png") as image:
        dark = image.convert("L").point([255 - level for level in range(256)])
    black = Image.new("L", dark.size, 0)

    assert read_codes(Image.merge("RGBA", (black, black, black, dark))) == [QR]


def test_no_code():
    """An image without a code is an error which says how large it is and what to look for."""
    with pytest.raises(
        CodeUnreadable, match=r"zxing.* found no code in .*unreadable\.png \(160 x 120"
    ):
        read_codes(CODES / "unreadable.png")


def test_missing_file():
    """A missing file is named, with the directory in which it was looked for."""
    with pytest.raises(CodeUnreadable, match=r"nowhere\.png: no such file \(looked in /"):
        read_codes(Path("nowhere.png"))


def test_no_image(tmp_path):
    """A file which is no image is an error of this package, not of Pillow."""
    (tmp_path / "list.png").write_text("bread, milk")
    with pytest.raises(CodeUnreadable, match="not an image which Pillow knows"):
        read_codes(tmp_path / "list.png")
    with pytest.raises(CodeUnreadable, match=r"cannot be read: .*directory"):
        read_codes(tmp_path)


def test_damaged_image(tmp_path):
    """A file which breaks off in the middle is an error that says so."""
    whole = (CODES / "qr_plain.png").read_bytes()
    (tmp_path / "half.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CodeUnreadable, match=r"half\.png: the image cannot be read"):
        read_codes(tmp_path / "half.png")


@pytest.mark.parametrize("side_px", [10_000, 60_000])
def test_decompression_bomb(tmp_path, side_px):
    """A small file that claims to be a huge image is refused before its pixels are unpacked."""
    header = b"IHDR" + struct.pack(">IIBBBBB", side_px, side_px, 8, 0, 0, 0, 0)
    chunks = [header, b"IDAT" + zlib.compress(b"\0" * 100), b"IEND"]
    bomb = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
        for chunk in chunks
    )
    (tmp_path / "bomb.png").write_bytes(bomb)
    with pytest.raises(CodeUnreadable, match=r"bomb\.png: more than \d+ pixels"):
        read_codes(tmp_path / "bomb.png")


def test_huge_image_in_memory(monkeypatch):
    """The limit holds for an image which did not come from a file."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(CodeUnreadable, match="the image: more than 100 pixels"):
        read_codes(Image.new("L", (11, 10)))


def test_unknown_decoder():
    """A misspelt decoder is answered with the nearest one and with all there are."""
    with pytest.raises(
        DecoderMissing, match=r"did you mean 'zbar'\? There are: auto, zxing, wechat, zbar"
    ):
        read_codes(CODES / "qr_plain.png", "zbra")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ModuleNotFoundError("No module named 'pyzbar'"), r"pip install 'paybench\[zbar\]'"),
        (
            ImportError("Unable to find zbar shared library"),
            "apt-get install --no-install-recommends libzbar0",
        ),
    ],
)
def test_zbar_missing(monkeypatch, error, said):
    """Whichever half of zbar is missing, the command that adds this half is named."""

    def fail(_name):
        raise error

    monkeypatch.setattr("paybench.hil.codes.import_module", fail)
    with pytest.raises(DecoderMissing, match=said) as caught:
        read_codes(CODES / "qr_plain.png", "zbar")
    assert isinstance(caught.value, CodeError)


def test_wechat_reads_what_zxing_misses(tmp_path):
    """Where opencv-contrib is installed, a code that zxing-cpp cannot find is read all the same."""
    pytest.importorskip("cv2.wechat_qrcode")
    with Image.open(CODES / "qr_long.png") as image:
        blurred = image.convert("L").filter(ImageFilter.GaussianBlur(2.1))
    blurred.save(tmp_path / "blurred.png")
    with pytest.raises(CodeUnreadable, match="zxing found no code"):
        read_codes(tmp_path / "blurred.png", "zxing")
    assert read_codes(tmp_path / "blurred.png") == [LONG]
    assert read_codes(tmp_path / "blurred.png", "wechat") == [LONG]


def hard_pictures():
    """What zxing-cpp misses: bars aslant, light on dark, small ones, and a hand's shadow."""
    with Image.open(CODES / "ean13_plain.png") as image:
        plain = image.convert("L")
    paper = Image.new("L", (480, 480), 255)
    paper.paste(plain, ((480 - plain.width) // 2, (480 - plain.height) // 2))
    shadow = Image.new("L", (480, 480), 255)
    shadow.paste(70, (0, 0, 240, 480))
    return {
        "aslant": paper.rotate(45, Image.Resampling.BICUBIC, fillcolor=255),
        "inverted": ImageChops.invert(paper),
        "inverted and aslant": ImageChops.invert(
            paper.rotate(30, Image.Resampling.BICUBIC, fillcolor=255)
        ),
        "shadow": ImageChops.multiply(paper, shadow.filter(ImageFilter.BoxBlur(15))),
    }


@pytest.mark.parametrize("name", ["aslant", "inverted", "inverted and aslant", "shadow"])
def test_second_looks(name):
    """A bar code that zxing-cpp misses is read by `auto`, at once or by turns in a stream."""
    pytest.importorskip("cv2.wechat_qrcode")
    picture = hard_pictures()[name]
    assert codes.DECODERS["zxing"](picture) == []
    assert read_codes(picture) == [EAN]
    by_turns = codes.ByTurns()
    seen = [by_turns(picture) for _ in range(12)]
    assert seen[-3:] == [[EAN]] * 3  # the look that read it is kept
    assert codes.DECODERS["auto"](np.asarray(picture.convert("RGB"))) == [EAN]


def bars_on_a_desk(kind, text, margin=10):
    """A low bar code of two pixels a module, in the middle of a gray picture."""
    made = zxingcpp.create_barcode(text, getattr(zxingcpp.BarcodeFormat, kind))
    row = np.array(made.to_image(scale=1, add_hrt=False, add_quiet_zones=False))[5:6]
    row = np.pad(row, ((0, 0), (margin, margin)), constant_values=255)
    desk = np.full((400, 400), 190, np.uint8)
    desk[150:250, 200 - row.size : 200 + row.size] = np.repeat(row, 2, axis=1)
    return Image.fromarray(desk)


ASLANT = [
    ("ITF", Code("55113056564430", "ITF")),
    ("EAN13", Code("5743370994702", "EAN-13")),
    ("Code128", Code("PB-00420017", "Code 128")),
]


@pytest.mark.parametrize(("kind", "code"), ASLANT)
def test_every_angle(kind, code):
    """A bar code is read whole at every angle, dark on light and light on dark."""
    pytest.importorskip("cv2.wechat_qrcode")
    picture = bars_on_a_desk(kind, code.payload)
    for turn in range(0, 360, 25):
        aslant = picture.rotate(turn, Image.Resampling.BILINEAR, fillcolor=190)
        assert (turn, read_codes(aslant)) == (turn, [code])
        assert (turn, read_codes(ImageChops.invert(aslant))) == (turn, [code])


@pytest.mark.parametrize(("kind", "code"), ASLANT[:2])
def test_a_part_of_a_bar_code_is_none(monkeypatch, kind, code):
    """What zxing-cpp takes for a code and is a part of one is not believed, nor without OpenCV."""
    monkeypatch.setitem(sys.modules, "cv2", None)
    picture = bars_on_a_desk(kind, code.payload)
    parts = set()
    for turn in range(0, 360, 15):
        aslant = picture.rotate(turn, Image.Resampling.BILINEAR, fillcolor=190)
        parts |= {*codes.DECODERS["zxing"](aslant)} - {code}
        assert {*codes.DECODERS["auto"](aslant)} <= {code}
    assert parts


@pytest.mark.parametrize("light_on_dark", [False, True])
def test_a_bar_code_that_leaves_the_picture_is_none(light_on_dark):
    """Of a code without a check digit, what is in the picture is no code if its end is not."""
    pytest.importorskip("cv2.wechat_qrcode")
    picture = bars_on_a_desk("ITF", "12345678901231")
    if light_on_dark:
        picture = ImageChops.invert(picture)
    for left in range(80, 300, 9):
        rest = picture.crop((left, 0, 400, 400))
        assert codes.DECODERS["auto"](rest) == []
        assert codes.DECODERS["auto"](rest.rotate(180)) == []


def test_a_bar_code_without_its_margin():
    """Cropped to its bars, a code with a check digit is read; another may be a part of one."""
    pytest.importorskip("cv2.wechat_qrcode")
    for kind, code in ASLANT:
        picture = bars_on_a_desk(kind, code.payload, margin=0)
        bars = picture.crop(picture.point(lambda level: 255 * (level == 0)).getbbox())
        assert codes.DECODERS["auto"](bars) == ([] if kind == "ITF" else [code])


@pytest.mark.parametrize("seed", [49, 145])
def test_a_misread_micro_qr_code_is_none(seed):
    """A Micro QR code corrects hardly any error: what only one look reads is not believed."""
    pytest.importorskip("cv2.wechat_qrcode")
    made = zxingcpp.create_barcode("12345", zxingcpp.BarcodeFormat.MicroQRCode)
    paper = Image.new("L", (160, 160), 255)
    paper.paste(Image.fromarray(np.array(made.to_image(scale=3, add_quiet_zones=False))), (60, 60))
    chance = np.random.default_rng(seed)
    turned = paper.rotate(float(chance.uniform(0, 360)), Image.Resampling.BILINEAR, fillcolor=255)
    blurred = np.asarray(turned.filter(ImageFilter.GaussianBlur(1.0)), float)
    picture = np.clip(blurred + chance.normal(0, 20, blurred.shape), 0, 255).astype(np.uint8)

    assert [code.payload for code in codes.DECODERS["zxing"](picture)] not in ([], ["12345"])
    assert codes.DECODERS["auto"](picture) == []
    assert [code.payload for code in codes.DECODERS["auto"](paper)] == ["12345"]


def test_where_a_desk_is_smooth_nothing_is_looked_at_again():
    """Of a desk with a cup on it nothing is a busy patch; of one with a code, the code is."""
    pytest.importorskip("cv2.wechat_qrcode")
    desk = Image.linear_gradient("L").resize((640, 480))
    desk.paste(40, (100, 100, 220, 300))
    assert patches(np.asarray(desk)) == []
    with Image.open(CODES / "qr_plain.png") as image:
        desk.paste(image.convert("L"), (300, 150))
    (patch,) = patches(np.asarray(desk))
    assert [code.payload for code in codes.DECODERS["zxing"](patch.picture)] == [QR.payload]


@pytest.mark.parametrize("without", ["all of OpenCV", "its contributed modules"])
def test_wechat_missing(monkeypatch, without):
    """Without opencv-contrib, `auto` reads with zxing-cpp alone and `wechat` says what to add."""
    module = None if without == "all of OpenCV" else ModuleType("cv2")
    monkeypatch.setitem(sys.modules, "cv2", module)
    assert read_codes(CODES / "qr_plain.png") == [QR]
    assert read_codes(CODES / "ean13_plain.png") == [EAN]
    with pytest.raises(CodeUnreadable, match="zxing found no code"):
        read_codes(CODES / "unreadable.png")
    with pytest.raises(DecoderMissing, match=r"pip install 'paybench\[camera\]'"):
        read_codes(CODES / "qr_plain.png", "wechat")


def test_a_payload_that_is_no_text_is_none(tmp_path):
    """A QR code full of bytes that are no UTF-8 breaks no decoder."""
    made = qrcode.QRCode(border=4)
    made.add_data(qrcode.util.QRData(bytes(range(128, 256)), mode=qrcode.util.MODE_8BIT_BYTE))
    made.make_image().get_image().convert("L").save(tmp_path / "bytes.png")
    for decoder in ("zxing", "wechat", "auto"):
        with suppress(CodeError):
            for code in read_codes(tmp_path / "bytes.png", decoder):
                code.payload.encode()
