import numpy as np
import pytest
import torch
import torchvision

from hpe_lib import models
from hpe_lib.models.resnet import BasicBlock, Bottleneck, OriginalBottleneck, ResNet, parse_depth
from tests import golden

DEPTHS = (18, 34, 50, 101, 152)


@pytest.mark.parametrize("depth", DEPTHS)
def test_resnet_is_torchvisions(depth):
    ours = models.resnet(depth).eval()
    theirs = getattr(torchvision.models, f"resnet{depth}")().eval()
    state = theirs.state_dict()
    assert {key: value.shape for key, value in ours.state_dict().items()} == {k: v.shape for k, v in state.items()}
    if depth in (18, 50):  # both kinds of block; the other depths only repeat them
        for key, value in state.items():  # batch norm away from its start, so that every number counts
            if key.endswith(("running_mean", "running_var")):
                value.uniform_(0.5, 1.5)
        ours.load_state_dict(state)
        theirs.load_state_dict(state)
        image = torch.randn(2, 3, 96, 64)
        with torch.no_grad():
            assert torch.allclose(ours(image), theirs(image), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("depth", DEPTHS)
def test_simple_baseline_has_the_official_parameters(depth):
    shapes = [(name, list(value.shape)) for name, value in models.simple_baseline(depth).state_dict().items()]
    assert shapes == list(golden.state_dict_layout(depth).items())


@pytest.mark.parametrize("depth, count", [(50, 33_999_697), (101, 52_991_825), (152, 68_635_473)])
def test_parameter_counts_are_the_published_ones(depth, count):
    assert sum(parameter.numel() for parameter in models.simple_baseline(depth).parameters()) == count
    assert golden.facts()["parameters"][str(depth)] == count


@pytest.mark.parametrize("depth", DEPTHS)
def test_forward_is_the_official_networks(depth):
    """Depths 18 and 50: the official outputs. The others: of torchvision's ResNet with the same head.

    In float64: with these values float32 itself is 0.007 standard deviations away at depth 152.
    """
    expected = np.load(golden.FOLDER / "forward.npz")[f"depth{depth}"].astype(np.float64)
    network = golden.fill_with_sines(models.simple_baseline(depth).double())
    with torch.no_grad():
        ours = network(golden.sine_image()).numpy()
    assert np.abs(ours[..., ::5, ::5] - expected).max() < 1e-4 * expected.std()


@pytest.mark.parametrize("options", [{"head_layers": 2}, {"kernel": 2}, {"kernel": 3}])
def test_the_papers_ablations_can_be_built(options):
    maps = models.simple_baseline("tiny", **options)(torch.zeros(1, 3, 128, 96))
    assert maps.shape == ((1, 17, 16, 12) if "head_layers" in options else (1, 17, 32, 24))


@pytest.mark.parametrize("depth, width", [("tiny", 16), ("small", 32)])
def test_the_small_resnets_are_thinner_eighteens(depth, width):
    ours, eighteen = models.resnet(depth), models.resnet(18)
    for name, value in eighteen.state_dict().items():
        thin = tuple(n if n in (1, 3, 7, 1000) else n * width // 64 for n in value.shape)
        assert ours.state_dict()[name].shape == thin, name
    assert ours.fc.out_features == ResNet(depth).fc.out_features == 1000 and len(ours.state_dict()) == len(
        eighteen.state_dict()
    )


def test_convolutions_start_as_he_et_al_say():
    """Variance 2 / (outputs x height x width of the kernel), mean 0: He et al. 2015, the backward case."""
    torch.manual_seed(0)
    weight = models.resnet(18).layer4[0].conv1.weight  # 1.2 million numbers, from 256 channels to 512
    assert weight.var().item() == pytest.approx(2 / (512 * 9), rel=0.01) and abs(weight.mean().item()) < 1e-4
    norm = models.resnet(18).layer4[1].bn2
    assert (norm.weight == 1).all() and (norm.bias == 0).all()


@pytest.mark.parametrize("block", [BasicBlock, Bottleneck, OriginalBottleneck])
def test_a_block_keeps_the_size_unless_told_otherwise(block):
    x = torch.randn(1, 64, 9, 7)
    assert block(64, 16)(x).shape == (1, 16 * block.expansion, 9, 7)
    assert block(64, 16, stride=2)(x).shape == (1, 16 * block.expansion, 5, 4)


def test_a_depth_is_read_as_a_command_line_writes_it():
    assert parse_depth("50") == 50 and type(parse_depth("50")) is int
    assert parse_depth("tiny") == "tiny"


def test_unknown_depth_is_refused():
    for depth in (42, None, [50]):
        with pytest.raises(ValueError, match="depth is one of .*152.*, got"):
            models.simple_baseline(depth)


def same(one, other):
    return all(torch.equal(value, other.state_dict()[key]) for key, value in one.state_dict().items())


def test_own_files_come_back(tmp_path):
    model = models.simple_baseline("tiny", num_keypoints=5)
    model.input_wh = (72, 96)
    models.save_model(model, tmp_path / "own.pt", note="kept")
    loaded = models.load_model(tmp_path / "own.pt")
    assert loaded.input_wh == (72, 96) and not loaded.training and same(model, loaded)
    models.save_model(model, tmp_path / "half.pt", half=True)
    assert (tmp_path / "half.pt").stat().st_size < 0.6 * (tmp_path / "own.pt").stat().st_size
    models.load_weights(models.simple_baseline("tiny", num_keypoints=5), tmp_path / "half.pt")


@pytest.mark.parametrize("head", ["head.", "keypoint_head."])
def test_openmmlab_and_official_layouts_load(tmp_path, head):
    model = models.simple_baseline(18)
    for parameter in model.parameters():
        parameter.data.uniform_(-1, 1)
    state = model.state_dict()
    parts = {True: head, False: "backbone."}
    renamed = {parts[key.startswith(("deconv", "final"))] + key: value for key, value in state.items()}
    torch.save({"meta": {"epoch": 210}, "state_dict": renamed}, tmp_path / "openmmlab.pth")
    torch.save(state, tmp_path / "official.pth")
    torch.save({f"module.{key}": value for key, value in state.items()}, tmp_path / "parallel.pth")
    for name in ("openmmlab.pth", "official.pth", "parallel.pth"):
        assert same(models.load_weights(models.simple_baseline(18), tmp_path / name), model)
        assert same(models.load_model(tmp_path / name, depth=18), model)


def test_weights_that_do_not_fit_are_listed(tmp_path):
    models.save_model(models.simple_baseline(18), tmp_path / "18.pt")
    with pytest.raises(ValueError, match=r"(?s)18\.pt.*missing.*layer1\.0\.conv3\.weight.*another shape"):
        models.load_weights(models.simple_baseline(50), tmp_path / "18.pt")
    state = models.simple_baseline("tiny").state_dict()
    torch.save(state | {"surprise.weight": torch.zeros(1)}, tmp_path / "more.pth")
    with pytest.raises(ValueError, match="1 unknown: surprise.weight"):
        models.load_weights(models.simple_baseline("tiny"), tmp_path / "more.pth")


def test_files_that_are_no_weights_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="tiny"):
        models.load_model(tmp_path / "nothing.pt")
    (tmp_path / "text.pt").write_text("hello")
    with pytest.raises(ValueError, match=r"text\.pt is not a readable weight file"):
        models.load_model(tmp_path / "text.pt", depth=18)
    torch.save(torch.zeros(3), tmp_path / "tensor.pt")
    with pytest.raises(ValueError, match="Tensor"):
        models.load_model(tmp_path / "tensor.pt", depth=18)


class Trap:
    def __reduce__(self):
        return (print, ("code ran",))


def test_a_file_that_would_run_code_is_refused(tmp_path, capsys):
    torch.save({"state_dict": Trap()}, tmp_path / "trap.pt")
    with pytest.raises(ValueError, match=r"trap\.pt"):
        models.load_model(tmp_path / "trap.pt", depth=18)
    assert "code ran" not in capsys.readouterr().out


def test_imagenet_weights_come_through_torchvision(monkeypatch):
    """The download itself needs a network; everything after it is tested with torchvision's own file layout."""
    theirs = torchvision.models.resnet18().state_dict()
    monkeypatch.setattr(
        torchvision.models.ResNet18_Weights.IMAGENET1K_V1.__class__, "get_state_dict", lambda *a, **k: theirs
    )
    model = models.load_weights(models.simple_baseline(18), "imagenet")
    assert torch.equal(model.layer4[1].conv2.weight, theirs["layer4.1.conv2.weight"])
    classifier = models.load_weights(models.resnet(18), "imagenet")
    assert torch.equal(classifier.fc.weight, theirs["fc.weight"])
    with pytest.raises(ValueError, match="tiny"):
        models.load_weights(models.simple_baseline("tiny"), "imagenet")


def test_simple_baseline_has_the_sizes_that_it_says():
    usual = models.simple_baseline()
    assert (usual.options["depth"], usual.input_wh, usual.stride, usual.num_keypoints) == (50, (192, 256), 4, 17)
    unasked = models.build("simple_baseline")
    assert unasked.channels == usual.channels == 2048 and unasked.num_keypoints == 17
    for layer in (*unasked.deconv_layers[::3], unasked.final_layer):  # as published: N(0, 0.001^2), no bias
        assert 0.0009 < layer.weight.std() < 0.0011 and (layer.bias is None or not layer.bias.any())
    for depth, width in (("tiny", 64), ("small", 128), (18, 256), ("cut50", 128), ("cut50v1", 128)):
        model = models.simple_baseline(depth)
        assert model.input_wh == ((96, 128) if depth in ("tiny", "small") else (192, 256))
        assert [layer.out_channels for layer in model.deconv_layers if hasattr(layer, "out_channels")] == [width] * 3
    for layers, stride in ((1, 16), (2, 8), (3, 4)):
        model = models.simple_baseline("tiny", head_layers=layers)
        assert model.stride == stride
        with torch.no_grad():
            assert model.eval()(torch.zeros(1, 3, 64, 64)).shape == (1, 17, 64 // stride, 64 // stride)
    with pytest.raises(ValueError, match="kernel is one of 4, 3, 2, got 5"):
        models.simple_baseline("tiny", kernel=5)


def test_a_cut_resnet_50_is_the_beginning_of_torchvisions(monkeypatch):
    """It ends after the fourth block of stage 3, at stride 16; two transposed convolutions lead to heatmaps."""
    theirs = torchvision.models.resnet50().eval()
    for key, value in theirs.state_dict().items():
        if key.endswith(("running_mean", "running_var")):
            value.uniform_(0.5, 1.5)
    monkeypatch.setattr(
        torchvision.models.ResNet50_Weights.IMAGENET1K_V1.__class__,
        "get_state_dict",
        lambda *a, **k: theirs.state_dict(),
    )
    ours, image = models.load_weights(models.simple_baseline("cut50"), "imagenet").eval(), torch.randn(1, 3, 64, 96)
    with torch.no_grad():
        expected = theirs.layer1(theirs.maxpool(theirs.relu(theirs.bn1(theirs.conv1(image)))))
        expected = theirs.layer3[:4](theirs.layer2(expected))
        torch.testing.assert_close(ours.features(image), expected, rtol=1e-4, atol=1e-4)
        assert expected.shape == (1, 1024, 4, 6) and ours(image).shape == (1, 17, 16, 24) and ours.stride == 4
    assert sum(weight.numel() for weight in ours.parameters()) < 8e6  # float16: 16 MB
    with pytest.raises(ValueError, match="no ImageNet weights for depth 'cut50v1': choose 18, 34, 50, 101, 152 or cut"):
        models.load_weights(models.simple_baseline("cut50v1"), "imagenet")


def test_the_original_bottleneck_strides_in_its_first_convolution():
    first, usual = OriginalBottleneck(64, 16, stride=2), Bottleneck(64, 16, stride=2)
    assert (first.conv1.stride, first.conv2.stride) == ((2, 2), (1, 1))
    assert (usual.conv1.stride, usual.conv2.stride) == ((1, 1), (2, 2))
    x = torch.randn(1, 64, 9, 7)
    assert first(x).shape == usual(x).shape == (1, 64, 5, 4)
    network, cut = models.simple_baseline("cut50v1"), models.simple_baseline("cut50")
    shapes = [{name: value.shape for name, value in some.state_dict().items()} for some in (network, cut)]
    assert shapes[0] == shapes[1] and network.input_wh == cut.input_wh == (192, 256)
    assert network.layer3[0].conv1.stride == (2, 2) and network(torch.zeros(2, 3, 64, 64)).shape == (2, 17, 16, 16)
