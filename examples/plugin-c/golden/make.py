"""Writes a golden file: the inputs of one step, and what a reference computes from them in float64.

    pip install numpy safetensors
    python golden/make.py

The host compares the plugin with it: ssl-lottery conformance LIB --golden golden
"""

import json
import pathlib

import numpy as np
from safetensors.numpy import save_file

ID = "align"
BATCH, DIM = 8, 6

rng = np.random.default_rng(0)
x, y = rng.standard_normal((2, BATCH, DIM)).astype(np.float32).astype(np.float64)
w = rng.uniform(0.5, 1.5, DIM).astype(np.float32).astype(np.float64)

apart = x - y
loss = (w**2 * apart**2).sum() / (2 * BATCH) - np.log(np.abs(w)).mean()
grad_x = w**2 * apart / BATCH
grad_w = (w * apart**2).sum(0) / BATCH - 1 / (w * DIM)

tensors = {
    "online.0": x,
    "online.1": y,
    "param.w": w,
    "expect.loss": np.array(loss),
    "expect.grad.online.0": grad_x,
    "expect.grad.online.1": -grad_x,
    "expect.grad.param.w": grad_w,
}
tensors = {name: np.ascontiguousarray(tensor, dtype=np.float32) for name, tensor in tensors.items()}
tensors |= {
    "index": np.arange(BATCH),
    "state.steps": np.array([3]),
    "expect.state.steps": np.array([4]),
}
metadata = {
    "format": "1",
    "framework": ID,
    "config": json.dumps({}),
    "context": json.dumps({"epoch": 0, "epochs": 10, "step": 3, "steps_per_epoch": 5}),
    "source": "the formula, in numpy's float64",
}
save_file(tensors, pathlib.Path(__file__).with_name("step.safetensors"), metadata)
