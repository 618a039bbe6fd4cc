"""The lifting network of Martinez et al. (2017): 2-D joints in, joints in space out, and no image anywhere."""

from torch import nn

from hpe_lib.models.registry import register


def layer(inputs, width, dropout):
    """Linear, batch norm, ReLU, dropout: the one building block (Martinez et al. 2017, figure 1)."""
    return nn.Sequential(nn.Linear(inputs, width), nn.BatchNorm1d(width), nn.ReLU(), nn.Dropout(dropout))


class LinearBlock(nn.Module):
    """Two layers and a shortcut round them: (N, width) -> (N, width)."""

    def __init__(self, width, dropout):
        super().__init__()
        self.layers = nn.Sequential(layer(width, width, dropout), layer(width, width, dropout))

    def forward(self, x):
        return x + self.layers(x)


@register("lifter")
class Lifter(nn.Module):
    """Joints of T frames (N, T, K, 2), as `lifting.as_input` gives them -> the middle frame's pose (N, K, 3) m.

    The published network has width 1024, 2 blocks, dropout 0.5, one frame and 16 joints. frames: how many are seen at
    once, laid side by side.
    """

    def __init__(self, width=1024, blocks=2, frames=1, num_keypoints=17, dropout=0.5):
        super().__init__()
        if frames < 1 or frames % 2 == 0:
            raise ValueError(f"frames is {frames}: an odd number has a middle frame, such as 1 or 9")
        self.frames, self.num_keypoints = frames, num_keypoints
        self.stride, self.input_wh = 1, (32, 32)  # every network has them; this one never sees an image
        self.first = layer(frames * num_keypoints * 2, width, dropout)
        self.blocks = nn.Sequential(*(LinearBlock(width, dropout) for _ in range(blocks)))
        self.last = nn.Linear(width, num_keypoints * 3)

    def forward(self, joints):
        wanted = self.frames, self.num_keypoints, 2
        if tuple(joints.shape[1:]) != wanted:
            raise ValueError(
                f"this network lifts joints of the shape (N, {', '.join(map(str, wanted))}), and got "
                f"{tuple(joints.shape)}: it takes no images; find the 2-D joints first, and pass them by as_input"
            )
        x = self.blocks(self.first(joints.flatten(1)))  # (N, width)
        return self.last(x).unflatten(1, (self.num_keypoints, 3))  # (N, K, 3)
