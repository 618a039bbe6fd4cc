"""Stacked hourglasses (Newell, Yang, Deng 2016): down and up again, several times, with heatmaps after each time.

The module is the recursion of the paper's figure 3, in residual units of figure 4; layers, biases and their order are
those of the authors' program, so that 8 stacks of 256 channels have its number of parameters.
"""

import torch
from torch import nn
from torch.nn import functional

from hpe_lib.models.registry import register


class Residual(nn.Module):
    """A pre-activation residual unit: x + F(x), where F is 1x1 to half the channels, 3x3, 1x1 (He et al. 2016b)."""

    def __init__(self, inputs, outputs):
        super().__init__()
        half = outputs // 2
        self.branch = nn.Sequential(  # batch norm and ReLU stand before each convolution; after the sum comes nothing
            *(nn.BatchNorm2d(inputs), nn.ReLU(inplace=True), nn.Conv2d(inputs, half, 1)),
            *(nn.BatchNorm2d(half), nn.ReLU(inplace=True), nn.Conv2d(half, half, 3, padding=1)),
            *(nn.BatchNorm2d(half), nn.ReLU(inplace=True), nn.Conv2d(half, outputs, 1)),
        )
        self.shortcut = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1)

    def forward(self, x):
        return self.shortcut(x) + self.branch(x)


class Hourglass(nn.Module):
    """One hourglass: half the size, a smaller hourglass inside, twice the size, plus what went past it.

    (N, C, H, W) -> (N, C, H, W); H and W are whole multiples of 2^levels.
    """

    def __init__(self, channels, levels):
        super().__init__()
        self.skip, self.before = Residual(channels, channels), Residual(channels, channels)
        self.inside = Hourglass(channels, levels - 1) if levels > 1 else Residual(channels, channels)
        self.after = Residual(channels, channels)

    def forward(self, x):
        small = self.before(functional.max_pool2d(x, 2))  # (N, C, H / 2, W / 2)
        small = self.after(self.inside(small))
        return self.skip(x) + functional.interpolate(small, scale_factor=2, mode="nearest")


class Stack(nn.Module):
    """An hourglass, its heatmaps, and what the next one gets: x + features + heatmaps, as C channels each.

    x: (N, C, h, w) -> heatmaps (N, K, h, w), the next x (N, C, h, w). The last stack hands nothing on.
    """

    def __init__(self, channels, levels, num_keypoints, last):
        super().__init__()
        self.hourglass = Hourglass(channels, levels)
        self.features = nn.Sequential(
            Residual(channels, channels), nn.Conv2d(channels, channels, 1), nn.BatchNorm2d(channels), nn.ReLU()
        )
        self.score = nn.Conv2d(channels, num_keypoints, 1)
        nn.init.normal_(self.score.weight, std=0.001)  # heatmaps start at 0, as those of the deconvolution head
        nn.init.zeros_(self.score.bias)
        self.features_back = None if last else nn.Conv2d(channels, channels, 1)
        self.score_back = None if last else nn.Conv2d(num_keypoints, channels, 1)

    def forward(self, x):
        features = self.features(self.hourglass(x))
        heatmaps = self.score(features)
        if self.score_back is None:
            return heatmaps, None
        return heatmaps, x + self.features_back(features) + self.score_back(heatmaps)


@register("hourglass")
class StackedHourglass(nn.Module):
    """An image (N, 3, H, W), normalised RGB, to the heatmaps of all stacks (N, stacks, K, H / 4, W / 4).

    The published network has 8 stacks, 256 channels, 4 levels. Input sides: whole multiples of 4 * 2^levels px.
    """

    def __init__(self, stacks=8, channels=256, levels=4, num_keypoints=17):
        super().__init__()
        self.stride, self.levels, self.num_keypoints = 4, levels, num_keypoints
        self.input_wh = (192, 256) if levels > 3 else (96, 128)  # px; training sets its own
        quarter, half = channels // 4, channels // 2
        self.stem = nn.Sequential(
            *(nn.Conv2d(3, quarter, 7, 2, 3), nn.BatchNorm2d(quarter), nn.ReLU(inplace=True)),  # H / 2
            *(Residual(quarter, half), nn.MaxPool2d(2), Residual(half, half), Residual(half, channels)),  # H / 4
        )
        lasts = [number == stacks for number in range(1, stacks + 1)]
        self.stacks = nn.ModuleList([Stack(channels, levels, num_keypoints, last) for last in lasts])

    def forward(self, images):
        step = self.stride * 2**self.levels
        if images.shape[-2] % step or images.shape[-1] % step:
            raise ValueError(
                f"crops of {images.shape[-1]} x {images.shape[-2]} px cannot be halved so often: with "
                f"{self.levels} levels both sides are multiples of {step} px; change input_wh, or take fewer levels"
            )
        x, heatmaps = self.stem(images), []  # (N, C, H / 4, W / 4)
        for stack in self.stacks:
            found, x = stack(x)
            heatmaps.append(found)
        return torch.stack(heatmaps, dim=1)  # (N, stacks, K, H / 4, W / 4)

    def heatmaps(self, images):
        """The answer: the last stack's heatmaps (N, K, H / 4, W / 4); the others only taught it."""
        return self(images)[:, -1]
