"""Checks of notebook 04: transposed convolutions, their overlaps, and what the head costs."""

import math

import torch
from torch import nn
from torch.nn import functional

from hpe_lib.course.verdict import Mistake, judge, same


def check_stamps(answer):
    """A function (x (H,), w (kernel,), stride) -> ((H - 1) stride + kernel,), a transposed convolution."""

    def right(x, w, stride):
        return functional.conv_transpose1d(x[None, None], w[None, None], stride=stride)[0, 0]

    def stamp(x, w, step, length, add=True):
        y = torch.zeros(length)
        for i, value in enumerate(x):
            place = y[i * step : i * step + len(w)]
            place.copy_((place if add else 0) + (value * w)[: len(place)])
        return y

    def full(x, w, stride):
        return (len(x) - 1) * stride + len(w)

    apart = "Here each stamp starts one cell after the stamp before. They start s cells apart."
    too_long = "The numbers are right, but no stamp reaches the cells at the end. Where does the last one end?"
    # fmt: off
    mistakes = [
        Mistake("the stamps overwrite each other", lambda x, w, s: stamp(x, w, s, full(x, w, s), add=False),
                "A stamp wipes out what the stamp before left in the cells that both reach. What happens to overlaps?"),
        Mistake("the kernel turned round", lambda x, w, s: right(x, w.flip(0), s),
                "The kernel's first number belongs to the stamp's first cell: nothing is turned round here."),
        Mistake("the stride forgotten", lambda x, w, s: stamp(x, w, 1, full(x, w, s)), apart),
        Mistake("the stride forgotten", lambda x, w, s: right(x, w, 1), apart),
        Mistake("the output too long", lambda x, w, s: stamp(x, w, s, len(x) * s + len(w)), too_long),
        Mistake("the output too long", lambda x, w, s: stamp(x, w, s, full(x, w, s) + 1), too_long),
        Mistake("the end cut off", lambda x, w, s: stamp(x, w, s, len(x) * s),
                "The last stamp is not whole. It needs as many cells as the kernel has, like every other."),
        Mistake("the ordinary convolution",
                lambda x, w, s: functional.conv1d(x[None, None], w[None, None], stride=s)[0, 0],
                "This makes the map smaller: it collects from the input. Here each input gives to the output."),
    ]
    # fmt: on
    numbers = [
        ([1, 2, 3], [1, 10, 100], 2),
        ([2, 1, 3, -1, 5], [1, 2, 3, 4], 2),
        ([1, 4, 2, 7], [5, 1, 2], 1),
        ([3, -2.5, 1], [1, 0.5], 3),
    ]
    cases = [(torch.tensor(x, dtype=torch.float32), torch.tensor(w, dtype=torch.float32), s) for x, w, s in numbers]
    return judge(answer, right, cases, mistakes, "Every input stamps its kernel, and overlaps add up.")


