"""The backbone, out of torchvision's blocks, and the nearest-neighbour vote on its features."""

import torch
import torch.nn.functional as F
from torch import nn
from torchvision.models.resnet import BasicBlock, ResNet


def backbone(width, zero_init_residual):
    """A ResNet-18 with the 3 x 3 stem, `64 * width` channels in its first stage, no classifier."""
    network = ResNet(BasicBlock, [2, 2, 2, 2])
    planes = max(1, round(64 * width / 8)) * 8
    network.inplanes = planes
    network.conv1 = nn.Conv2d(3, planes, 3, padding=1, bias=False)
    network.bn1 = nn.BatchNorm2d(planes)
    network.maxpool = nn.Identity()
    for stage in range(4):
        layer = network._make_layer(BasicBlock, planes << stage, 2, stride=1 if stage == 0 else 2)
        setattr(network, f"layer{stage + 1}", layer)
    network.fc = nn.Identity()
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        elif zero_init_residual and isinstance(module, BasicBlock):
            nn.init.zeros_(module.bn2.weight)
    network.dim = planes << 3
    return network.to(memory_format=torch.channels_last)


@torch.no_grad()
def features(network, pixels):
    """Pooled features in evaluation mode."""
    network.eval()
    return torch.cat([network(part) for part in pixels.split(500)])


def knn(bank, labels, queries, k, temperature):
    """Predicted classes: cosine similarity, neighbours weighted by `exp(similarity / temperature)`."""
    bank, queries = F.normalize(bank.double()), F.normalize(queries.double())
    similarity, index = (queries @ bank.T).topk(k)
    votes = torch.zeros(len(queries), int(labels.max()) + 1, dtype=torch.double)
    votes.scatter_add_(1, labels[index], torch.exp(similarity / temperature))
    return votes.argmax(1)
