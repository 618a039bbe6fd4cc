"""A bottom-up network: one picture of everybody in; heatmaps, part affinity fields and tags out.

A ResNet, then the way back up to a quarter of the input's size, where what the early stages saw joins in (a feature
pyramid, Lin et al. 2017). Three outputs share all that: those of Cao et al. 2017 and of Newell, Huang and Deng 2017.
"""

import torch
from torch import nn
from torch.nn import functional

from hpe_lib.models.registry import register
from hpe_lib.models.resnet import Backbone


@register("bottom_up")
class BottomUp(Backbone):
    """A picture (N, 3, H, W), normalised RGB -> heatmaps (N, K, h, w), fields (N, L, 2, h, w), tags (N, K, h, w).

    h = H / 4, w = W / 4; H and W in whole multiples of 32 px. Nothing depends on them: training may see parts of
    pictures, and prediction whole ones.
    """

    def __init__(self, depth="tiny", width=64, num_keypoints=17, num_limbs=19):
        super().__init__(depth, whole=True)
        self.stride, self.input_wh, self.num_keypoints = 4, (256, 256), num_keypoints
        stages = [self.channels // 2**level for level in (3, 2, 1, 0)]  # channels at H / 4, 8, 16, 32
        self.across = nn.ModuleList([nn.Conv2d(channels, width, 1) for channels in stages])
        self.smooth = nn.Sequential(
            *(nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True)),
            *(nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True)),
        )
        self.parts = (num_keypoints, 2 * num_limbs, num_keypoints)  # channels of the three outputs
        self.output = nn.Conv2d(width, sum(self.parts), 1)
        nn.init.normal_(self.output.weight, std=0.001)  # all outputs start near 0, as most of the targets are
        nn.init.zeros_(self.output.bias)

    def forward(self, images):
        if images.shape[-2] % 32 or images.shape[-1] % 32:
            raise ValueError(
                f"pictures of {images.shape[-1]} x {images.shape[-2]} px: both sides are multiples of 32 px; "
                "`data.fit_picture` makes them so"
            )
        x, levels = self.maxpool(self.relu(self.bn1(self.conv1(images)))), []
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = stage(x)
            levels.append(x)  # H / 4, H / 8, H / 16, H / 32
        x = self.across[3](levels[3])  # (N, width, H / 32, W / 32)
        for across, level in zip(self.across[2::-1], levels[2::-1]):
            x = across(level) + functional.interpolate(x, scale_factor=2, mode="nearest")
        heatmaps, fields, tags = torch.split(self.output(self.smooth(x)), self.parts, dim=1)
        return heatmaps, fields.unflatten(1, (-1, 2)), tags

    def heatmaps(self, images):
        """The first of the three outputs: heatmaps of everybody (N, K, H / 4, W / 4)."""
        return self(images)[0]
