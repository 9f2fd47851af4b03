"""The frameworks: lightly's losses and heads, put together as the papers' own code does.

Biases of heads, the loss scales and the passes through batch norms follow the official codes, which
lightly's ready-made heads and losses do not always do; each departure is said where it is made.
"""

import copy

import torch
import torch.nn.functional as F
from lightly import loss as losses
from lightly.models.modules import heads
from lightly.models.utils import update_momentum
from torch import nn


class Method(nn.Module):
    """Backbone and heads; `loss(views, step, epoch)` is what a step minimises."""

    # Last batch norm of each residual block starts at 0.
    zero_init_residual = False
    # Biases and batch norms are free of weight decay.
    exempt_vectors = False
    # Factor on their learning rate.
    vector_lr = 1.0

    def __init__(self, network, config):
        super().__init__()
        self.backbone, self.config = network, config
        self.pairs = []

    def follower(self, module):
        """A momentum copy of `module`."""
        twin = copy.deepcopy(module).requires_grad_(False)
        self.pairs.append((module, twin))
        return twin

    def momentum(self, progress):
        return self.config["momentum"]

    def constant_lr(self, name):
        return False

    def before_update(self, epoch):
        pass

    def after_update(self, progress):
        for module, twin in self.pairs:
            update_momentum(module, twin, self.momentum(progress))


def rising(start, progress):
    """A momentum that goes from `start` to 1 along half a cosine."""
    return 1 - (1 - start) * (1 + torch.cos(torch.tensor(torch.pi * progress)).item()) / 2


class SimClr(Method):
    zero_init_residual = exempt_vectors = True

    def __init__(self, network, config):
        super().__init__(network, config)
        self.projector = heads.SimCLRProjectionHead(
            network.dim, config["projector_hidden_dim"], config["projector_dim"], config["projector_layers"]
        )
        # The official head: weights N(0, 0.01^2), a last batch norm without offset.
        for layer in self.projector.layers:
            if isinstance(layer, nn.Linear):
                nn.init.normal_(layer.weight, std=0.01)
        self.projector.layers[-1].bias.requires_grad_(False)
        self.criterion = losses.NTXentLoss(config["temperature"])

    def loss(self, views, step, epoch):
        z_0, z_1 = self.projector(self.backbone(torch.cat(views))).chunk(2)
        # The official loss adds the two views' halves, lightly's is their mean.
        return 2 * self.criterion(z_0, z_1)


class Moco(Method):
    def __init__(self, network, config):
        super().__init__(network, config)
        self.projector = heads.MoCoProjectionHead(
            network.dim, config["projector_hidden_dim"], config["projector_dim"], config["projector_layers"]
        )
        self.key_backbone, self.key_projector = self.follower(network), self.follower(self.projector)
        bank = (config["queue_size"], config["projector_dim"])
        self.criterion = losses.NTXentLoss(config["temperature"], memory_bank_size=bank)

    def loss(self, views, step, epoch):
        query = self.projector(self.backbone(views[0]))
        with torch.no_grad():
            key = self.key_projector(self.key_backbone(views[1]))
        return self.criterion(query, key)


class Byol(Method):
    zero_init_residual = exempt_vectors = True

    def __init__(self, network, config):
        super().__init__(network, config)
        dim = config["projector_dim"]
        self.projector = self.mlp(network.dim, config["projector_hidden_dim"], dim)
        self.predictor = self.mlp(dim, config["predictor_hidden_dim"], dim)
        self.target_backbone, self.target_projector = self.follower(network), self.follower(self.projector)
        self.criterion = losses.NegativeCosineSimilarity()

    @staticmethod
    def mlp(inputs, hidden, outputs):
        """The official head and its start: a bias in the first layer, none in the last (lightly has
        them the other way round), weights by fan-in, cut at two standard deviations."""
        head = heads.ProjectionHead(
            [(inputs, hidden, nn.BatchNorm1d(hidden), nn.ReLU(), True), (hidden, outputs, None, None, False)]
        )
        for layer in head.layers:
            if isinstance(layer, nn.Linear):
                std = layer.in_features**-0.5
                nn.init.trunc_normal_(layer.weight, std=std, a=-2 * std, b=2 * std)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)
        return head

    def momentum(self, progress):
        return rising(self.config["momentum"], progress)

    def loss(self, views, step, epoch):
        p_0, p_1 = (self.predictor(self.projector(self.backbone(view))) for view in views)
        with torch.no_grad():
            z_0, z_1 = (self.target_projector(self.target_backbone(view)) for view in views)
        # |a - b|^2 = 2 - 2 cos for unit vectors, summed over the two directions.
        return 4 + 2 * (self.criterion(p_0, z_1) + self.criterion(p_1, z_0))


