"""The same images through this project's loader and through torchvision, taking turns.

    python benches/peer/loader_peer.py photos FOLDER       # full-size JPEGs, one thread
    python benches/peer/loader_peer.py cifar FILE...       # CIFAR-10 binaries, a DataLoader
    python benches/peer/loader_peer.py cores FOLDER        # one worker thread against two

Needs torch 2.9.0, torchvision 0.24.0 and Pillow. Starts `cargo bench -p ssl-datasets --bench rounds`
(or the program given with `--ours`) and asks it for one round at a time, between rounds of
torchvision. FOLDER is the pack's `imagenet-sample`.

What is compared is processor time per image, user and system of all threads and worker processes,
which other work on the machine hardly changes. `cifar` and `cores` also compare wall time, which needs
a quiet machine. Each ratio is the median over the rounds of (theirs / ours); for `cores`, of (one
thread / two).
"""
import argparse
import io
import os
import pathlib
import statistics
import subprocess
import time

import numpy as np
import torch
from PIL import Image
from torchvision.io import ImageReadMode, decode_jpeg
from torchvision.transforms import v2

BICUBIC = v2.InterpolationMode.BICUBIC
CARGO = ["cargo", "bench", "--quiet", "-p", "ssl-datasets", "--bench", "rounds"]


def simclr(size, taps, on_tensors):
    head = [] if on_tensors else [v2.ToImage()]
    steps = [
        v2.RandomResizedCrop(size, scale=(0.08, 1.0), interpolation=BICUBIC, antialias=True),
        v2.RandomHorizontalFlip(0.5),
        v2.RandomApply([v2.ColorJitter(0.8, 0.8, 0.8, 0.2)], p=0.8),
        v2.RandomGrayscale(0.2),
    ]
    if taps > 1:
        steps.append(v2.RandomApply([v2.GaussianBlur(taps, (0.1, 2.0))], p=0.5))
    return v2.Compose(steps + head + [v2.ToDtype(torch.float32, scale=True)])


def evaluation(on_tensors):
    head = [] if on_tensors else [v2.ToImage()]
    return v2.Compose([v2.Resize(256, antialias=True), v2.CenterCrop(224)] + head + [v2.ToDtype(torch.float32, scale=True)])


def with_pillow(data):
    return Image.open(io.BytesIO(data)).convert("RGB")


def with_torch(data):
    return decode_jpeg(torch.frombuffer(bytearray(data), dtype=torch.uint8), mode=ImageReadMode.RGB)


def processor():
    """User and system time of this process and of workers that have ended."""
    return sum(os.times()[:4])


class Ours:
    """This project's side."""

    def __init__(self, program, data):
        environment = dict(os.environ, SSL_LOTTERY_DATA=str(data))
        self.process = subprocess.Popen(
            program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True
        )

    def ms(self, task):
        """Processor and wall time of a round."""
        self.process.stdin.write(task + "\n")
        self.process.stdin.flush()
        return [float(word) for word in self.process.stdout.readline().split()]


def table(rows):
    """Prints the median time of each side and the median of the ratios, with the extremes."""
    for name, pairs in rows.items():
        ratios = sorted(theirs / ours for ours, theirs in pairs)
        ours, theirs = (statistics.median(side) for side in zip(*pairs))
        print(
            f"{name:34} ours {ours:8.4f} ms  theirs {theirs:8.4f} ms  "
            f"ratio {statistics.median(ratios):6.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})",
            flush=True,
        )


def photos(ours, folder, rounds):
    files = [p.read_bytes() for p in sorted(pathlib.Path(folder).rglob("*.JPEG"))]
    rows = {}
    for _ in range(rounds):
        for what, recipe, views in (("simclr", lambda t: simclr(224, 23, t), 2), ("evaluation", evaluation, 1)):
            mine, _ = ours.ms(f"photos {what} 1")
            for peer, decode, on_tensors in (("pillow", with_pillow, False), ("decode_jpeg", with_torch, True)):
                transform = recipe(on_tensors)
                start = processor()
                for data in files:
                    image = decode(data)
                    for _ in range(views):
                        transform(image)
                theirs = (processor() - start) / len(files) * 1e3
                rows.setdefault(f"{what} against {peer}", []).append((mine, theirs))
    table(rows)


class Cifar(torch.utils.data.Dataset):
    def __init__(self, files):
        raw = np.concatenate([np.fromfile(f, np.uint8).reshape(-1, 3073) for f in files])
        self.images = raw[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
        self.transform = simclr(32, 3, False)

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        image = Image.fromarray(self.images[index])
        return self.transform(image), self.transform(image)


def cifar(ours, files, rounds):
    paths = " ".join(str(pathlib.Path(f).resolve()) for f in files)
    data = Cifar(files)
    rows = {}
    for _ in range(rounds):
        for workers in (1, 2):
            mine, mine_wall = ours.ms(f"cifar {workers} {paths}")
            # Workers end with the epoch, so that their time is counted.
            loader = torch.utils.data.DataLoader(data, 256, shuffle=True, num_workers=workers, drop_last=True)
            start, start_wall, count = processor(), time.perf_counter(), 0
            for view, _ in loader:
                count += len(view)
            theirs = (processor() - start) / count * 1e3
            theirs_wall = (time.perf_counter() - start_wall) / count * 1e3
            rows.setdefault(f"cifar, workers: {workers}, processor time", []).append((mine, theirs))
            rows.setdefault(f"cifar, workers: {workers}, wall time", []).append((mine_wall, theirs_wall))
    table(rows)


def cores(ours, rounds):
    rows = {}
    for _ in range(rounds):
        for what in ("simclr", "evaluation"):
            (one, one_wall), (two, two_wall) = (ours.ms(f"photos {what} {n}") for n in (1, 2))
            rows.setdefault(f"{what}: two threads, processor time", []).append((two, one))
            rows.setdefault(f"{what}: two threads, wall time", []).append((two_wall, one_wall))
    table(rows)


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("what", choices=("photos", "cifar", "cores"))
parser.add_argument("paths", nargs="+")
parser.add_argument("--rounds", type=int, default=5)
parser.add_argument("--ours", help="a built `rounds` program, instead of cargo")
arguments = parser.parse_args()
torch.set_num_threads(1)
data = pathlib.Path(arguments.paths[0]).resolve().parent
ours = Ours([arguments.ours] if arguments.ours else CARGO, data)
if arguments.what == "photos":
    photos(ours, arguments.paths[0], arguments.rounds)
elif arguments.what == "cifar":
    cifar(ours, arguments.paths, arguments.rounds)
else:
    cores(ours, arguments.rounds)
