"""Uses everything that the boundary offers."""

import random

import torch
from torch import nn

import ssl_lottery as ssl


class Everything(ssl.Framework):
    id, name, paper, year = "everything", "Everything", "none", 2026
    passes = [ssl.center_pass("bank"), ssl.training_pass("views", [0, 1])]
    encoders = [ssl.online(0, 1, levels=("pooled", "layer4")), ssl.target(0)]
    target_momentum = ssl.constant_momentum(0.5)
    resizable = ("grown",)

    def build(self, context):
        self.head = nn.Linear(context.dim, 4)
        self.maps = nn.Conv2d(context.level_dim("layer4"), 4, 1)
        self.target = ssl.Momentum(head=self.head)
        self.register_buffer("bank", None)
        self.register_buffer("grown", torch.zeros(0, 4))
        self.register_buffer("replaced", torch.zeros(4))
        self.register_buffer("seen", torch.zeros((), dtype=torch.int32))
        self.extra = None
        self.kept = []

    def due(self, step):
        return "bank" if self.bank is None else None

    def begin_pass(self, step, id, samples):
        self.rows = torch.zeros(samples, self.context.dim)

    def absorb(self, features):
        self.rows[features.indices] = features.online(0)

    def end_pass(self):
        self.bank = self.rows.mean(0)

    def begin_epoch(self, step):
        if step.epoch == 1 and self.extra is None:
            self.extra = nn.Linear(4, 4)
        order = torch.randperm(self.context.samples, generator=self.context.generator("order"))
        return ssl.EpochPlan(order=order, reset_optimizer=["head.weight"])

    def loss(self, step, features):
        z = self.head(features.online(0)) - self.target(features.target(0))
        maps = self.maps(features.online(1, "layer4")).mean((2, 3))
        maps = maps + self.head(features.online(1)) + self.maps(features.online(0, "layer4")).mean((2, 3))
        noise = torch.randn(4, generator=self.context.generator("noise"))
        # Drawn from the global generators, which are saved too.
        noise = noise + torch.rand(4) + random.random()
        self.replaced = self.replaced * 0.5 + z.detach().mean(0)
        self.grown = torch.cat([self.grown, z.detach()[:1]])
        self.seen += 1
        self.kept = [*self.kept[-2:], (features.online(0), features.online(0).detach().clone())]
        for kept, copy in self.kept:
            if not torch.equal(kept.detach(), copy):
                raise ssl.Fault("a feature that was kept has changed")
        total = self.context.ranks.all_reduce_sum(z.mean(0))
        rows = self.context.ranks.all_gather(maps)
        extra = 0.0 if self.extra is None else self.extra(maps).square().mean()
        loss = (z + noise + self.replaced + total).square().mean() + rows.square().mean() + extra
        return loss, {"seen": self.seen, "infinite": float("inf")}

    def cluster(self, step, bank):
        return {"centroids.0": bank["bank.features"].mean(0, keepdim=True), "assignment.0": bank["bank.index"] * 0}
