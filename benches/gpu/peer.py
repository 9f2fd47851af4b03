"""A training step of a framework in PyTorch: eager, autocast to bf16, channels-last, the same heads and views as here.

    python benches/gpu/peer.py FRAMEWORK DEVICE full|tiny

prints images a second and the peak memory as JSON. Images lie on the device from the start. Momentum encoders follow.
"""

import copy
import json
import statistics
import sys
import time
from pathlib import Path

import torch
from torchvision.models import resnet50

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "peer"))
from pretext.methods import METHODS  # noqa: E402


def wait(device):
    if device.startswith("cuda"):
        torch.cuda.synchronize()


def main(name, device, size):
    tiny = size == "tiny"
    batch, side, steps, warm = (8, 32, 3, 1) if tiny else (256, 224, 25, 5)
    torch.manual_seed(0)
    torch.set_default_device(device)
    torch.backends.cudnn.benchmark = True
    method = METHODS[name]().train()
    # Multi-crop: two large views, the others small.
    large = min(method.online, 2)
    sides = [side] * large + [side * 96 // 224] * (method.online - large)
    network = resnet50()
    network.fc = torch.nn.Identity()
    network = network.to(memory_format=torch.channels_last).train()
    target = copy.deepcopy(network).requires_grad_(False) if method.target else None
    parameters = [it for it in (*network.parameters(), *method.parameters()) if it.requires_grad]
    optimizer = torch.optim.SGD(parameters, lr=0.01, momentum=0.9, weight_decay=1e-4)
    draw = lambda side: torch.randn(batch, 3, side, side).to(memory_format=torch.channels_last)
    views, shown = [draw(side) for side in sides], [draw(side) for _ in range(method.target)]
    seconds = []
    for _ in range(steps):
        wait(device)
        began = time.perf_counter()
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(torch.device(device).type, torch.bfloat16):
            features = [network(view) for view in views]
            if target:
                with torch.no_grad():
                    features += [target(view) for view in shown]
        # Heads and loss compute in f32, as here.
        method([feature.float() for feature in features]).backward()
        optimizer.step()
        if target:
            with torch.no_grad():
                own, theirs = list(network.parameters()), list(target.parameters())
                torch._foreach_mul_(theirs, 0.99)
                torch._foreach_add_(theirs, own, alpha=0.01)
        method.after_update()
        wait(device)
        seconds.append(time.perf_counter() - began)
    peak = torch.cuda.max_memory_allocated() if device.startswith("cuda") else None
    median = statistics.median(seconds[warm:])
    print(json.dumps({"images_per_s": batch / median, "peak_bytes": peak, "torch": torch.__version__}))


if __name__ == "__main__":
    if len(sys.argv) != 4 or sys.argv[1] not in METHODS or sys.argv[3] not in ("full", "tiny"):
        sys.exit("error: expected FRAMEWORK DEVICE full|tiny")
    main(*sys.argv[1:])