class SimSiam(Method):
    zero_init_residual = True

    def __init__(self, network, config):
        super().__init__(network, config)
        dim = config["projector_dim"]
        self.projector = heads.SimSiamProjectionHead(network.dim, network.dim, dim)
        self.predictor = heads.SimSiamPredictionHead(dim, config["predictor_hidden_dim"], dim)
        self.criterion = losses.NegativeCosineSimilarity()

    def constant_lr(self, name):
        return name.startswith("predictor.")

    def loss(self, views, step, epoch):
        z_0, z_1 = (self.projector(self.backbone(view)) for view in views)
        p_0, p_1 = self.predictor(z_0), self.predictor(z_1)
        return 0.5 * (self.criterion(p_0, z_1.detach()) + self.criterion(p_1, z_0.detach()))


class Swav(Method):
    def __init__(self, network, config):
        super().__init__(network, config)
        dim = config["projector_dim"]
        self.projector = heads.SwaVProjectionHead(network.dim, config["projector_hidden_dim"], dim)
        frozen = config["freeze_prototypes_steps"]
        self.prototypes = heads.SwaVPrototypes(dim, config["num_prototypes"], frozen)
        # The official prototypes have no bias.
        self.prototypes.heads[0].register_parameter("bias", None)
        self.criterion = losses.SwaVLoss(config["temperature"], config["sinkhorn_iters"], config["epsilon"])

    def loss(self, views, step, epoch):
        self.prototypes.normalize()
        z = F.normalize(self.projector(self.backbone(torch.cat(views))))
        return self.criterion(list(self.prototypes(z, step).chunk(len(views))), []).squeeze()


class Dino(Method):
    exempt_vectors = True

    def __init__(self, network, config):
        super().__init__(network, config)
        self.head = heads.DINOProjectionHead(
            network.dim, config["projector_hidden_dim"], config["bottleneck_dim"], config["out_dim"],
            batch_norm=config["projector_bn"], freeze_last_layer=config["freeze_last_layer_epochs"],
        )  # fmt: skip
        # A weight-normalised layer cannot be copied; the teacher's is made anew and filled.
        self.teacher_head = heads.DINOProjectionHead(
            network.dim, config["projector_hidden_dim"], config["bottleneck_dim"], config["out_dim"],
            batch_norm=config["projector_bn"],
        ).requires_grad_(False)  # fmt: skip
        self.teacher_head.load_state_dict(self.head.state_dict())
        self.teacher = self.follower(network)
        self.pairs.append((self.head, self.teacher_head))
        self.criterion = losses.DINOLoss(
            config["out_dim"], teacher_temp=config["teacher_temp"], warmup_teacher_temp_epochs=0,
            student_temp=config["student_temp"], center_momentum=config["center_momentum"],
        )  # fmt: skip

    def momentum(self, progress):
        return rising(self.config["momentum"], progress)

    def before_update(self, epoch):
        self.head.cancel_last_layer_gradients(epoch)

    def loss(self, views, step, epoch):
        # The backbone sees crops of one size together, the head all crops.
        parts = [self.backbone(torch.cat(views[:2]))]
        if len(views) > 2:
            parts.append(self.backbone(torch.cat(views[2:])))
        student = self.head(torch.cat(parts)).chunk(len(views))
        with torch.no_grad():
            teacher = self.teacher_head(self.teacher(torch.cat(views[:2]))).chunk(2)
        return self.criterion(list(teacher), list(student))


def expander(inputs, widths, bias):
    """Linear, batch norm, ReLU for all widths but the last, then a Linear without bias."""
    blocks = []
    for width in widths[:-1]:
        blocks.append((inputs, width, nn.BatchNorm1d(width), nn.ReLU(), bias))
        inputs = width
    return heads.ProjectionHead([*blocks, (inputs, widths[-1], None, None, False)])


class Barlow(Method):
    zero_init_residual = exempt_vectors = True
    vector_lr = 0.0048 / 0.2

    def __init__(self, network, config):
        super().__init__(network, config)
        self.projector = expander(network.dim, config["projector_dims"], bias=False)
        self.criterion = losses.BarlowTwinsLoss(config["lambda"])

    def loss(self, views, step, epoch):
        return self.criterion(*(self.projector(self.backbone(view)) for view in views))


class VicReg(Method):
    zero_init_residual = exempt_vectors = True

    def __init__(self, network, config):
        super().__init__(network, config)
        self.projector = expander(network.dim, config["projector_dims"], bias=True)
        self.criterion = losses.VICRegLoss(
            config["sim_coeff"], config["std_coeff"], config["cov_coeff"], eps=config["variance_eps"]
        )

    def loss(self, views, step, epoch):
        return self.criterion(*(self.projector(self.backbone(view)) for view in views))


METHODS = {
    "simclr": SimClr, "moco": Moco, "byol": Byol, "simsiam": SimSiam,
    "swav": Swav, "dino": Dino, "barlow": Barlow, "vicreg": VicReg,
}  # fmt: skip
