"""Writes a golden file: the inputs of one step, and what a reference computes from them in float64.

    pip install torch numpy safetensors
    python golden/make.py

The host compares the plugin with it: ssl-lottery conformance LIB --golden golden
"""

import json
import pathlib

import torch
from safetensors.torch import save_file
from torch.nn.functional import cosine_similarity, linear, relu

ID = "simsiam-cpp"
BATCH, DIM, OUT = 16, 12, 8

torch.manual_seed(0)


def draw(*shape):
    # Numbers that float32 holds exactly, so that both sides start from the same ones.
    return torch.randn(shape).double().requires_grad_()


inputs = {
    "online.0": draw(BATCH, DIM),
    "online.1": draw(BATCH, DIM),
    "param.projector.weight": draw(OUT, DIM),
    "param.projector.bias": draw(OUT),
    "param.predictor.weight": draw(OUT, OUT),
    "param.predictor.bias": draw(OUT),
}


def project(h):
    return linear(h, inputs["param.projector.weight"], inputs["param.projector.bias"])


def predict(z):
    return linear(relu(z), inputs["param.predictor.weight"], inputs["param.predictor.bias"])


z_0, z_1 = project(inputs["online.0"]), project(inputs["online.1"])
loss = -0.5 * cosine_similarity(predict(z_0), z_1.detach(), eps=1e-8).mean()
loss = loss - 0.5 * cosine_similarity(predict(z_1), z_0.detach(), eps=1e-8).mean()
gradients = torch.autograd.grad(loss, list(inputs.values()))

tensors = {name: tensor.detach().float() for name, tensor in inputs.items()}
tensors |= {f"expect.grad.{name}": gradient.float() for name, gradient in zip(inputs, gradients)}
tensors |= {"expect.loss": loss.detach().float(), "index": torch.arange(BATCH)}
metadata = {
    "format": "1",
    "framework": ID,
    "config": json.dumps({}),
    "context": json.dumps({"epoch": 0, "epochs": 10, "step": 3, "steps_per_epoch": 5}),
    "source": "the formula, in PyTorch's float64",
}
save_file(tensors, pathlib.Path(__file__).with_name("step.safetensors"), metadata)
