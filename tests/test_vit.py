"""ViTPose: the authors' names, shapes, counts, PyTorch's own blocks, published files, the shipped weights, the log."""

from pathlib import Path

import pandas as pd
import pytest
import torch
import torchvision
from torch import nn
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from hpe_lib import data, heatmaps, models

WEIGHTS = Path(models.__file__).parents[1] / "weights"
TINY = {"size": (32, 2, 4), "input_wh": (64, 96), "head_width": 16}


def layout(channels, layers, tokens, simple):
    """Names and shapes of the authors' files, written down from their `ViT` and `TopdownHeatmapSimpleHead`."""
    shapes = {
        "backbone.pos_embed": (1, tokens + 1, channels),
        "backbone.patch_embed.proj.weight": (channels, 3, 16, 16),
        "backbone.patch_embed.proj.bias": (channels,),
        "backbone.last_norm.weight": (channels,),
        "backbone.last_norm.bias": (channels,),
    }
    for number in range(layers):
        for name, outputs, inputs in (
            ("attn.qkv", 3 * channels, channels),
            ("attn.proj", channels, channels),
            ("mlp.fc1", 4 * channels, channels),
            ("mlp.fc2", channels, 4 * channels),
        ):
            shapes[f"backbone.blocks.{number}.{name}.weight"] = (outputs, inputs)
            shapes[f"backbone.blocks.{number}.{name}.bias"] = (outputs,)
        for norm in ("norm1", "norm2"):
            shapes[f"backbone.blocks.{number}.{norm}.weight"] = (channels,)
            shapes[f"backbone.blocks.{number}.{norm}.bias"] = (channels,)
    for number, inputs in () if simple else ((0, channels), (3, 256)):
        shapes[f"keypoint_head.deconv_layers.{number}.weight"] = (inputs, 256, 4, 4)
        for name in ("weight", "bias", "running_mean", "running_var"):
            shapes[f"keypoint_head.deconv_layers.{number + 1}.{name}"] = (256,)
        shapes[f"keypoint_head.deconv_layers.{number + 1}.num_batches_tracked"] = ()
    shapes["keypoint_head.final_layer.weight"] = (17, channels, 3, 3) if simple else (17, 256, 1, 1)
    shapes["keypoint_head.final_layer.bias"] = (17,)
    return shapes


@pytest.mark.parametrize("simple", [False, True])
@pytest.mark.parametrize("size", ["small", "base", "large", "huge"])
def test_it_has_the_names_and_shapes_of_the_published_files(size, simple):
    with torch.device("meta"):
        network = models.build("vit", size=size, head="simple" if simple else "deconvolution")
    own = {
        ("keypoint_head." if key.startswith(("deconv_layers", "final_layer")) else "backbone.") + key: tuple(
            value.shape
        )
        for key, value in network.state_dict().items()
    }
    published = {"small": (384, 12, 12), "base": (768, 12, 12), "large": (1024, 24, 16), "huge": (1280, 32, 16)}
    channels, layers, heads = published[size]
    assert {block.attn.heads for block in network.blocks} == {heads}
    assert own == layout(channels, layers, 192, simple)


def test_a_published_file_goes_through_load_weights(tmp_path):
    torch.manual_seed(0)
    state = {
        name: torch.tensor(7) if not shape else torch.randn(shape) * 0.02 + (name.endswith("running_var"))
        for name, shape in layout(384, 12, 192, simple=False).items()
    }
    torch.save({"meta": {"epoch": 210}, "state_dict": state}, tmp_path / "vitpose_small.pth")
    network = models.load_weights(models.build("vit", size="small"), tmp_path / "vitpose_small.pth").eval()
    for name, value in network.state_dict().items():
        head = name.startswith(("deconv_layers", "final_layer"))
        assert torch.equal(value, state[f"{'keypoint_head' if head else 'backbone'}.{name}"])
    with torch.no_grad():
        assert network(torch.zeros(1, 3, 256, 192)).shape == (1, 17, 64, 48)
    with pytest.raises(ValueError, match="does not fit .*unknown"):
        models.load_weights(models.build("vit", size="small", head="simple"), tmp_path / "vitpose_small.pth")


def test_parameters_are_those_that_were_printed():
    """86 M for ViTPose-B (Xu et al. 2022, table 2) is the backbone; torchvision's ViT-B/16 has the same blocks."""
    with torch.device("meta"):
        network, vit = models.build("vit"), torchvision.models.vit_b_16()
    blocks = sum(p.numel() for p in network.blocks.parameters())
    assert blocks == sum(p.numel() for p in vit.encoder.layers.parameters())
    head = sum(p.numel() for part in (network.deconv_layers, network.final_layer) for p in part.parameters())
    whole = sum(p.numel() for p in network.parameters())
    assert (round(whole / 1e6), round((whole - head) / 1e6)) == (90, 86)


