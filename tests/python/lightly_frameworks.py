"""Six of lightly's losses with lightly's heads. Keys, and with them defaults, are those of the native plugins; heads
have the widths and biases of the official codes, which lightly's ready-made ones do not always have."""

import torch
from lightly import loss as losses
from lightly.models.modules import heads
from torch import nn

import ssl_lottery as ssl


def width(default):
    return ssl.Key(default, ssl.at_least(1), "A width.", "as in the native plugin")


def mlp(context, inputs, widths, bias):
    """Linear, batch norm, ReLU for all widths but the last, then a Linear without bias."""
    blocks = []
    for out in widths[:-1]:
        blocks.append((inputs, out, nn.BatchNorm1d(out), nn.ReLU(), bias))
        inputs = out
    head = heads.ProjectionHead([*blocks, (inputs, widths[-1], None, None, False)])
    return ssl.synchronized(head, context.ranks)


class SimCLR(ssl.Framework):
    id, name, family, paper, year = "lightly-simclr", "SimCLR by lightly", "contrastive", "arXiv:2002.05709", 2020
    projector_hidden_dim = width(2048)
    projector_dim = width(128)
    temperature = ssl.Key(0.1, ssl.positive(), "Temperature of the softmax.", "arXiv:2002.05709 table 5")

    def build(self, context):
        self.projector = heads.SimCLRProjectionHead(context.dim, self.projector_hidden_dim, self.projector_dim)
        # The official last batch norm has no offset.
        self.projector.layers[-1].bias.requires_grad_(False)
        self.criterion = losses.NTXentLoss(self.temperature)

    def loss(self, step, features):
        z_0, z_1 = self.projector(torch.cat(features.all_online())).chunk(2)
        # The official loss adds the two views' halves, lightly's is their mean.
        return 2 * self.criterion(z_0, z_1)


class MoCo(ssl.Framework):
    id, name, family, paper, year = "lightly-moco", "MoCo by lightly", "contrastive", "arXiv:2003.04297", 2020
    projector_hidden_dim = width(2048)
    projector_dim = width(128)
    queue_size = width(4096)
    temperature = ssl.Key(0.2, ssl.positive(), "Temperature of the softmax.", "arXiv:2003.04297")
    encoders = [ssl.online(0, grouping="per-view"), ssl.target(1, grouping="per-view")]
    target_momentum = ssl.constant_momentum(0.999)

    def build(self, context):
        self.projector = heads.MoCoProjectionHead(context.dim, self.projector_hidden_dim, self.projector_dim)
        self.target = ssl.Momentum(projector=self.projector)
        bank = (self.queue_size, self.projector_dim)
        self.criterion = losses.NTXentLoss(self.temperature, memory_bank_size=bank)

    def loss(self, step, features):
        return self.criterion(self.projector(features.online(0)), self.target(features.target(1)).detach())


class BYOL(ssl.Framework):
    id, name, family, paper, year = "lightly-byol", "BYOL by lightly", "distillation", "arXiv:2006.07733", 2020
    projector_hidden_dim = width(4096)
    projector_dim = width(256)
    predictor_hidden_dim = width(4096)
    encoders = [ssl.online(0, 1, grouping="per-view"), ssl.target(0, 1, grouping="per-view")]
    target_momentum = ssl.cosine_momentum(0.996)

    def build(self, context):
        self.projector = mlp(context, context.dim, [self.projector_hidden_dim, self.projector_dim], bias=True)
        self.predictor = mlp(context, self.projector_dim, [self.predictor_hidden_dim, self.projector_dim], bias=True)
        self.target = ssl.Momentum(projector=self.projector)
        self.criterion = losses.NegativeCosineSimilarity()

    def loss(self, step, features):
        p_0, p_1 = (self.predictor(self.projector(features.online(view))) for view in (0, 1))
        z_0, z_1 = (self.target(features.target(view)) for view in (0, 1))
        # |a − b|² = 2 − 2 cos for unit vectors, summed over the two directions.
        return 4 + 2 * (self.criterion(p_0, z_1) + self.criterion(p_1, z_0))


class SimSiam(ssl.Framework):
    id, name, family, paper, year = "lightly-simsiam", "SimSiam by lightly", "distillation", "arXiv:2011.10566", 2020
    projector_dim = width(2048)
    predictor_hidden_dim = width(512)
    stops_gradient = True

    def build(self, context):
        self.projector = heads.SimSiamProjectionHead(context.dim, context.dim, self.projector_dim)
        self.predictor = heads.SimSiamPredictionHead(self.projector_dim, self.predictor_hidden_dim, self.projector_dim)
        self.criterion = losses.NegativeCosineSimilarity()

    def loss(self, step, features):
        z_0, z_1 = (self.projector(features.online(view)) for view in (0, 1))
        p_0, p_1 = self.predictor(z_0), self.predictor(z_1)
        return 0.5 * (self.criterion(p_0, z_1.detach()) + self.criterion(p_1, z_0.detach()))


class Barlow(ssl.Framework):
    id, name, paper, year = "lightly-barlow", "Barlow Twins by lightly", "arXiv:2103.03230", 2021
    family = "information-maximization"
    projector_dims = ssl.Key([512, 512, 512], ssl.list_of(ssl.at_least(1), 1, 8), "Widths.", "as in the native plugin")
    redundancy = ssl.Key(0.0051, ssl.positive(), "Weight of the redundancy.", "as in the native plugin")

    def build(self, context):
        self.projector = mlp(context, context.dim, self.projector_dims, bias=False)
        self.criterion = losses.BarlowTwinsLoss(self.redundancy)

    def loss(self, step, features):
        return self.criterion(*(self.projector(features.online(view)) for view in (0, 1)))


class VICReg(ssl.Framework):
    id, name, paper, year = "lightly-vicreg", "VICReg by lightly", "arXiv:2105.04906", 2021
    family = "information-maximization"
    projector_dims = ssl.Key([512, 512, 512], ssl.list_of(ssl.at_least(1), 1, 8), "Widths.", "as in the native plugin")

    def build(self, context):
        self.projector = mlp(context, context.dim, self.projector_dims, bias=True)
        self.criterion = losses.VICRegLoss(25.0, 25.0, 1.0, eps=1e-4)

    def loss(self, step, features):
        # Covariances are those of all ranks' rows.
        gather = self.context.ranks.all_gather
        return self.criterion(*(gather(self.projector(features.online(view))) for view in (0, 1)))
