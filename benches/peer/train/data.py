"""CIFAR-10 as Pillow images, and the papers' views of them with torchvision."""

import numpy as np
import torch
from PIL import Image
from torchvision import transforms as T
from torchvision.transforms import functional as F

from .settings import Fault

BICUBIC, BILINEAR = T.InterpolationMode.BICUBIC, T.InterpolationMode.BILINEAR
MEAN, STD, SWAV_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), (0.228, 0.224, 0.225)


def read(paths):
    """Images `[n, 32, 32, 3]` and labels of binary CIFAR-10 files."""
    parts = []
    for path in paths:
        raw = np.fromfile(path, np.uint8)
        if raw.size == 0 or raw.size % 3073:
            raise Fault(f"expected records of 3073 bytes in {path}, found {raw.size} bytes")
        parts.append(raw.reshape(-1, 3073))
    raw = np.concatenate(parts)
    return raw[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1).copy(), torch.from_numpy(raw[:, 0].astype(np.int64))


class Jitter:
    """torchvision's colour jitter: the four changes in random order; BYOL adds its brightness."""

    def __init__(self, brightness, contrast, saturation, hue, additive=False):
        self.strengths = (brightness, contrast, saturation, hue)
        brighten = self.add if additive else lambda image, amount: F.adjust_brightness(image, 1 + amount)
        self.changes = (
            brighten,
            lambda image, amount: F.adjust_contrast(image, 1 + amount),
            lambda image, amount: F.adjust_saturation(image, 1 + amount),
            F.adjust_hue,
        )

    def __call__(self, image):
        draws = torch.rand(4).tolist()
        for op in torch.randperm(4).tolist():
            image = self.changes[op](image, (2 * draws[op] - 1) * self.strengths[op])
        return image

    @staticmethod
    def add(image, amount):
        return Image.fromarray((np.asarray(image) + 255 * amount).round().clip(0, 255).astype(np.uint8))


def view(size, area, interpolation, jitter, std=STD, solarize=0.0, additive=False):
    """One view of a paper without its blur, and how its pixels are normalised: `std` is None where
    they stay in [0, 1]."""
    steps = [
        T.RandomResizedCrop(size, scale=area, interpolation=interpolation),
        T.RandomHorizontalFlip(0.5),
        T.RandomApply([Jitter(*jitter, additive=additive)], p=0.8),
        T.RandomGrayscale(0.2),
    ]
    if solarize > 0.0:
        steps.append(T.RandomSolarize(128, p=solarize))
    return T.Compose(steps), None if std is None else (MEAN, std)


def views(framework, config, bench):
    """The framework's views in order, tuned as the benchmark says."""
    if not bench.tuning.get("drop_blur") or set(bench.tuning) - {"drop_blur", "min_area"}:
        raise Fault(f"`views.tuning`: expected drop_blur and min_area, found {bench.tuning}")
    size, least = bench.size, bench.tuning.get("min_area", 0.0)

    def large(smallest, *rest, **more):
        return view(size, (max(smallest, least), 1.0), *rest, **more)

    weak = (0.4, 0.4, 0.2, 0.1)
    if framework == "simclr":
        return [large(0.08, BICUBIC, (0.8, 0.8, 0.8, 0.2), std=None)] * 2
    if framework in ("moco", "simsiam"):
        return [large(0.2, BILINEAR, (0.4, 0.4, 0.4, 0.1))] * 2
    if framework == "byol":
        return [large(0.08, BICUBIC, weak, additive=True, solarize=p) for p in (0.0, 0.2)]
    if framework in ("barlow", "vicreg"):
        return [large(0.08, BICUBIC, weak, solarize=p) for p in (0.0, 0.2)]
    if framework == "swav":
        if config["num_crops"] != [2]:
            raise Fault(f"swav's `num_crops`: expected [2], found {config['num_crops']}")
        return [large(0.08, BILINEAR, (0.8, 0.8, 0.8, 0.2), std=SWAV_STD)] * 2
    if framework == "dino":
        # Small crops keep their share of the large ones' size, 96 of 224 pixels.
        small = view(max(1, (96 * size + 112) // 224), (0.05, 0.14), BICUBIC, weak)
        return [large(0.14, BICUBIC, weak, solarize=p) for p in (0.0, 0.2)] + [small] * config["num_local_crops"]
    raise Fault(f"expected a framework that is implemented here, found {framework}")


def normalization(framework):
    """Mean and standard deviation that evaluation uses, as training did."""
    return None if framework == "simclr" else (MEAN, SWAV_STD if framework == "swav" else STD)


class Batches:
    """All views of shuffled batches; the last incomplete batch is dropped."""

    def __init__(self, images, views, batch_size):
        self.images = [Image.fromarray(image) for image in images]
        self.views, self.batch_size = views, batch_size

    def __len__(self):
        return len(self.images) // self.batch_size

    def epoch(self):
        order = torch.randperm(len(self.images))[: len(self) * self.batch_size]
        for rows in order.split(self.batch_size):
            yield [self.render(view, rows.tolist()) for view in self.views]

    def render(self, view, rows):
        """`[batch, 3, size, size]`, channels last in memory."""
        steps, normalize = view
        pixels = np.stack([np.asarray(steps(self.images[row])) for row in rows])
        return standardized(torch.from_numpy(pixels), normalize)


def standardized(images, normalize):
    """Bytes `[n, height, width, 3]` as numbers `[n, 3, height, width]`."""
    pixels = images.permute(0, 3, 1, 2).float() / 255
    return pixels if normalize is None else F.normalize(pixels, *normalize)


def whole(images, size, normalize):
    """The evaluation transform: whole images, resized."""
    pixels = F.resize(standardized(torch.from_numpy(images), None), [size, size], BILINEAR, antialias=True)
    return pixels if normalize is None else F.normalize(pixels, *normalize)
