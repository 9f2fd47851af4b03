"""Writes small image files of every kind into decode/, and what Pillow reads from each.

Run with Pillow 13.0.0:  python decode.py
The files `coded-*.jpg` and `chroma-440.jpg` are not written here: Pillow writes no such JPEG.
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

# Other formats. GIF with a frame smaller than its screen, and larger.
palette.save(folder / "palette.gif", interlace=0)
palette.save(folder / "interlaced-transparent.gif", transparency=3, interlace=1)
image.convert("L").save(folder / "grey.gif")
frame = image.crop((0, 0, 13, 11)).convert("P", palette=Image.ADAPTIVE, colors=17)
for name, screen, extra in (("frame-in-screen.gif", (21, 19), {}), ("frame-transparent.gif", (21, 19), {"transparency": 3})):
    frame.save(folder / name, **extra)
    file = bytearray((folder / name).read_bytes())
    file[6:10] = struct.pack("<HH", *screen)
    (folder / name).write_bytes(file)
file = bytearray((folder / "palette.gif").read_bytes())
file[6:10] = struct.pack("<HH", 10, 5)
(folder / "frame-beyond-screen.gif").write_bytes(file)

for name, picture in (("rgb", image), ("grey", image.convert("L")), ("one-bit", image.convert("1")), ("palette", palette), ("rgba", with_alpha)):
    picture.save(folder / f"{name}.bmp")
    picture.save(folder / f"{name}.tif")


def bmp(name, bits, rows, compression=0, masks=(), colours=b"", height=19):
    body = b"".join(row + bytes(-len(row) % 4) for row in rows)
    extra = struct.pack(f"<{len(masks)}I", *masks) + colours
    start = 54 + len(extra)
    header = struct.pack("<IiiHHIIiiII", 40, 21, height, 1, bits, compression, len(body), 0, 0, len(colours) // 4, 0)
    (folder / name).write_bytes(b"BM" + struct.pack("<IHHI", start + len(body), 0, 0, start) + header + extra + body)


nibbles = lambda row: bytes(a << 4 | b for a, b in zip(row[::2], [*row[1::2], 0]))
fields = [((row * 3001 + 77) % 65536).astype("<u2").tobytes() for row in x + 21 * y]
words = [((row * 40503001 + 77) % 2**32).astype("<u4").tobytes() for row in (x + 21 * y).astype(np.uint64)]
colours = bytes((i * 37 + 11) % 256 for i in range(64))
four = [nibbles(row) for row in (x * 3 + y) % 16]
bmp("555.bmp", 16, fields)
bmp("565.bmp", 16, fields, 3, (0xF800, 0x7E0, 0x1F))
bmp("top-down.bmp", 16, fields, height=-19)
bmp("32-bit.bmp", 32, words)
bmp("masks.bmp", 32, words, 3, (0xFF000000, 0xFF0000, 0xFF00))
bmp("four-bit.bmp", 4, four, colours=colours)
bmp("ten-of-sixteen.bmp", 4, [nibbles(row) for row in (x * 3 + y) % 10], colours=colours[:40])
body = b"".join(row + bytes(-len(row) % 4) for row in four)
header = struct.pack("<IHHIIHHHH", 74 + len(body), 0, 0, 74, 12, 21, 19, 1, 4)
(folder / "os2.bmp").write_bytes(b"BM" + header + colours[:48] + body)

image.convert("CMYK").save(folder / "cmyk.tif")
Image.fromarray((x * 30 + y).astype(np.uint16)).save(folder / "grey-16.tif")
with_alpha.convert("LA").save(folder / "grey-alpha.tif")
image.convert("P", palette=Image.ADAPTIVE, colors=5).save(folder / "few-colours.tif")
for compression in ("tiff_lzw", "tiff_adobe_deflate", "packbits"):
    image.save(folder / f"{compression}.tif", compression=compression)
image.save(folder / "predictor.tif", compression="tiff_lzw", tiffinfo={317: 2})
image.convert("1").save(folder / "group4.tif", compression="group4")
upright = {k: image for k in (2, 3, 4)} | {k: image.transpose(Image.TRANSPOSE) for k in (5, 6, 7, 8)}
for orientation, picture in upright.items():
    picture.save(folder / f"orientation-{orientation}.tif", compression="tiff_lzw", tiffinfo={274: orientation})

image.save(folder / "rgb.webp", quality=90)
image.save(folder / "lossless.webp", lossless=True)
with_alpha.save(folder / "rgba.webp", quality=90)
with_alpha.save(folder / "rgba-lossless.webp", lossless=True)
image.save(folder / "animated.webp", save_all=True, append_images=[with_alpha], lossless=True)

image.save(folder / "rgb.ppm")
image.convert("L").save(folder / "grey.pgm")
image.convert("1").save(folder / "one-bit.pbm")
Image.fromarray((x * 30 + y).astype(np.uint16)).save(folder / "grey-16.pgm")
text = lambda kind, most, values: f"{kind} # a comment\n21 19\n{most}\n" + " ".join(str(v) for v in values.ravel()) + "\n"
(folder / "text.ppm").write_text(text("P3", 31, np.asarray(image) // 8))
(folder / "text.pgm").write_text(text("P2", 100, x * 5))
(folder / "text.pbm").write_text("P1\n21 19\n" + "\n".join("".join(str(v) for v in row) for row in (x + y) % 3 % 2))
(folder / "to-31.ppm").write_bytes(b"P6\n21 19\n31\n" + (np.asarray(image) // 8).tobytes())
(folder / "to-1000.ppm").write_bytes(b"P6\n21 19\n1000\n" + (np.asarray(image) * 3).astype(">u2").tobytes())

# JPEG that other programs write.
image.save(folder / "stored-as-rgb.jpg", quality=92, keep_rgb=True)
file = (folder / "baseline.jpg").read_bytes()
tables = file.index(b"\xff\xdb")
(folder / "bytes-between-headers.jpg").write_bytes(file[:tables] + b"\0\x11\x22" + file[tables:])
(folder / "fill-bytes.jpg").write_bytes(file[:tables] + b"\xff\xff" + file[tables:])
(folder / "bytes-at-the-end.jpg").write_bytes(file + b"more")
file = (folder / "rgb.png").read_bytes()
(folder / "without-end.png").write_bytes(file[:-12])

for file in sorted(folder.iterdir()):
    if file.suffix != ".rgb":
        (folder / f"{file.name}.rgb").write_bytes(np.asarray(Image.open(file).convert("RGB")).tobytes())
