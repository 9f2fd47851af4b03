"""Shorthands for views: transforms with the parameters that official codes share, and groups of crops."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Optional

#: One step of a view, or a group of views, as the host reads it.
Entry = dict[str, Any]

#: Channel means of ImageNet in `[0, 1]`, in the order red, green, blue.
IMAGENET_MEAN = (0.485, 0.456, 0.406)
#: Channel standard deviations of ImageNet in `[0, 1]`.
IMAGENET_STD = (0.229, 0.224, 0.225)


def crop(size: int = 224, area: Sequence[float] = (0.08, 1.0), interpolation: str = "bicubic") -> Entry:
    """A random part of the image with this share of its area and an aspect ratio of 3/4 to 4/3, resized to a square."""
    return {
        "op": "random-resized-crop",
        "size": size,
        "area": list(area),
        "ratio": [3 / 4, 4 / 3],
        "interpolation": interpolation,
    }


def resize(size: int, interpolation: str = "bicubic") -> Entry:
    """The shorter side gets this length in pixels; the aspect ratio stays."""
    return {"op": "resize", "size": size, "interpolation": interpolation}


def center_crop(size: int) -> Entry:
    """The square in the middle."""
    return {"op": "center-crop", "size": size}


def flip(p: float = 0.5) -> Entry:
    """Left and right change places with probability `p`."""
    return {"op": "horizontal-flip", "p": p}


def jitter(
    brightness: float, contrast: float, saturation: float, hue: float, p: float = 0.8, additive: bool = False
) -> Entry:
    """torchvision's colour jitter with probability `p`; `additive` adds brightness instead of multiplying by it."""
    return {
        "op": "color-jitter",
        "p": p,
        "brightness": brightness,
        "contrast": contrast,
        "saturation": saturation,
        "hue": hue,
        "brightness_form": "additive" if additive else "factor",
    }


def grayscale(p: float = 0.2) -> Entry:
    """The colours become luma with probability `p`."""
    return {"op": "grayscale", "p": p}


def blur(p: float = 0.5, sigma: Sequence[float] = (0.1, 2.0), taps: Optional[int] = None) -> Entry:
    """A Gaussian blur with probability `p`; Pillow's, or one with this odd number of taps at the recipe's crop size."""
    kernel = {"kind": "pil"} if taps is None else {"kind": "taps", "taps": taps}
    return {"op": "gaussian-blur", "p": p, "sigma": list(sigma), "kernel": kernel}


def solarize(p: float, threshold: float = 128 / 255) -> Entry:
    """Values at or above the threshold are inverted with probability `p`."""
    return {"op": "solarize", "p": p, "threshold": threshold}


def normalize(mean: Sequence[float] = IMAGENET_MEAN, std: Sequence[float] = IMAGENET_STD) -> Entry:
    """Subtracts the mean and divides by the standard deviation, channel by channel."""
    return {"op": "normalize", "mean": list(mean), "std": list(std)}


def augmentations(
    size: int = 224, area: Sequence[float] = (0.2, 1.0), blurred: float = 0.5, solarized: float = 0.0
) -> list[Entry]:
    """Crop, flip, colour jitter (0.4, 0.4, 0.4, 0.1), greyscale, blur, solarisation, ImageNet's normalisation."""
    solarisation = [solarize(solarized)] if solarized > 0 else []
    return [
        crop(size, area),
        flip(),
        jitter(0.4, 0.4, 0.4, 0.1),
        grayscale(),
        blur(blurred),
        *solarisation,
        normalize(),
    ]


def group(
    name: str,
    count: int,
    transforms: Sequence[Entry],
    role: str = "global",
    patches: Optional[tuple[int, int, int]] = None,
) -> Entry:
    """`count` views that share one list of transforms; `role` is `global`, `local` or `whole`.

    `patches` (cells a side, side of a patch in pixels, largest jitter in pixels) draws the transforms once and takes
    the views as `count` cells of a grid over the result.
    """
    grid = None if patches is None else dict(zip(("grid", "patch", "jitter"), patches))
    return {"name": name, "count": count, "role": role, "transforms": list(transforms), "patches": grid}
