"""Writes a golden file: the inputs of one step, and what a reference computes from them in float64.

    pip install torch safetensors
    python golden/make.py

The host compares the framework with it: make conformance
"""

import json
import pathlib

import torch
from safetensors.torch import save_file
from torch.nn.functional import linear, normalize, relu

ID = "nt-xent"
BATCH, DIM, HIDDEN, OUT, TEMPERATURE = 16, 12, 20, 8, 0.5

torch.manual_seed(0)


def draw(*shape):
    # Numbers that float32 holds exactly, so that both sides start from the same ones.
    return torch.randn(shape).double().requires_grad_()


inputs = {
    "online.0": draw(BATCH, DIM),
    "online.1": draw(BATCH, DIM),
    "param.projector.0.weight": draw(HIDDEN, DIM),
    "param.projector.0.bias": draw(HIDDEN),
    "param.projector.2.weight": draw(OUT, HIDDEN),
    "param.projector.2.bias": draw(OUT),
}


def project(h):
    hidden = relu(linear(h, inputs["param.projector.0.weight"], inputs["param.projector.0.bias"]))
    z = linear(hidden, inputs["param.projector.2.weight"], inputs["param.projector.2.bias"])
    return normalize(z, dim=1)


z = torch.cat([project(inputs["online.0"]), project(inputs["online.1"])])
loss = 0.0
for i in range(2 * BATCH):
    others = [torch.dot(z[i], z[k]) / TEMPERATURE for k in range(2 * BATCH) if k != i]
    loss = loss - torch.dot(z[i], z[(i + BATCH) % (2 * BATCH)]) / TEMPERATURE
    loss = loss + torch.logsumexp(torch.stack(others), 0)
loss = loss / (2 * BATCH)
gradients = torch.autograd.grad(loss, list(inputs.values()))

tensors = {name: tensor.detach().float() for name, tensor in inputs.items()}
tensors |= {f"expect.grad.{name}": gradient.float() for name, gradient in zip(inputs, gradients)}
tensors |= {"expect.loss": loss.detach().float(), "index": torch.arange(BATCH)}
metadata = {
    "format": "1",
    "framework": ID,
    "config": json.dumps({"hidden_dim": HIDDEN, "dim": OUT, "temperature": TEMPERATURE}),
    "context": json.dumps({"epoch": 0, "epochs": 10, "step": 3, "steps_per_epoch": 5}),
    "source": "the formula, in PyTorch's float64",
}
save_file(tensors, pathlib.Path(__file__).with_name("step.safetensors"), metadata)
