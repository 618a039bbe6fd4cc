"""Simple Baselines (Xiao, Wu, Wei 2018): a ResNet, three transposed convolutions, one heatmap per keypoint."""

from torch import nn

from hpe_lib.models.registry import build, register
from hpe_lib.models.resnet import Backbone, conv1x1

HEADS = {  # depth: width of the head, its layers, whether a 1x1 convolution narrows first, input (W, H) px
    "tiny": (64, 3, False, (96, 128)),
    "small": (128, 3, False, (96, 128)),
    "cut50": (128, 2, True, (192, 256)),
    "cut50v1": (128, 2, True, (192, 256)),
}
PUBLISHED = (256, 3, False, (192, 256))
KERNELS = {4: (1, 0), 3: (1, 1), 2: (0, 0)}  # kernel: (padding, output padding) that double the size at stride 2


@register("simple_baseline")
class SimpleBaseline(Backbone):
    """An image (N, 3, H, W), normalised RGB, to heatmaps (N, K, H / 4, W / 4)."""

    def __init__(self, depth=50, num_keypoints=17, head_width=None, head_layers=None, kernel=4):
        super().__init__(depth)
        usual_width, usual_layers, narrow, self.input_wh = HEADS.get(depth, PUBLISHED)
        if kernel not in KERNELS:
            raise ValueError(f"kernel is one of {', '.join(map(str, KERNELS))}, got {kernel!r}")
        width, head_layers = head_width or usual_width, usual_layers if head_layers is None else head_layers
        self.num_keypoints, self.stride = num_keypoints, self.stride // 2**head_layers  # image px a heatmap cell
        self.deconv_layers, channels = nn.Sequential(), self.channels
        if narrow:  # the head then has 0.7 million weights; straight from 1,024 channels it would have 2.4
            self.deconv_layers.extend([conv1x1(channels, width), nn.BatchNorm2d(width), nn.ReLU(inplace=True)])
            channels = width
        for _ in range(head_layers):
            padding, extra = KERNELS[kernel]
            self.deconv_layers.extend(
                [
                    nn.ConvTranspose2d(channels, width, kernel, 2, padding, output_padding=extra, bias=False),
                    nn.BatchNorm2d(width),
                    nn.ReLU(inplace=True),
                ]
            )
            channels = width
        self.final_layer = nn.Conv2d(channels, num_keypoints, kernel_size=1)
        for module in [*self.deconv_layers, self.final_layer]:
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                nn.init.normal_(module.weight, std=0.001)
        nn.init.zeros_(self.final_layer.bias)

    def forward(self, x):  # (N, 3, 256, 192)
        x = self.features(x)  # (N, 2048, 8, 6)
        x = self.deconv_layers(x)  # (N, 256, 64, 48)
        return self.final_layer(x)  # (N, 17, 64, 48)


def simple_baseline(depth=50, num_keypoints=17, **head):
    """Build the pose network of Simple Baselines, randomly started.

    depth: 18, 34, 50, 101, 152; made for CPUs "tiny", "small" (at 128 x 96) and "cut50", which ends at stride 16.
    head: `head_width`, `head_layers` (3; "cut50" 2) and `kernel` (4, 3 or 2) for the ablations of the publication.

    Source: Xiao et al. 2018, section 2 and table 2.
    """
    return build("simple_baseline", depth=depth, num_keypoints=num_keypoints, **head)
