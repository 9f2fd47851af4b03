"""Single augmentations on real photographs, here and in torchvision and Pillow.

    python tests/peer/views.py FOLDER [--images 40]

FOLDER is the pack's `imagenet-sample`. Needs torch 2.9.0, torchvision 0.24.0 and Pillow. Photographs
are decoded by Pillow and handed over losslessly, so that decoders do not matter. Prints the largest
difference of each operation in steps of 1/255 and ends with code 1 where one is beyond its limit:
2 for antialiased resampling, 1 for colours, 3 for Pillow's blur, which rounds six times.

Pillow 13 combines rows first where it takes that for cheaper, which shows where the bicubic filter
overshoots. Here columns always come first, so the crops are resized in these two steps.
"""
import argparse
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import torch
import torchvision.transforms as T
import torchvision.transforms.v2.functional as F
from PIL import Image, ImageFilter

LIMITS = {"crop": 2.0, "center": 2.0, "pil-blur": 3.0}
SQUARE = 160


def planes(image):
    return np.asarray(image).transpose(2, 0, 1).astype(np.float64)


def geometry(image):
    """Operations on the whole photograph: name, expected planes."""
    for name, mode in (("bilinear", Image.BILINEAR), ("bicubic", Image.BICUBIC)):
        for size in (224, 96):
            y, x, h, w = T.RandomResizedCrop.get_params(image, (0.08, 1.0), (3 / 4, 4 / 3))
            crop = image.crop((x, y, x + w, y + h)).resize((size, h), mode)
            yield f"crop {name} {x} {y} {w} {h} {size}", planes(crop.resize((size, size), mode))
        out = T.CenterCrop(224)(T.Resize(256, T.InterpolationMode(name))(image))
        yield f"center {name} 256 224", planes(out)


def changes(square):
    """Operations on a square of it."""
    t = torch.from_numpy(np.asarray(square).copy()).permute(2, 0, 1).float() / 255
    for op, values in (("brightness", (0.2, 1.8)), ("contrast", (0.2, 1.8)), ("saturation", (0.2, 1.8)), ("hue", (-0.2, 0.1, 0.5))):
        for value in values:
            yield f"{op} {value}", getattr(F, f"adjust_{op}")(t, value).double().numpy() * 255
    yield f"solarize {128 / 255}", F.solarize(t, 128 / 255).double().numpy() * 255
    yield "grayscale", planes(square.convert("L").convert("RGB"))
    yield "flip", planes(square.transpose(Image.FLIP_LEFT_RIGHT))
    for sigma in (0.1, 0.7, 2.0):
        yield f"pil-blur {sigma}", planes(square.filter(ImageFilter.GaussianBlur(sigma)))
        yield f"taps-blur 23 {sigma}", F.gaussian_blur(t, [23, 23], [sigma, sigma]).double().numpy() * 255


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--images", type=int, default=40)
    parser.add_argument("--ours", help="the built example `apply`, instead of cargo")
    arguments = parser.parse_args()
    torch.manual_seed(0)
    cargo = ["cargo", "run", "--quiet", "--release", "-p", "ssl-datasets", "--example", "apply"]
    ours = subprocess.Popen(
        [arguments.ours] if arguments.ours else cargo, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    worst = {}

    def compare(photograph, file, operation, expected):
        ours.stdin.write(f"{file}\t{operation}\n".encode())
        ours.stdin.flush()
        found = np.frombuffer(ours.stdout.read(expected.size * 4), "<f4").reshape(expected.shape)
        name = " ".join(operation.split()[: 2 if operation.startswith(("crop", "center")) else 1])
        distance = float(np.abs(found * 255.0 - expected).max())
        worst[name] = max(worst.get(name, (0.0, "")), (distance, f"{photograph.name}: {operation}"))

    with tempfile.TemporaryDirectory() as scratch:
        whole, part = pathlib.Path(scratch, "whole.png"), pathlib.Path(scratch, "part.png")
        photographs = sorted(pathlib.Path(arguments.folder).rglob("*.JPEG"))
        for path in photographs[:: max(1, len(photographs) // arguments.images)]:
            image = Image.open(path).convert("RGB")
            image.save(whole)
            for operation, expected in geometry(image):
                compare(path, whole, operation, expected)
            square = T.CenterCrop(SQUARE)(image)
            square.save(part)
            for operation, expected in changes(square):
                compare(path, part, operation, expected)
    beyond = False
    for name, (distance, where) in worst.items():
        limit = LIMITS.get(name.split()[0], 1.0)
        beyond |= distance > limit
        print(f"{name:16} {distance:7.3f}  of {limit}{'  beyond, ' + where if distance > limit else ''}")
    sys.exit(beyond)


main()
