"""Writes a golden file: the inputs of one step, and what a reference computes from them in float64.

    pip install torch numpy safetensors
    python golden/make.py

The host compares the plugin with it: ssl-lottery conformance LIB --golden golden
"""

import json
import pathlib

import torch
from safetensors.torch import save_file
from torch.nn.functional import linear, normalize, relu

ID = "align-uniform"
CONFIG = {"projector_hidden_dim": 24, "projector_dim": 8, "uniformity": 0.7, "alpha": 1.5, "t": 3.0}
BATCH, DIM = 16, 12

torch.manual_seed(0)


def draw(*shape):
    # Numbers that float32 holds exactly, so that both sides start from the same ones.
    return torch.randn(shape).double().requires_grad_()


inputs = {
    "online.0": draw(BATCH, DIM),
    "online.1": draw(BATCH, DIM),
    "param.projector.0.weight": draw(CONFIG["projector_hidden_dim"], DIM),
    "param.projector.0.bias": draw(CONFIG["projector_hidden_dim"]),
    "param.projector.2.weight": draw(CONFIG["projector_dim"], CONFIG["projector_hidden_dim"]),
    "param.projector.2.bias": draw(CONFIG["projector_dim"]),
}


def project(h):
    hidden = relu(linear(h, inputs["param.projector.0.weight"], inputs["param.projector.0.bias"]))
    return normalize(linear(hidden, inputs["param.projector.2.weight"], inputs["param.projector.2.bias"]))


def uniformity(x):
    return torch.pdist(x).square().mul(-CONFIG["t"]).exp().mean().log()


x, y = project(inputs["online.0"]), project(inputs["online.1"])
alignment = (x - y).norm(dim=1).pow(CONFIG["alpha"]).mean()
loss = alignment + CONFIG["uniformity"] * (uniformity(x) + uniformity(y)) / 2
gradients = torch.autograd.grad(loss, list(inputs.values()))

tensors = {name: tensor.detach().float() for name, tensor in inputs.items()}
tensors |= {f"expect.grad.{name}": gradient.float() for name, gradient in zip(inputs, gradients)}
tensors |= {"expect.loss": loss.detach().float(), "index": torch.arange(BATCH)}
metadata = {
    "format": "1",
    "framework": ID,
    "config": json.dumps(CONFIG),
    "context": json.dumps({"epoch": 0, "epochs": 10, "step": 3, "steps_per_epoch": 5}),
    "source": "the formulas, in PyTorch's float64",
}
save_file(tensors, pathlib.Path(__file__).with_name("step.safetensors"), metadata)