def check_output_size(answer):
    """A function (cells, kernel, stride, padding, output_padding) -> cells of a transposed convolution's output."""

    def right(cells, kernel, stride, padding, output_padding):
        x, w = torch.zeros(1, 1, cells), torch.zeros(1, 1, kernel)
        return functional.conv_transpose1d(x, w, None, stride, padding, output_padding).shape[-1]

    # fmt: off
    mistakes = [
        Mistake("the size of an ordinary convolution", lambda h, k, s, p, o: (h + 2 * p - k) // s + 1,
                "This layer makes maps larger, not smaller. Begin with the stamps: where does the last one end?"),
        Mistake("padding added", lambda h, k, s, p, o: (h - 1) * s + 2 * p + k + o,
                "In a transposed convolution padding takes cells away from the output."),
        Mistake("padding on one side only", lambda h, k, s, p, o: (h - 1) * s - p + k + o,
                "Padding cuts at both ends."),
        Mistake("one stamp too many", lambda h, k, s, p, o: h * s - 2 * p + k + o,
                "With one input cell there is one stamp, and the output is k cells long. Put 1 into your formula."),
        Mistake("stride and padding mixed up", lambda h, k, s, p, o: (h - 1) * p - 2 * s + k + o,
                "The stride sets how far apart the stamps start, the padding how much is cut off: not the reverse."),
        Mistake("output padding forgotten", lambda h, k, s, p, o: (h - 1) * s - 2 * p + k,
                "Some layers give cells back at the right end, and the last argument says how many."),
        Mistake("output padding on both sides", lambda h, k, s, p, o: (h - 1) * s - 2 * p + k + 2 * o,
                "Output padding works at one end only. That is what it is for: an odd kernel cannot be cut evenly."),
        Mistake("the kernel forgotten", lambda h, k, s, p, o: (h - 1) * s - 2 * p + 1 + o,
                "You found where the last stamp starts. How many cells does it cover from there?"),
    ]
    # fmt: on
    cases = [(2, 4, 2, 1, 0), (6, 4, 2, 1, 0), (8, 3, 2, 1, 1), (10, 5, 3, 1, 2), (7, 2, 4, 0, 0), (1, 6, 3, 2, 0)]
    return judge(answer, right, cases, mistakes, "That is the formula that torch uses.")


def check_overlaps(answer):
    """Kernel 5, stride 2: stamps on an even cell, on an odd cell, and the most and the fewest in two dimensions."""
    counts = functional.conv_transpose2d(torch.ones(1, 1, 12, 12), torch.ones(1, 1, 5, 5), stride=2)[0, 0]
    line = functional.conv_transpose1d(torch.ones(1, 1, 12), torch.ones(1, 1, 5), stride=2)[0, 0]
    inner = counts[10:16, 10:16]
    right = [line[10].item(), line[11].item(), inner.max().item(), inner.min().item()]
    # fmt: off
    mistakes = [
        Mistake("even and odd the wrong way round", lambda a: same(list(a)[:2], [2, 3]),
                "Without padding the stamps start on cells 0, 2, 4, ... Which of them reach cell 10, and which 11?"),
        Mistake("kernel 5 divided by stride 2", lambda a: same(list(a)[:2], [2.5, 2.5]),
                "Right on average, but a cell cannot be reached by half a stamp. Count for one cell at a time."),
        Mistake("the counts of kernel 3", [2, 1, 4, 1],
                "This is the kernel of the figure above. Now it has 5 cells."),
        Mistake("every stamp counted that is near", lambda a: same(list(a)[:2], [5, 5]) or same(list(a)[:2], [3, 3]),
                "Stamps start on every second cell only, so an even and an odd cell do not get the same."),
        Mistake("the directions added", lambda a: same(a, [3, 2, 6, 4]),
                "A stamp must reach the cell in its row and in its column: 3 choices for one and 3 for the other?"),
        Mistake("two dimensions like one", lambda a: same(a, [3, 2, 3, 2]),
                "The first two are right. In two dimensions a stamp is a square, and rows above and below stamp too."),
    ]
    # fmt: on
    return judge(answer, right, mistakes=mistakes, praise="Not divisible by the stride, so not even: a checkerboard.")


