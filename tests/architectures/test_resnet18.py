from __future__ import annotations

import pytest
import torch
import torchvision
from torch import nn

from llp.architectures.catalog import build


def test_it_is_torchvisions_network_with_the_stem_for_small_images():
    """11,173,962 parameters for 10 classes: torchvision's count with a 3x3 stem in place of the 7x7 one."""
    reference = torchvision.models.resnet18(num_classes=10)
    reference.conv1 = nn.Conv2d(3, 64, kernel_size=3, padding=1, bias=False)
    model = build("resnet18", (3, 32, 32), 10, {"channels": 64})
    assert sum(p.numel() for p in model.parameters()) == sum(p.numel() for p in reference.parameters()) == 11_173_962


def test_it_computes_what_torchvisions_network_computes():
    reference = torchvision.models.resnet18(num_classes=10)
    reference.conv1 = nn.Conv2d(3, 64, kernel_size=3, padding=1, bias=False)
    reference.maxpool = nn.Identity()
    model = build("resnet18", (3, 32, 32), 10, {"channels": 64, "dropout": 0.5})
    weights = {key.replace("fc.1.", "fc."): value for key, value in model.state_dict().items()}
    reference.load_state_dict(weights)
    images = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(model.eval()(images), reference.eval()(images), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("channels", [8, 16])
def test_channels_scale_every_stage(channels):
    model = build("resnet18", (1, 8, 8), 3, {"channels": channels})
    stages = [getattr(model, f"layer{number}")[-1].conv2.out_channels for number in (1, 2, 3, 4)]
    assert stages == [channels, 2 * channels, 4 * channels, 8 * channels]
    wide = build("resnet18", (1, 8, 8), 3, {"channels": 2 * channels})
    assert len(list(model.parameters())) == len(list(wide.parameters()))


def test_convolutions_keep_the_variance():
    """He's initialisation for ReLUs: variance 2 / (places * output channels)."""
    model = build("resnet18", (3, 32, 32), 10, {"channels": 64})
    weight = model.layer4[1].conv2.weight
    assert float(weight.std()) == pytest.approx((2 / (9 * 512)) ** 0.5, rel=0.02)
