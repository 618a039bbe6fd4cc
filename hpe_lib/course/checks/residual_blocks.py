"""Checks of notebook 03, second half: the bottleneck block."""

import torch
import torch.nn.functional as F

from hpe_lib import models
from hpe_lib.checks.verdict import Mistake, judge


class _Bottleneck(models.Bottleneck):
    """A bottleneck that messages can name in a few words."""

    def __repr__(self):
        return f"a block with {self.conv1.in_channels} channels in, stride {self.conv2.stride[0]}"


def _block(inputs, width, stride=1):
    """A bottleneck in evaluation mode whose batch norms have seen something; the random state stays as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(inputs)
        block = _Bottleneck(inputs, width, stride)
        with torch.no_grad():
            block(3 * torch.randn(8, inputs, 6, 6) + 1)
        return block.eval().requires_grad_(False)


def check_bottleneck_forward(answer):
    """A function (block with conv1, bn1, ... and downsample, x) -> the output of a bottleneck block."""

    def change(block, x):
        x = F.relu(block.bn1(block.conv1(x)))
        x = F.relu(block.bn2(block.conv2(x)))
        return block.bn3(block.conv3(x))

    def shortcut(block, x):
        return x if block.downsample is None else block.downsample(x)

    def one_relu(block, x, first):
        x = block.bn1(block.conv1(x))
        x = block.bn2(block.conv2(F.relu(x) if first else x))
        return block.bn3(block.conv3(x if first else F.relu(x)))

    def saved_too_late(block, x):
        x = change(block, x)
        return F.relu(x + shortcut(block, x))

    mistakes = [
        Mistake(
            "ReLU before the addition",
            lambda block, x: F.relu(change(block, x)) + shortcut(block, x),
            "First add, then ReLU: this way the block could only ever add, never take away.",
        ),
        Mistake(
            "ReLU before the addition, and again after it",
            lambda block, x: F.relu(F.relu(change(block, x)) + shortcut(block, x)),
            "F(x) must be free to be negative, or the block could only ever add. How many ReLUs has the basic block?",
        ),
        Mistake(
            "the last ReLU forgotten",
            lambda block, x: change(block, x) + shortcut(block, x),
            "The sum may be negative. What comes after the addition in the basic block?",
        ),
        Mistake(
            "the projection forgotten",
            lambda block, x: F.relu(change(block, x) + x),
            "Where the block changes the shape, x cannot be added as it is. block.downsample is made for that.",
        ),
        Mistake(
            "no shortcut",
            lambda block, x: F.relu(change(block, x)),
            "This is a plain block: nothing of x goes around the convolutions.",
        ),
        Mistake(
            "the shortcut taken too late",
            saved_too_late,
            "x was overwritten before it was added. Keep the block's input under a name of its own.",
        ),
        Mistake(
            "no ReLU inside",
            lambda block, x: F.relu(
                block.bn3(block.conv3(block.bn2(block.conv2(block.bn1(block.conv1(x)))))) + shortcut(block, x)
            ),
            "Without a ReLU between them three convolutions are no more than one.",
        ),
        Mistake(
            "a ReLU is missing after the first batch norm",
            lambda block, x: F.relu(one_relu(block, x, first=False) + shortcut(block, x)),
            "Between bn1 and conv2 stands a ReLU, or the first two convolutions are no more than one.",
        ),
        Mistake(
            "a ReLU is missing after the second batch norm",
            lambda block, x: F.relu(one_relu(block, x, first=True) + shortcut(block, x)),
            "Between bn2 and conv3 stands a ReLU, or the last two convolutions are no more than one.",
        ),
        Mistake(
            "downsample is None here",
            lambda block, x: F.relu(change(block, x) + block.downsample(x)),
            "A block that keeps the shape has no projection, and None cannot be called. What is added then?",
        ),
        Mistake(
            "batch norm left out",
            lambda block, x: F.relu(block.conv3(F.relu(block.conv2(F.relu(block.conv1(x))))) + shortcut(block, x)),
            "Each convolution has a batch norm behind it: conv1 then bn1, conv2 then bn2, conv3 then bn3.",
        ),
    ]
    x = torch.linspace(-2, 2, 2 * 8 * 6 * 5).sin().mul(3).reshape(2, 8, 6, 5)  # negative values as well
    cases = [(_block(8, 2), x), (_block(8, 3, stride=2), x)]
    return judge(answer, lambda block, x: block(x), cases, mistakes, "The library's bottleneck gives the same.")


def check_bottleneck_weights(answer):
    """A function (inputs, width, stride) -> weights of all convolutions of a bottleneck, its projection included."""

    def right(inputs, width, stride):
        convolutions = [m for m in models.Bottleneck(inputs, width, stride).modules() if isinstance(m, torch.nn.Conv2d)]
        return sum(convolution.weight.numel() for convolution in convolutions)

    def wrong(project, middle=9, out=4, extra=lambda inputs, width: 0):
        def function(inputs, width, stride):
            inside = inputs * width + middle * width * width + width * out * width
            return inside + project(inputs, width, stride) * inputs * 4 * width + extra(inputs, width)

        return function

    def needed(inputs, width, stride):
        return stride != 1 or inputs != 4 * width

    def divided(first=True, last=True):  # by the stride's square: 3 × 3 and projection, and the 1 × 1 as told
        def function(inputs, width, stride):
            share = stride**-2
            inside = (share if first else 1) * inputs * width + (9 * share + (4 * share if last else 4)) * width**2
            return inside + share * needed(inputs, width, stride) * inputs * 4 * width

        return function

    used_less = "The stride changes how often each weight is used, not how many weights there are."
    mistakes = [
        Mistake(
            "the projection forgotten",
            wrong(lambda inputs, width, stride: False),
            "Where the shape changes, the shortcut has a 1 × 1 convolution of its own.",
        ),
        Mistake(
            "a projection everywhere",
            wrong(lambda inputs, width, stride: True),
            "Where stride and channels stay the same, the shortcut is free.",
        ),
        Mistake(
            "a projection for the stride only",
            wrong(lambda inputs, width, stride: stride != 1),
            "At stride 1 the number of channels may change as well: compare what goes in with what comes out.",
        ),
        Mistake(
            "a projection for the channels only",
            wrong(lambda inputs, width, stride: inputs != 4 * width),
            "With a stride of 2 the map is halved, so x does not fit even if the channels do.",
        ),
        Mistake(
            "inputs compared with the width",
            wrong(lambda inputs, width, stride: stride != 1 or inputs != width),
            "What leaves a bottleneck has not `width` channels, but four times as many.",
        ),
        Mistake(
            "the 3 × 3 counted as 1 × 1",
            wrong(needed, middle=1),
            "A kernel of 3 × 3 has nine weights for each pair of channels.",
        ),
        Mistake(
            "four times the width forgotten",
            wrong(needed, out=1),
            "The last 1 × 1 convolution widens again: from width to four times the width.",
        ),
        Mistake(
            "a projection to the width only",
            wrong(lambda inputs, width, stride: needed(inputs, width, stride) / 4),
            "The projection's output is added to the block's, so it must have as many channels.",
        ),
        *[
            Mistake("divided by the stride's square", function, used_less)
            for function in (divided(), divided(first=False), divided(first=False, last=False))
        ],
        Mistake(
            "batch norm counted",
            wrong(needed, extra=lambda inputs, width: 2 * (width + width + 4 * width)),
            "Count the weights of convolutions only: scale and shift of the batch norms are left out here.",
        ),
    ]
    cases = [(256, 64, 1), (64, 64, 1), (512, 128, 2), (256, 128, 2)]
    return judge(answer, right, cases, mistakes, "Counted as in the library's block, tensor by tensor.", tolerance=1e-9)
