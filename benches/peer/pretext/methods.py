"""One pretext step of each framework at its official widths: heads, loss, backward, momentum.

Each class is `method(features) -> loss`; `features` are leaves of `[batch, 2048]`, online ones first. What the papers
compute without gradient is under `torch.no_grad`. Equal work matters here, not equal numbers: weights and labels are
drawn, schedules are left out.
"""

import copy

import torch
import torch.nn.functional as F
from torch import nn

WIDTH = 2048


def mlp(*widths, bias=False, norm=True, last=()):
    """Linear layers with batch norm (or none) and ReLU between them, then `last`."""
    layers = []
    for number, (inputs, outputs) in enumerate(zip(widths, widths[1:])):
        layers.append(nn.Linear(inputs, outputs, bias=bias))
        if number + 2 < len(widths):
            layers += [nn.BatchNorm1d(outputs), nn.ReLU(inplace=True)] if norm else [nn.ReLU(inplace=True)]
    return nn.Sequential(*layers, *last)


class Method(nn.Module):
    """A framework: how many online and target features it takes, its batch, its loss."""

    online, target, batch = 2, 0, 256
    followed = ()

    def followers(self):
        for name in self.followed:
            copied = copy.deepcopy(getattr(self, name)).requires_grad_(False)
            setattr(self, f"{name}_target", copied)

    @torch.no_grad()
    def after_update(self):
        for name in self.followed:
            own, target = getattr(self, name), getattr(self, f"{name}_target")
            for a, b in zip(own.parameters(), target.parameters()):
                b.mul_(0.99).add_(a, alpha=0.01)


class SimCLR(Method):
    def __init__(self):
        super().__init__()
        self.head = mlp(WIDTH, WIDTH, 128, last=[nn.BatchNorm1d(128)])
        self.head[-1].bias.requires_grad_(False)

    def forward(self, h):
        z = F.normalize(self.head(torch.cat(h)), dim=1)
        a, b = z.chunk(2)
        own = torch.eye(len(a)) * 1e9
        labels = torch.arange(len(a))
        ab = a @ b.T / 0.1
        one = torch.cat([ab, a @ a.T / 0.1 - own], 1)
        two = torch.cat([ab.T, b @ b.T / 0.1 - own], 1)
        return F.cross_entropy(one, labels) + F.cross_entropy(two, labels)


class MoCo(Method):
    online, target = 1, 1
    followed = ("head",)

    def __init__(self, size=65536):
        super().__init__()
        self.head = mlp(WIDTH, WIDTH, 128, bias=True, norm=False)
        self.followers()
        self.queue = F.normalize(torch.randn(128, size), dim=0)
        self.pointer = 0

    def forward(self, h):
        q = F.normalize(self.head(h[0]), dim=1)
        with torch.no_grad():
            k = F.normalize(self.head_target(h[1]), dim=1)
        positive = torch.einsum("nc,nc->n", q, k).unsqueeze(1)
        negative = torch.einsum("nc,ck->nk", q, self.queue.clone().detach())
        logits = torch.cat([positive, negative], 1) / 0.2
        loss = F.cross_entropy(logits, torch.zeros(len(q), dtype=torch.long))
        self.queue[:, self.pointer : self.pointer + len(k)] = k.T
        self.pointer = (self.pointer + len(k)) % self.queue.shape[1]
        return loss


class PCL(MoCo):
    """Before its first clustering: MoCo's loss with a shorter queue."""

    def __init__(self):
        super().__init__(16384)


class BYOL(Method):
    target = 2
    followed = ("projector",)

    def __init__(self):
        super().__init__()
        self.projector = mlp(WIDTH, 4096, 256, bias=True)
        self.predictor = mlp(256, 4096, 256, bias=True)
        self.followers()

    def forward(self, h):
        p = [F.normalize(self.predictor(self.projector(x)), dim=1) for x in h[:2]]
        with torch.no_grad():
            z = [F.normalize(self.projector_target(x), dim=1) for x in h[2:]]
        return sum(((a - b) ** 2).sum(1).mean() for a, b in zip(p, z[::-1]))


class SimSiam(Method):
    def __init__(self):
        super().__init__()
        self.projector = mlp(WIDTH, WIDTH, WIDTH, WIDTH, last=[nn.BatchNorm1d(WIDTH, affine=False)])
        self.predictor = nn.Sequential(
            nn.Linear(WIDTH, 512, bias=False), nn.BatchNorm1d(512), nn.ReLU(inplace=True), nn.Linear(512, WIDTH)
        )

    def forward(self, h):
        z = [self.projector(x) for x in h]
        p = [self.predictor(x) for x in z]
        cosine = nn.CosineSimilarity(dim=1)
        return -(cosine(p[0], z[1].detach()).mean() + cosine(p[1], z[0].detach()).mean()) * 0.5


