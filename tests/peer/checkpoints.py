"""Makes ResNet-50 checkpoints in each official layout and checks that importing them gives
torchvision's features on real images.

    cargo build --release
    cargo build --release -p ssl-host --example eval_speed
    python tests/peer/checkpoints.py FOLDER_OF_IMAGES

Needs torch, torchvision, numpy, safetensors and Pillow. Weights are random, from a seed; key names
and nesting are those of the authors' files. Ends with an error where a framework's features are
further than 1e-4 from torchvision's, relative to the largest value.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import torch
import torchvision
from PIL import Image
from safetensors.numpy import load_file, save_file

ROOT = Path(__file__).resolve().parents[2]
RELEASE = ROOT / "target/release"


def network(seed):
    torch.manual_seed(seed)
    model = torchvision.models.resnet50()
    for name, tensor in model.state_dict().items():
        if name.endswith("running_var"):
            tensor.uniform_(0.5, 1.5)
        elif name.endswith("running_mean"):
            tensor.normal_(0, 0.1)
    model.fc = torch.nn.Identity()
    return model.eval()


def prefixed(model, prefix):
    return OrderedDict((prefix + name, tensor) for name, tensor in model.state_dict().items())


def with_heads(state, **heads):
    for name, shape in heads.items():
        state[name.replace("__", ".")] = torch.randn(shape)
    return state


def obow(model):
    stages = {"conv1": "0.0", "bn1": "0.1", "layer1": "1", "layer2": "2", "layer3": "3", "layer4": "4"}
    state = OrderedDict()
    for name, tensor in model.state_dict().items():
        first, rest = name.split(".", 1)
        state[f"feature_extractor._feature_blocks.{stages[first]}.{rest}"] = tensor
    return state


def layouts(model, other):
    """Framework, file name, whether the format is torch's old one, what is saved."""
    full = lambda prefix: prefixed(model, prefix)
    queue = {"module__queue": (128, 16), "module__queue_ptr": (1,)}
    moco = with_heads(full("module.encoder_q."), **{"module__encoder_q__fc__0__weight": (8, 8)}, **queue)
    moco.update(prefixed(other, "module.encoder_k."))
    moco_v3 = full("module.base_encoder.")
    moco_v3.update(prefixed(other, "module.momentum_encoder."))
    dino = {"student": prefixed(other, "module.backbone."), "teacher": full("module.backbone."), "epoch": 800}
    training = {"epoch": 100, "arch": "resnet50", "args": argparse.Namespace(lr=0.1)}
    return [
        ("moco", "moco_v2.pth.tar", False, {**training, "state_dict": moco}, {}),
        ("moco", "moco_v3.pth.tar", False, {**training, "state_dict": moco_v3}, {"version": "v3"}),
        ("pcl", "pcl_v2.pth.tar", True, {**training, "state_dict": moco}, {}),
        ("simsiam", "checkpoint_0099.pth.tar", False, {**training, "state_dict": full("module.encoder.")}, {}),
        ("swav", "swav_800ep.pth.tar", True, with_heads(full("module."), module__prototypes__weight=(30, 8)), {}),
        ("deepcluster", "deepclusterv2.pth.tar", True, with_heads(full("module."), module__prototypes__prototypes0__weight=(30, 8)), {}),
        ("sela", "selav2.pth.tar", True, full("module."), {}),
        ("barlow", "checkpoint.pth", False, {"epoch": 1000, "model": full("module.backbone.")}, {}),
        ("barlow", "barlow_resnet50.pth", False, full(""), {}),
        ("vicreg", "resnet50_fullckpt.pth", False, {"epoch": 1000, "model": full("module.backbone.")}, {}),
        ("dino", "dino_full.pth", False, dino, {}),
        ("dino", "dino_pretrain.pth", False, full(""), {}),
        ("obow", "obow_full.pth.tar", False, {"network": obow(model)}, {}),
        ("simclr", "simclr.safetensors", None, full(""), {}),
        ("byol", "byol.safetensors", None, full(""), {}),
    ]


def save(path, old, content):
    if old is None:
        save_file({k: v.numpy() for k, v in content.items()}, path)
    else:
        torch.save(content, path, _use_new_zipfile_serialization=not old)


def photographs(folder, count):
    """Resized, cropped and normalised by torchvision, so that the networks alone are compared."""
    transform = torchvision.transforms.Compose([
        torchvision.transforms.Resize(256),
        torchvision.transforms.CenterCrop(224),
        torchvision.transforms.ToTensor(),
        torchvision.transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
    ])
    paths = sorted(Path(folder).rglob("*.JPEG"))[:count]
    return torch.stack([transform(Image.open(path).convert("RGB")) for path in paths])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("images")
    parser.add_argument("--count", type=int, default=8)
    args = parser.parse_args()
    images = photographs(args.images, args.count)
    model, other = network(0), network(1)
    with torch.inference_mode():
        expected = model(images).numpy()
    worst = 0.0
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        save_file({"images": images.numpy()}, folder / "images.safetensors")
        for framework, name, old, content, _ in layouts(model, other):
            path = folder / name
            save(path, old, content)
            report = subprocess.run(
                [RELEASE / "ssl-lottery", "import", "--framework", framework, "--checkpoint", path,
                 "--out", folder / "backbone.safetensors", "--format", "json"],
                capture_output=True, text=True,
            )
            if report.returncode != 0:
                sys.exit(f"{framework} {name}: {report.stderr}")
            report = json.loads(report.stdout)
            subprocess.run([RELEASE / "examples/eval_speed", "extract", folder, "8"], check=True, stdout=subprocess.DEVNULL)
            found = load_file(folder / "features.safetensors")["features"]
            error = float(np.abs(found - expected).max() / np.abs(expected).max())
            worst = max(worst, error)
            print(f"{framework:12} {name:26} {len(report['used'])} used, {len(report['unused'])} unused, {error:.1e}")
            path.unlink()
    if not worst < 1e-4:
        sys.exit(f"expected features within 1e-4 of torchvision's, found {worst:.1e}")


if __name__ == "__main__":
    main()
