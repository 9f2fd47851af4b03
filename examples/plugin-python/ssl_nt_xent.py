"""NtXent: a framework for ssl-lottery. Two views of an image attract, all other images of the batch repel."""

import torch
import torch.nn.functional as F
from torch import nn

import ssl_lottery as ssl


def nt_xent(z_0: torch.Tensor, z_1: torch.Tensor, temperature: float) -> torch.Tensor:
    """The normalised temperature-scaled cross-entropy, arXiv:2002.05709 equation 1.

    With unit rows `z` of both views and `s(a, b) = a·b / temperature`, the mean over all rows `i` of
    `−s(z_i, z_j) + log Σ_{k≠i} exp s(z_i, z_k)`, where `j` is the other view of the same image.

    `z_0` and `z_1` are `[batch, dim]` with rows of any length; the result is `[]`.
    """
    z = F.normalize(torch.cat([z_0, z_1]), dim=1)
    own = torch.eye(len(z), dtype=torch.bool, device=z.device)
    logits = (z @ z.T / temperature).masked_fill(own, float("-inf"))
    partner = (torch.arange(len(z), device=z.device) + len(z_0)) % len(z)
    return F.cross_entropy(logits, partner)


class NtXent(ssl.Framework):
    """Linear, ReLU, Linear; NT-Xent over the images of all ranks."""

    id = "nt-xent"
    name = "NtXent"
    family = "contrastive"
    paper = "arXiv:2002.05709"
    year = 2020

    hidden_dim = ssl.Key(512, ssl.at_least(1), "Width of the hidden layer.", "chosen for this example")
    dim = ssl.Key(128, ssl.at_least(1), "Width of the projections.", "arXiv:2002.05709 section 3")
    temperature = ssl.Key(0.5, ssl.positive(), "Temperature of the softmax.", "arXiv:2002.05709 appendix B.9")

    views = [ssl.group("view", 2, ssl.augmentations())]
    encoders = [ssl.online(0, 1)]
    recipe = ssl.recipe(256, 200, lr=ssl.cosine(0.06, warmup_epochs=10))
    stops_gradient = False

    def build(self, context: ssl.Context) -> None:
        self.projector = nn.Sequential(
            nn.Linear(context.dim, self.hidden_dim), nn.ReLU(), nn.Linear(self.hidden_dim, self.dim)
        )

    def loss(self, step: ssl.Step, features: ssl.Features) -> torch.Tensor:
        gather = self.context.ranks.all_gather
        z_0, z_1 = (gather(self.projector(features.online(view))) for view in (0, 1))
        return nt_xent(z_0, z_1, self.temperature)
