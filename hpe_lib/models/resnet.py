"""ResNet (He et al. 2016), written out: two kinds of residual block, four stages, one classifier.

Parameter names and outputs are torchvision's, so that its ImageNet weights fit.
"""

from torch import nn


def conv3x3(inputs, outputs, stride=1):
    return nn.Conv2d(inputs, outputs, kernel_size=3, stride=stride, padding=1, bias=False)


def conv1x1(inputs, outputs, stride=1):
    return nn.Conv2d(inputs, outputs, kernel_size=1, stride=stride, bias=False)


def projection(inputs, outputs, stride):
    """The shortcut's own 1x1 convolution, needed only where the block changes the shape."""
    if stride == 1 and inputs == outputs:
        return None
    return nn.Sequential(conv1x1(inputs, outputs, stride), nn.BatchNorm2d(outputs))


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut: relu(F(x) + x). (He et al. 2016, figure 5 left)"""

    expansion = 1  # output channels / width

    def __init__(self, inputs, width, stride=1):
        super().__init__()
        self.conv1, self.bn1 = conv3x3(inputs, width, stride), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = conv3x3(width, width), nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = projection(inputs, width, stride)

    def forward(self, x):
        shortcut = x if self.downsample is None else self.downsample(x)
        x = self.relu(self.bn1(self.conv1(x)))  # (N, width, H / stride, W / stride)
        x = self.bn2(self.conv2(x))  # (N, width, H / stride, W / stride)
        return self.relu(x + shortcut)


class Bottleneck(nn.Module):
    """1x1 down, 3x3 (which carries the stride), 1x1 up to four times the width. (He et al. 2016, figure 5 right)"""

    expansion = 4

    def __init__(self, inputs, width, stride=1):
        super().__init__()
        outputs = width * self.expansion
        self.conv1, self.bn1 = conv1x1(inputs, width), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = conv3x3(width, width, stride), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = conv1x1(width, outputs), nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = projection(inputs, outputs, stride)

    def forward(self, x):
        shortcut = x if self.downsample is None else self.downsample(x)
        x = self.relu(self.bn1(self.conv1(x)))  # (N, width, H, W)
        x = self.relu(self.bn2(self.conv2(x)))  # (N, width, H / stride, W / stride)
        x = self.bn3(self.conv3(x))  # (N, 4 width, H / stride, W / stride)
        return self.relu(x + shortcut)


class OriginalBottleneck(Bottleneck):
    """As first published: the first 1x1 convolution carries the stride, not the 3x3. (He et al. 2016)"""

    def __init__(self, inputs, width, stride=1):
        super().__init__(inputs, width, stride)
        self.conv1.stride, self.conv2.stride = self.conv2.stride, self.conv1.stride


DEPTHS = {  # depth: (block, blocks in each stage, width of the first stage)
    "tiny": (BasicBlock, (2, 2, 2, 2), 16),
    "small": (BasicBlock, (2, 2, 2, 2), 32),
    "cut50": (Bottleneck, (3, 4, 4), 64),  # a ResNet-50 that ends within its third stage
    "cut50v1": (OriginalBottleneck, (3, 4, 4), 64),
    18: (BasicBlock, (2, 2, 2, 2), 64),
    34: (BasicBlock, (3, 4, 6, 3), 64),
    50: (Bottleneck, (3, 4, 6, 3), 64),
    101: (Bottleneck, (3, 4, 23, 3), 64),
    152: (Bottleneck, (3, 8, 36, 3), 64),
}


def parse_depth(text):
    """A depth as a command line writes it: "50" -> 50, "tiny" -> "tiny"."""
    return int(text) if text.isdecimal() else text


class Backbone(nn.Module):
    """The convolutional part: an image (N, 3, H, W) to features (N, C, H / 32, W / 32), or H / 16 for three stages.

    whole: all four stages are needed. ValueError for a depth that has fewer then, or is unknown.
    """

    def __init__(self, depth, whole=False):
        super().__init__()
        if not isinstance(depth, int | str) or depth not in DEPTHS:
            raise ValueError(f"depth is one of {list(DEPTHS)}, got {depth!r}")
        block, counts, width = DEPTHS[depth]
        if whole and len(counts) < 4:
            raise ValueError(f"a ResNet of four stages is needed, and {depth!r} ends after {len(counts)}")
        self.depth = depth
        self.conv1 = nn.Conv2d(3, width, kernel_size=7, stride=2, padding=3, bias=False)
        self.bn1, self.relu = nn.BatchNorm2d(width), nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        channels = width
        for stage, count in enumerate(counts):
            wide, blocks = width * 2**stage, []
            for index in range(count):
                stride = 2 if stage > 0 and index == 0 else 1
                blocks.append(block(channels, wide, stride))
                channels = wide * block.expansion
            setattr(self, f"layer{stage + 1}", nn.Sequential(*blocks))
        self.channels, self.stride, self.stages = channels, 2 * 2 ** len(counts), len(counts)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):  # He et al. 2015: keeps the signal's variance through ReLUs
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def features(self, x):  # (N, 3, H, W)
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))  # (N, width, H / 4, W / 4)
        x = self.layer1(x)  # H / 4
        x = self.layer2(x)  # H / 8
        x = self.layer3(x)  # H / 16
        return self.layer4(x) if self.stages == 4 else x  # (N, channels, H / 32, W / 32)


class ResNet(Backbone):
    """The classifier: mean over all positions, then one fully connected layer of logits (N, classes)."""

    def __init__(self, depth, num_classes=1000):
        super().__init__(depth)
        self.fc = nn.Linear(self.channels, num_classes)

    def forward(self, x):
        return self.fc(self.features(x).mean(dim=(2, 3)))  # (N, C, h, w) -> (N, C) -> (N, classes)


def resnet(depth, num_classes=1000):
    """Build a ResNet classifier of a depth in `DEPTHS`; "tiny" and "small" are 1/4 and 1/2 as wide as 18."""
    return ResNet(depth, num_classes)
