"""Writes views.bin and views.json: what Pillow and torchvision make of a procedural picture.

Run with torchvision 0.24.0, torch 2.9.0, Pillow 13.0.0:  python views.py
Each value is round(256 * v), v in 0..255, as little-endian u16; views.json lists name, shape and
offset (in values) of each case.
"""
import json
import numpy as np
import torch
from PIL import Image, ImageFilter
import torchvision.transforms as T
import torchvision.transforms.v2.functional as F


def picture(w, h):
    """The picture of `picture()` in views.rs: ramps, a disc, stripes."""
    y, x = np.mgrid[0:h, 0:w]
    ramp = np.stack([(x * (3 + c) + y * (5 - c)) * 2 % 512 for c in range(3)], axis=-1)
    ramp = np.where(ramp > 255, 511 - ramp, ramp)
    disc = (x - w // 3) ** 2 + (y - h // 2) ** 2 < (min(w, h) // 4) ** 2
    ramp[..., 0] = np.where(disc, 255 - ramp[..., 0] // 2, ramp[..., 0])
    ramp[..., 1] = np.where(disc, ramp[..., 1] // 3, ramp[..., 1])
    ramp[..., 2] = np.where((x * 2 + y) % 37 < 5, 20, ramp[..., 2])
    return ramp.astype(np.uint8)


cases = {}
pil = Image.fromarray(picture(45, 37))
planes = lambda image: np.asarray(image).transpose(2, 0, 1).astype(np.float64)

for name, mode in (("bilinear", Image.BILINEAR), ("bicubic", Image.BICUBIC)):
    # crop x y width height -> size
    for x, y, w, h, size in ((0, 0, 45, 37, 20), (7, 5, 25, 19, 32), (3, 2, 40, 33, 14), (20, 10, 6, 9, 24)):
        crop = pil.crop((x, y, x + w, y + h)).resize((size, size), mode)
        cases[f"crop {name} {x} {y} {w} {h} {size}"] = planes(crop)
    interpolation = T.InterpolationMode(name)
    for resize, crop in ((20, 16), (51, 45), (32, 32)):
        out = T.CenterCrop(crop)(T.Resize(resize, interpolation)(pil))
        cases[f"center {name} {resize} {crop}"] = planes(out)
cases["center none 0 21"] = planes(T.CenterCrop(21)(pil))
cases["center none 0 48"] = planes(T.CenterCrop(48)(pil))

square = pil.crop((4, 6, 22, 24))
t = torch.from_numpy(np.asarray(square).copy()).permute(2, 0, 1).float() / 255
for op, values in (("brightness", (0.6, 1.7)), ("contrast", (0.4, 1.6)), ("saturation", (0.3, 1.8)), ("hue", (-0.5, -0.2, 0.1, 0.45))):
    for value in values:
        cases[f"{op} {value}"] = getattr(F, f"adjust_{op}")(t, value).double().numpy() * 255
cases["solarize 0.5"] = F.solarize(t, 0.5).double().numpy() * 255
cases["grayscale"] = planes(square.convert("L").convert("RGB"))
for sigma in (0.1, 0.5, 1.0, 1.37, 2.0, 3.3):
    cases[f"pil-blur {sigma}"] = planes(square.filter(ImageFilter.GaussianBlur(sigma)))
for taps, sigma in ((3, 0.3), (5, 1.0), (23, 1.3), (23, 2.0)):
    cases[f"taps-blur {taps} {sigma}"] = F.gaussian_blur(t, [taps, taps], [sigma, sigma]).double().numpy() * 255

index, values, offset = [], [], 0
for name, value in cases.items():
    index.append({"name": name, "shape": list(value.shape), "offset": offset})
    values.append(np.round(value.ravel() * 256).astype("<u2"))
    offset += value.size
np.concatenate(values).tofile("views.bin")
with open("views.json", "w") as f:
    f.write("[\n" + ",\n".join(json.dumps(i) for i in index) + "\n]\n")
