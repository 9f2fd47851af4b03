"""SimCLR, BYOL and SwAV as the golden files have them, written in Python."""

import torch
import torch.nn.functional as F
from torch import nn

import ssl_lottery as ssl


def mlp(inputs, widths, bias, last_norm=False):
    """Linear, batch norm, ReLU, …, Linear; `bias` is for the hidden layers, the last one has none."""
    layers = []
    for width in widths[:-1]:
        layers += [nn.Linear(inputs, width, bias=bias), nn.BatchNorm1d(width), nn.ReLU()]
        inputs = width
    layers.append(nn.Linear(inputs, widths[-1], bias=False))
    if last_norm:
        norm = nn.BatchNorm1d(widths[-1])
        norm.bias = None
        layers.append(norm)
    return nn.Sequential(*layers)


class SimCLR(ssl.Framework):
    id, name, family, paper, year = "simclr", "SimCLR", "contrastive", "arXiv:2002.05709", 2020
    projector_layers = ssl.Key(2, ssl.whole(1, 8), "Linear layers of the projector.", "section 3")
    projector_hidden_dim = ssl.Key(2048, ssl.at_least(1), "Width of the hidden layers.", "section 3")
    projector_dim = ssl.Key(128, ssl.at_least(1), "Width of the projections.", "section 3")
    temperature = ssl.Key(0.1, ssl.positive(), "Temperature of the softmax.", "table 5")

    def build(self, context):
        widths = [self.projector_hidden_dim] * (self.projector_layers - 1) + [self.projector_dim]
        self.projector = mlp(context.dim, widths, bias=False, last_norm=True)

    def loss(self, step, features):
        z = F.normalize(self.projector(torch.cat(features.all_online())), dim=1)
        places = torch.arange(len(z))
        own = torch.eye(len(z), dtype=torch.bool)
        logits = (z @ z.T / self.temperature).masked_fill(own, -1e9)
        return 2 * F.cross_entropy(logits, (places + features.batch) % len(z))


class BYOL(ssl.Framework):
    id, name, family, paper, year = "byol", "BYOL", "distillation", "arXiv:2006.07733", 2020
    projector_hidden_dim = ssl.Key(4096, ssl.at_least(1), "Width of the projector.", "section 3.3")
    projector_dim = ssl.Key(256, ssl.at_least(1), "Width of the projections.", "section 3.3")
    predictor_hidden_dim = ssl.Key(4096, ssl.at_least(1), "Width of the predictor.", "section 3.3")
    momentum = ssl.Key(0.996, ssl.fraction(), "Momentum at the start.", "section 3.3")
    momentum_schedule = ssl.Key("cosine", ssl.one_of("cosine", "constant"), "How it rises.", "section 3.3")
    encoders = [ssl.online(0, 1, grouping="per-view"), ssl.target(0, 1, grouping="per-view")]

    def target_momentum(self):
        if self.momentum_schedule == "constant":
            return ssl.constant_momentum(self.momentum)
        return ssl.cosine_momentum(self.momentum)

    def build(self, context):
        self.projector = mlp(context.dim, [self.projector_hidden_dim, self.projector_dim], bias=True)
        self.predictor = mlp(self.projector_dim, [self.predictor_hidden_dim, self.projector_dim], bias=True)
        self.target = ssl.Momentum(projector=self.projector)

    def loss(self, step, features):
        predicted = [self.predictor(self.projector(features.online(view))) for view in (0, 1)]
        aimed = [self.target.projector(features.target(view)) for view in (0, 1)]
        pairs = ((predicted[0], aimed[1]), (predicted[1], aimed[0]))
        return sum((2 - 2 * F.cosine_similarity(p, z)).mean() for p, z in pairs)


class SwAV(ssl.Framework):
    id, name, family, paper, year = "swav", "SwAV", "clustering", "arXiv:2006.09882", 2020
    num_crops = ssl.Key([2], ssl.list_of(ssl.whole(1, 64), 1, 2), "Crops by resolution.", "main_swav.py")
    crops_for_assign = ssl.Key([0, 1], ssl.list_of(ssl.at_least(0), 1), "Crops with codes.", "main_swav.py")
    projector_hidden_dim = ssl.Key(2048, ssl.at_least(1), "Width of the projector.", "main_swav.py")
    projector_dim = ssl.Key(128, ssl.at_least(1), "Width of the projections.", "main_swav.py")
    num_prototypes = ssl.Key(3000, ssl.at_least(1), "Number of prototypes.", "section 4")
    temperature = ssl.Key(0.1, ssl.positive(), "Temperature of the prediction.", "section 4")
    epsilon = ssl.Key(0.05, ssl.positive(), "Regularisation of the codes.", "section 4")
    sinkhorn_iters = ssl.Key(3, ssl.at_least(1), "Rounds of Sinkhorn.", "section 4")
    queue_size = ssl.Key(0, ssl.at_least(0), "Rows of the queue.", "main_swav.py")
    queue_start_epoch = ssl.Key(15, ssl.at_least(0), "Epoch of the queue's start.", "main_swav.py")
    freeze_prototypes_steps = ssl.Key(313, ssl.at_least(0), "Steps of frozen prototypes.", "main_swav.py")
    stops_gradient = True

    def views(self):
        sizes = ((224, (0.14, 1.0), "global"), (96, (0.05, 0.14), "local"))
        return [
            ssl.group(role, count, ssl.augmentations(size, area), role)
            for count, (size, area, role) in zip(self.num_crops, sizes)
        ]

    def encoders(self):
        return [ssl.online(*range(sum(self.num_crops)))]

    def build(self, context):
        hidden, out = self.projector_hidden_dim, self.projector_dim
        self.projector = nn.Sequential(
            nn.Linear(context.dim, hidden), nn.BatchNorm1d(hidden), nn.ReLU(), nn.Linear(hidden, out)
        )
        self.prototypes = nn.Linear(out, self.num_prototypes, bias=False)
        self.register_buffer("queue", None)

    def begin_epoch(self, step):
        if self.queue is None and self.queue_size > 0 and step.epoch >= self.queue_start_epoch:
            rows = self.queue_size // self.context.global_batch * self.context.batch_size
            self.queue = torch.zeros(len(self.crops_for_assign), rows, self.projector_dim)

    def loss(self, step, features):
        batch = features.batch
        with torch.no_grad():
            self.prototypes.weight.copy_(F.normalize(self.prototypes.weight, dim=1))
        z = F.normalize(self.projector(torch.cat(features.all_online())), dim=1).split(batch)
        scores = [self.prototypes(it) for it in z]
        total = 0.0
        for n, crop in enumerate(self.crops_for_assign):
            code = self.code(n, scores[crop].detach())
            if self.queue is not None:
                self.queue[n] = torch.cat([z[crop].detach(), self.queue[n, :-batch]])
            others = [F.cross_entropy(s / self.temperature, code) for v, s in enumerate(scores) if v != crop]
            total = total + sum(others) / len(others)
        return total / len(self.crops_for_assign)

    @torch.no_grad()
    def code(self, n, scores):
        batch = len(scores)
        if self.queue is not None and bool((self.queue[n, -1] != 0).any()):
            scores = torch.cat([self.queue[n] @ self.prototypes.weight.T, scores])
        q = torch.exp(scores / self.epsilon).T
        q /= q.sum()
        for _ in range(self.sinkhorn_iters):
            q /= q.sum(dim=1, keepdim=True) * len(q)
            q /= q.sum(dim=0, keepdim=True) * q.shape[1]
        return (q * q.shape[1]).T[-batch:]
