"""One run: pretraining, then the vote of the neighbours."""

import math
import time

import torch

from . import data, network
from .methods import METHODS


def groups(method, recipe):
    """Parameter groups of AdamW, with the factor on the rate and whether it stays at its peak."""
    found = {}
    for name, parameter in method.named_parameters():
        if not parameter.requires_grad:
            continue
        vector = parameter.ndim <= 1
        decay = 0.0 if vector and method.exempt_vectors else recipe["weight_decay"]
        key = (decay, method.vector_lr if vector else 1.0, method.constant_lr(name))
        found.setdefault(key, []).append(parameter)
    return [
        {"params": parameters, "weight_decay": decay, "scale": scale, "constant": constant}
        for (decay, scale, constant), parameters in found.items()
    ]


def rate(step, per_epoch, recipe):
    """Linear from 0 over the warm-up, then half a cosine to 0."""
    peak, warm, epoch = recipe["lr"], recipe["warmup_epochs"], step / per_epoch
    if epoch < warm:
        return peak * epoch / warm
    return peak * 0.5 * (1 + math.cos(math.pi * (epoch - warm) / (recipe["epochs"] - warm)))


def pretrain(framework, bench, images, progress):
    config, recipe = bench.config(framework), bench.recipe(framework)
    method = METHODS[framework]
    method = method(network.backbone(bench.width, method.zero_init_residual), config)
    batches = data.Batches(images, data.views(framework, config, bench), recipe["batch_size"])
    optimizer = torch.optim.AdamW(
        groups(method, recipe), betas=tuple(recipe["optimizer"]["betas"]), eps=recipe["optimizer"]["eps"]
    )
    step, losses, total = 0, [], recipe["epochs"] * len(batches)
    for epoch in range(recipe["epochs"]):
        method.train()
        for views in batches.epoch():
            lr = rate(step, len(batches), recipe)
            for group in optimizer.param_groups:
                group["lr"] = group["scale"] * (recipe["lr"] if group["constant"] else lr)
            optimizer.zero_grad(set_to_none=True)
            loss = method.loss(views, step, epoch)
            loss.backward()
            method.before_update(epoch)
            optimizer.step()
            method.after_update(step / total)
            losses.append(loss.item())
            step += 1
            progress(step, total, losses[-1])
    return method.backbone, losses


def run(framework, seed, bench, progress):
    """A finished run as a table for JSON."""
    torch.manual_seed(seed)
    images, labels = data.read(bench.files("train"))
    began = time.monotonic()
    backbone, losses = pretrain(framework, bench, images, progress)
    seconds = time.monotonic() - began
    normalize = data.normalization(framework)
    tests, truth = data.read(bench.files("test"))
    bank, queries = (network.features(backbone, data.whole(part, bench.size, normalize)) for part in (images, tests))
    found = network.knn(bank, labels, queries, bench.knn["k"][0], bench.knn["temperature"])
    return {
        "framework": framework,
        "seed": seed,
        "settings": bench.digest(framework),
        "correct": int((found == truth).sum()),
        "n": len(truth),
        "losses": losses,
        "seconds": seconds,
        "torch": torch.__version__,
    }
