"""ResNet-18 (He et al. 2016) with the stem that small images need."""

from __future__ import annotations

import torch
from torch import nn
from torchvision.models.resnet import BasicBlock, ResNet


def build(input_shape: tuple[int, ...], n_classes: int, channels: int, dropout: float) -> nn.Module:
    """torchvision's ResNet-18 behind a 3x3 stem of stride 1 without pooling, as is usual for CIFAR.

    `channels` is the width of the first stage (64 in the paper, 11.2 million parameters); the later stages keep
    their ratio to it.
    """
    network = ResNet(BasicBlock, [2, 2, 2, 2], num_classes=n_classes)
    if channels != 64:
        network.inplanes = channels
        for stage, (factor, stride) in enumerate(((1, 1), (2, 2), (4, 2), (8, 2)), start=1):
            setattr(network, f"layer{stage}", network._make_layer(BasicBlock, factor * channels, 2, stride=stride))
    network.conv1 = nn.Conv2d(input_shape[0], channels, kernel_size=3, padding=1, bias=False)
    network.bn1 = nn.BatchNorm2d(channels)
    network.maxpool = nn.Identity()
    network.fc = nn.Sequential(nn.Dropout(dropout), nn.Linear(8 * channels, n_classes))
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    return network.to(memory_format=torch.channels_last)