class Clustered(Method):
    """The projector that SwAV, SeLa-v2 and DeepCluster-v2 share."""

    def __init__(self):
        super().__init__()
        self.projector = mlp(WIDTH, WIDTH, 128, bias=True)

    def project(self, h):
        return F.normalize(self.projector(torch.cat(h)), dim=1)


class SwAV(Clustered):
    def __init__(self):
        super().__init__()
        self.prototypes = nn.Linear(128, 3000, bias=False)

    @torch.no_grad()
    def codes(self, scores):
        q = torch.exp(scores / 0.05).T
        q /= q.sum()
        for _ in range(3):
            q /= q.sum(1, keepdim=True) * q.shape[0]
            q /= q.sum(0, keepdim=True) * q.shape[1]
        return (q * q.shape[1]).T

    def forward(self, h):
        with torch.no_grad():
            self.prototypes.weight.copy_(F.normalize(self.prototypes.weight, dim=1))
        scores = self.prototypes(self.project(h)).chunk(2)
        loss = 0
        for own, other in ((0, 1), (1, 0)):
            code = self.codes(scores[own].detach())
            loss -= (code * F.log_softmax(scores[other] / 0.1, 1)).sum(1).mean() / 2
        return loss


class SeLa(Clustered):
    def __init__(self):
        super().__init__()
        self.prototypes = nn.ModuleList(nn.Linear(128, 3000, bias=False) for _ in range(3))

    def forward(self, h):
        with torch.no_grad():
            for head in self.prototypes:
                head.weight.copy_(F.normalize(head.weight, dim=1))
        z = self.project(h)
        labels = torch.arange(len(h[0])).repeat(len(h))
        return sum(F.cross_entropy(head(z) / 0.1, labels) for head in self.prototypes) / 3


class DeepCluster(SeLa):
    def __init__(self):
        super().__init__()
        self.prototypes.requires_grad_(False)

    def forward(self, h):
        z = self.project(h)
        labels = torch.arange(len(h[0])).repeat(len(h))
        return sum(F.cross_entropy(head(z) / 0.1, labels) for head in self.prototypes) / 3


class DINO(Method):
    online, target, batch = 10, 2, 32
    followed = ("body", "last")

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(WIDTH, WIDTH), nn.GELU(), nn.Linear(WIDTH, WIDTH), nn.GELU(), nn.Linear(WIDTH, 256)
        )
        self.last = nn.utils.weight_norm(nn.Linear(256, 65536, bias=False))
        self.last.weight_g.data.fill_(1)
        self.last.weight_g.requires_grad_(False)
        self.body_target = copy.deepcopy(self.body).requires_grad_(False)
        target = nn.utils.weight_norm(nn.Linear(256, 65536, bias=False))
        target.load_state_dict(self.last.state_dict())
        self.last_target = target.requires_grad_(False)
        self.center = torch.zeros(1, 65536)

    def forward(self, h):
        student = self.last(F.normalize(self.body(torch.cat(h[:10])), dim=1)) / 0.1
        with torch.no_grad():
            teacher = self.last_target(F.normalize(self.body_target(torch.cat(h[10:])), dim=1))
            targets = F.softmax((teacher - self.center) / 0.04, 1).chunk(2)
        total, pairs = 0, 0
        for i, q in enumerate(targets):
            for v, s in enumerate(student.chunk(10)):
                if v != i:
                    total += (-q * F.log_softmax(s, 1)).sum(1).mean()
                    pairs += 1
        self.center = self.center * 0.9 + teacher.mean(0, keepdim=True) * 0.1
        return total / pairs


class Wide(Method):
    def __init__(self):
        super().__init__()
        self.projector = mlp(WIDTH, 8192, 8192, 8192)


def off_diagonal(x):
    n = len(x)
    return x.flatten()[:-1].view(n - 1, n + 1)[:, 1:].flatten()


class BarlowTwins(Wide):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm1d(8192, affine=False)

    def forward(self, h):
        a, b = (self.norm(self.projector(x)) for x in h)
        c = a.T @ b / len(a)
        return (torch.diagonal(c) - 1).pow(2).sum() + 0.0051 * off_diagonal(c).pow(2).sum()


class VICReg(Wide):
    def __init__(self):
        super().__init__()
        self.projector = mlp(WIDTH, 8192, 8192, 8192, bias=True)

    def forward(self, h):
        z = [self.projector(x) for x in h]
        loss = 25 * F.mse_loss(*z)
        for x in z:
            x = x - x.mean(0)
            loss = loss + 25 * F.relu(1 - torch.sqrt(x.var(0) + 1e-4)).mean() / 2
            loss = loss + off_diagonal(x.T @ x / (len(x) - 1)).pow(2).sum() / x.shape[1]
        return loss


METHODS = {
    "simclr": SimCLR,
    "moco": MoCo,
    "byol": BYOL,
    "simsiam": SimSiam,
    "swav": SwAV,
    "pcl": PCL,
    "barlow": BarlowTwins,
    "vicreg": VICReg,
    "dino": DINO,
    "sela": SeLa,
    "deepcluster": DeepCluster,
}
