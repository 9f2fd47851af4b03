"""Writes small JPEG and PNG files of every kind into decode/, and what Pillow reads from each.

Run with Pillow 13.0.0:  python decode.py
`decode/NAME.rgb` holds `Image.open(NAME).convert("RGB")` as 19 rows of 21 pixels.
"""
import pathlib
import struct
import zlib
import numpy as np
from PIL import Image

folder = pathlib.Path("decode")
y, x = np.mgrid[0:19, 0:21]
image = Image.fromarray(np.stack([x * 12, y * 13, (x * 5 + y * 7) % 256], -1).astype(np.uint8))
alpha = Image.fromarray((x * 12).astype(np.uint8))

image.save(folder / "baseline.jpg", quality=92)
image.save(folder / "progressive.jpg", quality=92, progressive=True)
image.save(folder / "chroma-422.jpg", quality=92, subsampling=1)
image.save(folder / "chroma-444.jpg", quality=92, subsampling=0)
image.convert("L").save(folder / "grey.jpg", quality=92)
image.convert("CMYK").save(folder / "cmyk.jpg", quality=95)
turned = Image.Exif()
turned[0x112] = 6
image.save(folder / "exif-orientation-6.jpg", quality=92, exif=turned)

image.save(folder / "rgb.png")
image.convert("L").save(folder / "grey.png")
image.convert("1").save(folder / "one-bit.png")
palette = image.convert("P", palette=Image.ADAPTIVE, colors=17)
palette.save(folder / "palette.png")
palette.save(folder / "palette-transparent.png", transparency=3)
with_alpha = image.copy()
with_alpha.putalpha(alpha)
with_alpha.save(folder / "rgba.png")
grey_alpha = image.convert("L")
grey_alpha.putalpha(alpha)
grey_alpha.save(folder / "grey-alpha.png")
Image.fromarray((x * 30 + y).astype(np.uint16)).save(folder / "grey-16.png")


def png_16(name, pixels, color_type):
    chunk = lambda kind, body: struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", pixels.shape[1], pixels.shape[0], 16, color_type, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    (folder / name).write_bytes(b"\x89PNG\r\n\x1a\n" + body)


png_16("rgb-16.png", np.stack([x * 3001 + 7, y * 3400 + 200, x * 700 + y * 800], -1), 2)
png_16("rgba-16.png", np.stack([x * 3001 + 7, y * 3400 + 200, x * 700 + y * 800, x * 2000], -1), 6)
png_16("grey-alpha-16.png", np.stack([x * 3001 + 7, y * 3400 + 200], -1), 4)

for file in sorted(folder.iterdir()):
    if file.suffix in (".jpg", ".png"):
        (folder / f"{file.name}.rgb").write_bytes(np.asarray(Image.open(file).convert("RGB")).tobytes())
