"""Writes the reference outputs of torchvision's ResNets for `host/tests/backbone.rs`.

Needs torch 2.9.0, torchvision 0.24.0, numpy and safetensors:

    python tests/peer/backbone.py host/tests/data/backbone.safetensors

Only outputs are stored. Weights and images come from a formula that both sides compute: element
`i` of the tensor called `name` is a function of

    u(name, i) = (mix(fnv1a64(name) + (i + 1) * 0x9e3779b97f4a7c15) >> 40) / 2^24

with SplitMix64's finaliser `mix` and 64-bit wrapping arithmetic:

    4-D `weight`          (2u - 1) * sqrt(6 / fan_out), fan_out = out channels * kernel area
    1-D `weight`          0.1 + 0.2 * u
    `bias`                u - 0.5
    `running_mean`        0.2 * (u - 0.5)
    `running_var`         0.5 + u
    `images`, `gradient`  4u - 2

each computed in float64 and rounded to float32. The networks then run in float64, so the expected
outputs carry no rounding of their own; the small batch-norm scales keep train mode, where single
precision amplifies its rounding, well conditioned.
"""

import sys

import numpy as np
import torch
import torchvision
from safetensors.torch import save_file

GOLDEN = 0x9E3779B97F4A7C15
MASK = (1 << 64) - 1


def uniform(name, count):
    """`u(name, 0 .. count)` in float64."""
    digest = 0xCBF29CE484222325
    for byte in name.encode():
        digest = ((digest ^ byte) * 0x100000001B3) & MASK
    with np.errstate(over="ignore"):
        z = np.uint64(digest) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(GOLDEN)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(40)).astype(np.float64) / float(1 << 24)


def value(name, shape):
    """The tensor of this name and shape."""
    u = uniform(name, int(np.prod(shape)))
    if name.endswith("running_mean"):
        v = 0.2 * (u - 0.5)
    elif name.endswith("running_var"):
        v = 0.5 + u
    elif name.endswith("bias"):
        v = u - 0.5
    elif name.endswith("weight") and len(shape) == 4:
        v = (2.0 * u - 1.0) * np.sqrt(6.0 / (shape[0] * shape[2] * shape[3]))
    elif name.endswith("weight"):
        v = 0.1 + 0.2 * u
    else:
        v = 4.0 * u - 2.0
    return torch.from_numpy(v.astype(np.float32).reshape(shape))


def seeded(network):
    """Gives the network the formula's weights; the classifier is not used."""
    state = {
        name: value(name, tuple(tensor.shape)) if tensor.ndim else tensor
        for name, tensor in network.state_dict().items()
    }
    network.load_state_dict(state)
    return network


def forward(network, images):
    """Mean over space of each stage's map; the last one is the pooled features."""
    x = network.maxpool(network.relu(network.bn1(network.conv1(images))))
    means = []
    for stage in (network.layer1, network.layer2, network.layer3, network.layer4):
        x = stage(x)
        means.append(x.mean(dim=(2, 3)))
    return means


def main(path):
    out = {}
    images = value("images", (2, 3, 64, 64)).double()
    for depth, make in (("resnet18", torchvision.models.resnet18), ("resnet50", torchvision.models.resnet50)):
        for mode in ("eval", "train"):
            network = seeded(make(weights=None)).train(mode == "train").double()
            means = forward(network, images)
            for stage, mean in enumerate(means, start=1):
                out[f"{depth}.{mode}.layer{stage}"] = mean.detach()
            if mode == "train":
                for name in ("bn1.running_mean", "bn1.running_var", "layer4.1.bn2.running_var"):
                    out[f"{depth}.{mode}.{name}"] = network.state_dict()[name]
                (means[-1] * value("gradient", tuple(means[-1].shape))).sum().backward()
                for name in ("bn1.weight", "layer2.0.downsample.1.bias"):
                    out[f"{depth}.{mode}.grad.{name}"] = network.get_parameter(name).grad
    save_file({name: tensor.float().contiguous() for name, tensor in out.items()}, path)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(sys.argv[1])