def test_a_block_is_torchs_own():
    torch.manual_seed(0)
    block, x = models.TransformerBlock(48, 6), torch.randn(3, 20, 48)
    for parameter in block.parameters():
        nn.init.normal_(parameter, std=0.2)
    theirs = nn.TransformerEncoderLayer(48, 6, 192, 0.0, "gelu", layer_norm_eps=1e-6, batch_first=True, norm_first=True)
    names = {"self_attn.in_proj_": "attn.qkv.", "self_attn.out_proj": "attn.proj", "linear1": "mlp.fc1"}
    names["linear2"] = "mlp.fc2"
    state = {}
    for key in theirs.state_dict():
        mine = key
        for old, new in names.items():
            mine = mine.replace(old, new)
        state[key] = block.state_dict()[mine]
    theirs.load_state_dict(state)
    with torch.no_grad():
        torch.testing.assert_close(block(x), theirs(x), atol=1e-5, rtol=1e-5)  # in training mode: no fast path
        weights = block.attn.weights(x)
        _, mean = theirs.self_attn(x, x, x)
    assert weights.shape == (3, 6, 20, 20)
    torch.testing.assert_close(weights.mean(dim=1), mean, atol=1e-5, rtol=1e-5)


def test_it_is_torchvisions_vit_with_a_map_behind():
    """torchvision's encoder without its class token, our patches and positions before, gives our tokens."""
    torch.manual_seed(0)
    network = models.build("vit", **TINY).eval()
    encoder = torchvision.models.vision_transformer.Encoder(24, 2, 4, 32, 128, 0.0, 0.0).eval()
    state = {"pos_embedding": network.pos_embed[:, 1:] + network.pos_embed[:, :1]}
    names = {"ln_1": "norm1", "self_attention.in_proj_": "attn.qkv.", "self_attention.out_proj": "attn.proj"}
    names |= {"ln_2": "norm2", "mlp.0": "mlp.fc1", "mlp.3": "mlp.fc2", "layers.encoder_layer_": "blocks."}
    names["ln."] = "last_norm."
    own = network.state_dict()
    for key in encoder.state_dict():
        mine = key
        for old, new in names.items():
            mine = mine.replace(old, new)
        if key != "pos_embedding":
            state[key] = own[mine]
    encoder.load_state_dict(state)
    images = torch.randn(2, 3, 96, 64)
    with torch.no_grad():
        embedded = functional.conv2d(images, own["patch_embed.proj.weight"], own["patch_embed.proj.bias"], 16, 2)
        theirs = encoder(embedded.flatten(2).transpose(1, 2))
        torch.testing.assert_close(network.last_norm(network.tokens(images)[-1]), theirs, atol=1e-5, rtol=1e-5)


def test_unasked_it_is_the_base_network_with_norms_as_the_authors_have_them():
    with torch.device("meta"):
        network = models.build("vit")
    assert (network.input_wh, network.grid, network.stride, network.patch) == ((192, 256), (16, 12), 4, 16)
    assert {part.eps for part in network.modules() if isinstance(part, nn.LayerNorm)} == {1e-6}


