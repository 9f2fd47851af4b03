"""Makes the small checkpoints of this folder; needs torch (any version from 1.6 on).

Values are chosen so that a wrong offset, stride or element type shows.
"""

import argparse
import os
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path

import torch

HERE = Path(__file__).parent


def state(prefix):
    base = torch.arange(24, dtype=torch.float32).reshape(4, 6) / 8
    shared = torch.arange(10, dtype=torch.float64)
    entries = OrderedDict()
    entries[prefix + "conv1.weight"] = base
    entries[prefix + "transposed"] = base.t()
    entries[prefix + "part"] = base[1:3, 2:5]
    entries[prefix + "half"] = torch.tensor([0.5, -1.25, 3.0], dtype=torch.float16)
    entries[prefix + "bfloat"] = torch.tensor([[2.5], [-7.0]], dtype=torch.bfloat16)
    entries[prefix + "tail"] = shared[4:]
    entries[prefix + "head"] = shared[:4]
    entries[prefix + "num_batches_tracked"] = torch.tensor(41)
    entries[prefix + "empty"] = torch.zeros(0, 3)
    entries[prefix + "parameter"] = torch.nn.Parameter(torch.tensor([1.0, 2.0]))
    entries._metadata = OrderedDict([("", {"version": 1})])
    return entries


def training(prefix):
    weight = torch.nn.Parameter(torch.ones(3))
    optimizer = torch.optim.SGD([weight], lr=0.1, momentum=0.9)
    weight.sum().backward()
    optimizer.step()
    return {
        "epoch": 100,
        "arch": "resnet50",
        "args": argparse.Namespace(lr=0.03, schedule=[120, 160], name="α"),
        "best": (71.1, None, True, -5, 2**70),
        "optimizer": optimizer.state_dict(),
        "state_dict": state(prefix),
    }


class Evil:
    def __reduce__(self):
        return os.system, ("echo executed",)


def main():
    torch.save(training("module."), HERE / "zip.pth")
    torch.save(training("module."), HERE / "legacy.pth.tar", _use_new_zipfile_serialization=False)
    torch.save(state(""), HERE / "flat.pt")
    torch.save({"model": {"w": torch.ones(2)}, "hook": Evil()}, HERE / "evil.pth")
    torch.save({"model": {"w": torch.ones(2)}, "hook": Evil()}, HERE / "evil-legacy.pth",
               _use_new_zipfile_serialization=False)
    with zipfile.ZipFile(HERE / "bomb.pth", "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("archive/data.pkl", pickle.dumps({}, protocol=2))
        bomb.writestr("archive/data/0", bytes(1 << 22))


if __name__ == "__main__":
    main()