def check_block_parameters(answer):
    """The number of parameters of the head's second block: transposed convolution 256 -> 256, kernel 4, batch norm."""
    with torch.device("meta"):
        block = nn.Sequential(nn.ConvTranspose2d(256, 256, 4, 2, 1, bias=False), nn.BatchNorm2d(256), nn.ReLU())
    right, weights = sum(p.numel() for p in block.parameters()), block[0].weight.numel()

    def one_of(*values):
        return lambda a: any(same(a, value, 0) for value in values)

    # fmt: off
    mistakes = [
        Mistake("batch norm forgotten", weights,
                "These are the weights of the convolution. What does batch norm learn?"),
        Mistake("256 beside the weights", weights + 256,
                "If they are batch norm's: it learns two numbers for each channel. If a bias: the layer has none."),
        Mistake("a bias counted", one_of(weights + 256 + 512),
                "The transposed convolution has no bias here: `bias=False`. Batch norm would take it away again."),
        Mistake("running statistics counted", weights + 4 * 256,
                "Running mean and variance are gathered, not learnt by gradients. They are buffers, not parameters."),
        Mistake("more than one block", 3 * right,
                "The head has three blocks. One of them is asked for, and the first is larger."),
        Mistake("the first block", one_of(2048 * 256 * 16 + 512, 2048 * 256 * 16),
                "2048 channels come into the first block. How many come into the second?"),
        Mistake("the kernel not squared", one_of(4 * 256 * 256 + 512, 4 * 256 * 256),
                "On a map a kernel of 4 is 4 cells wide and 4 cells high."),
        Mistake("every output channel from one input channel", one_of(16 * 256 + 512, 16 * 256),
                "Each of the 256 channels that come in has a kernel of its own for each of the 256 that go out."),
    ]
    # fmt: on
    return judge(answer, right, mistakes=mistakes, praise="Nearly all of it is in the kernels.", tolerance=0)


def check_multiply_adds(answer):
    """Multiply-adds for one image of 256 x 192: of the last layer (1 x 1) and of the third transposed convolution."""
    with torch.device("meta"):
        final, third = nn.Conv2d(256, 17, 1, bias=False), nn.ConvTranspose2d(256, 256, 4, 2, 1, bias=False)
    right = [final.weight.numel() * 64 * 48, third.weight.numel() * 32 * 24]  # output cells, input cells

    def part(index, *values):
        return lambda a: any(math.isclose(a[index], value, rel_tol=1e-9) for value in values)

    # Where two slips give the same number the hint names both.
    # fmt: off
    mistakes = [
        Mistake("the two swapped", right[::-1],
                "The right two numbers, in the other order: first the 1 x 1 convolution."),
        Mistake("FLOPs", lambda a: same(a, [2 * value for value in right], 0),
                "This counts the multiplication and the addition apart. A multiply-add is both together."),
        Mistake("parameters instead of work", lambda a: part(0, 17 * 256, 17 * 256 + 17)(a) and part(1, 16 * 256**2)(a),
                "So many weights there are. How often is each of them used for one image?"),
        Mistake("one cell instead of all", part(0, 17 * 256, 17 * 256 + 17),
                "1 x 1 is the size of the kernel. The layer runs in each cell of its map: how many are there?"),
        Mistake("16 times the last layer's work", part(0, 16 * right[0]),
                "Either its kernel is 4 x 4 in your product, and it is 1 x 1; or its map is as large as the image."),
        Mistake("biases counted", part(0, right[0] + 17, right[0] + 17 * 64 * 48),
                "Adding a bias is an addition without a multiplication. The rule above counts weights only."),
        Mistake("a transposed convolution counted at its output cells", part(1, 4 * right[1]),
                "Each *input* cell stamps once, with all weights. (Some tools count so: see the end of this section.)"),
        Mistake("a quarter of the third layer's work", part(1, right[1] / 4),
                "Either the kernel is 4 in your product, and it is 4 x 4; or the cells are the 16 x 12 that come into "
                "the second layer."),
        Mistake("a sixteenth of the third layer's work", part(1, right[1] / 16),
                "Either the kernel is missing in your product, and it is 4 x 4; or the cells are the 8 x 6 that come "
                "into the first layer."),
        Mistake("another transposed convolution", part(1, 2048 * 256 * 16 * 8 * 6),
                "The three layers take 8 x 6 to 16 x 12, to 32 x 24, to 64 x 48. What comes into the third?"),
    ]
    # fmt: on
    praise = "A quarter of the cells, but 16 times the kernel and 15 times the channels: 60 times the work."
    return judge(answer, right, mistakes=mistakes, praise=praise, tolerance=1e-9)