@pytest.mark.parametrize(
    "head, doublings, cells", [("deconvolution", 2, 24), ("simple", 2, 24), ("simple", 1, 12), ("simple", 4, 96)]
)
def test_both_heads_give_maps_of_the_stride(head, doublings, cells):
    network = models.build("vit", **TINY, head=head, doublings=doublings).eval()
    assert network.stride == 16 // 2**doublings and network.input_wh == (64, 96)
    with torch.no_grad():
        assert network(torch.zeros(2, 3, 96, 64)).shape == (2, 17, cells, cells * 2 // 3)


def test_the_simple_head_is_the_authors():
    network = models.build("vit", **TINY, head="simple").eval()
    nn.init.normal_(network.final_layer.weight)
    tokens = torch.randn(1, 24, 32)
    maps = functional.layer_norm(tokens, (32,), eps=1e-6).permute(0, 2, 1).reshape(1, 32, 6, 4)
    maps = functional.interpolate(functional.relu(maps), scale_factor=4, mode="bilinear", align_corners=False)
    with torch.no_grad():
        torch.testing.assert_close(network.answer(tokens, 6, 4), network.final_layer(maps))


@pytest.mark.parametrize("head", ["deconvolution", "simple"])
def test_it_starts_near_0_as_the_authors_do(head):
    torch.manual_seed(0)
    network = models.build("vit", **TINY, head=head)
    with torch.no_grad():
        assert network.eval()(torch.randn(2, 3, 96, 64)).abs().max() < 0.1
    spread = {"pos_embed": 0.02, "blocks.1.mlp.fc1.weight": 0.02, "final_layer.weight": 0.001}
    for name, value in spread.items():
        assert network.state_dict()[name].std() == pytest.approx(value, rel=0.2)
    assert not network.blocks[0].attn.qkv.bias.any() and not network.final_layer.bias.any()


def test_positions_are_interpolated_for_other_sizes_and_kept_for_their_own():
    network = models.build("vit", **TINY).eval()
    with torch.no_grad():
        rows = torch.linspace(0, 1, 6).repeat_interleave(4)
        network.pos_embed[0, 1:] = rows[:, None]
        network.pos_embed[0, 0] = 10.0
        own, larger = network.positions(6, 4), network.positions(12, 8)
        assert network.positions(4, 6).shape[-2:] == (4, 6)  # an image on its side
    assert torch.equal(own[0, 0, :, 1], 10 + torch.linspace(0, 1, 6)) and larger.shape == (1, 32, 12, 8)
    assert (larger[0, 0, 1:-1, 3].diff() > 0).all() and torch.allclose(larger[0, 5, :, 0], larger[0, 5, :, 7])
    assert network(torch.zeros(1, 3, 192, 128)).shape == (1, 17, 48, 32)


def test_what_cannot_be_built_or_cut_is_named():
    with pytest.raises(ValueError, match="60 x 96 px are not whole patches: both sides are multiples of 16 px"):
        models.build("vit", **TINY)(torch.zeros(1, 3, 96, 60))
    with pytest.raises(ValueError, match="size is one of small, base, large, huge, or .*'giant'"):
        models.build("vit", size="giant")
    with pytest.raises(ValueError, match="'deconvolution' or 'simple', got 'linear'"):
        models.build("vit", head="linear")


def test_the_two_networks_that_the_tool_compares_cost_the_same():
    work = []
    for name, options in (
        ("simple_baseline", {"depth": "tiny"}),
        ("vit", {"size": (96, 5, 4), "input_wh": (96, 128), "head_width": 64}),
    ):
        network = models.build(name, **options).eval()
        with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
            network(torch.zeros(1, 3, 128, 96))
        work.append(counter.get_total_flops() / 2)
    assert work[1] == pytest.approx(work[0], rel=0.02)


def test_the_shipped_network_knows_where_joints_are_and_needs_its_positions(drawn):
    model = models.load_model("vit")
    assert (WEIGHTS / "vit.pt").stat().st_size < 3_000_000 and model.input_wh == (96, 128) and model.stride == 4
    crops = data.CropDataset(data.persons(drawn, "val"), model.input_wh)
    batch = torch.utils.data.default_collate([crops[index] for index in range(len(crops))])
    images = data.normalise(batch["image"])
    target, weights = heatmaps.encode(batch["keypoints"], batch["labelled"], (24, 32), 4, 1.5, True)

    def loss():
        with torch.no_grad():
            return heatmaps.heatmap_loss(model(images), target, weights)

    knowing, nothing = loss(), heatmaps.heatmap_loss(torch.zeros_like(target), target, weights)
    with torch.no_grad():
        model.pos_embed[:, 1:] = model.pos_embed[:, 1:].mean(dim=1, keepdim=True)
    assert knowing < 0.7 * nothing and loss() > 1.2 * knowing


def test_the_log_is_whole():
    log = pd.read_csv(WEIGHTS / "vision_transformer.csv")
    assert log["samples"].nunique() == 1 and log["AP"].between(0, 1).all()
    for share in (0.125, 0.25, 0.5, 1.0):
        rows = log[(log["share"] == share) & (log["loss"] == "last")]
        assert set(rows["network"]) == {"resnet", "vit"} | ({"pyramid"} if share == 1 else set())
        assert rows["people"].nunique() == 1
    for loss in ("last", "every block"):
        rows = log[(log["network"] == "vit") & (log["share"] == 1) & (log["loss"] == loss)]
        assert set(rows["block"]) == {1, 2, 3, 4, 5} and len(rows) == 5 * rows["seed"].nunique()
