"""A detector of people as points (Zhou, Wang, Kraehenbuehl 2019, "Objects as Points"): one heatmap of their centres.

The backbone is the course's ResNet. Its last three stages are added up, each enlarged to the size of the one before
it, as in feature pyramids (Lin et al. 2017), so that far and near people are seen by the same cells.
"""

import torch
from torch import nn
from torch.nn import functional

from hpe_lib.models.registry import register
from hpe_lib.models.resnet import Backbone, conv3x3


def head(channels, outputs):
    """A 3x3 convolution, batch norm, ReLU, and a 1x1 convolution to the numbers of a cell."""
    layers = conv3x3(channels, channels), nn.BatchNorm2d(channels), nn.ReLU(inplace=True)
    return nn.Sequential(*layers, nn.Conv2d(channels, outputs, kernel_size=1))


@register("center_detector")
class CenterDetector(Backbone):
    """An image (N, 3, H, W), normalised RGB, to five numbers a cell (N, 5, H / stride, W / stride).

    They are: the logit of a person's centre; the logarithm of the box's width and height in cells; the way from the
    cell to the centre, x and y, in cells. H and W are whole multiples of 32 px, and need not be those of training.
    """

    def __init__(self, depth="small", channels=64, stride=8):
        super().__init__(depth, whole=True)
        if stride not in (4, 8, 16):
            raise ValueError(f"stride is 4, 8 or 16 px a cell, got {stride!r}")
        self.stride, self.num_keypoints, self.input_wh = stride, 1, (320, 320)  # one point: the centre
        stages = (self.layer1, self.layer2, self.layer3, self.layer4)  # of stride 4, 8, 16, 32
        self.first = (4, 8, 16).index(stride)  # the finest stage that is used
        widths = [stage[-1].conv2.out_channels * stage[-1].expansion for stage in stages[self.first :]]
        self.sides = nn.ModuleList([nn.Conv2d(width, channels, kernel_size=1) for width in widths])
        self.center_head, self.box_head = head(channels, 1), head(channels, 4)
        nn.init.constant_(self.center_head[-1].bias, -2.19)  # sigmoid 0.1: at first no cell is sure (section 5)
        nn.init.normal_(self.box_head[-1].weight, std=0.001)
        nn.init.constant_(self.box_head[-1].bias, 1.0)

    def forward(self, images):  # (N, 3, H, W)
        x, features = self.maxpool(self.relu(self.bn1(self.conv1(images)))), []  # H / 4
        for number, stage in enumerate((self.layer1, self.layer2, self.layer3, self.layer4)):
            x = stage(x)
            features += [x] if number >= self.first else []
        coarse = self.sides[-1](features[-1])  # (N, C, H / 32, W / 32)
        for side, finer in zip(self.sides[-2::-1], features[-2::-1]):
            coarse = side(finer) + functional.interpolate(coarse, scale_factor=2.0, mode="nearest")
        x = functional.relu(coarse)  # (N, C, H / stride, W / stride)
        return torch.cat([self.center_head(x), self.box_head(x)], dim=1)  # (N, 5, h, w)

    def heatmaps(self, images):
        """How likely a person's centre is in each cell: (N, 1, H / stride, W / stride), from 0 to 1."""
        return self(images)[:, :1].sigmoid()


def decode_boxes(outputs, stride, most=100):
    """The boxes that a `CenterDetector` sees, one for each peak of its centres' heatmap.

    outputs: (N, 5, h, w). Returns boxes (N, M, 4), x, y, width, height in px of the network's input, and scores (N, M)
    from 0 to 1, best first. A peak is a cell that no neighbour exceeds, found by a 3 x 3 max-pooling (section 4); M is
    `most`, or the number of cells where that is smaller, and what is no peak has a score of 0.
    """
    outputs = outputs.float()
    width = outputs.shape[-1]
    heat = outputs[:, :1].sigmoid()  # (N, 1, h, w)
    peaks = heat * (functional.max_pool2d(heat, 3, stride=1, padding=1) == heat)
    scores, cells = peaks.flatten(1).topk(min(most, peaks[0].numel()))  # (N, M)
    numbers = outputs[:, 1:].flatten(2).gather(2, cells[:, None].expand(-1, 4, -1)).transpose(1, 2)  # (N, M, 4)
    size = numbers[..., :2].clamp(max=8).exp()  # cells; the limit keeps a bad network's numbers finite
    center = torch.stack([cells % width, cells // width], dim=-1) + numbers[..., 2:]
    return stride * torch.cat([center - size / 2, size], dim=-1), scores
