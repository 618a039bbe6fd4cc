"""Keypoints to heatmaps and back: Gaussian targets, the loss on them, decoding, the flip test, and PCK.

torch float32, any device. N persons, K keypoints, H x W heatmap cells; x_crop = stride * x_heatmap, no half-pixel term.
"""

import torch

from hpe_lib.skeleton import FLIP_ORDER


def encode(keypoints, labelled, size=(48, 64), stride=4, sigma=2.0, unbiased=False):
    """Draw one Gaussian of height 1 for every labelled keypoint.

    keypoints: (N, K, 2) crop px. labelled: (N, K), 0 where there is no label. size: (W, H) cells. sigma: cells.
    Returns heatmaps (N, K, H, W) and weights (N, K): 0 where unlabelled or where the whole Gaussian is outside.
    H(x, y) = exp(-((x - mx)^2 + (y - my)^2) / (2 sigma^2)), m the keypoint's nearest cell, cut at 3 sigma.
    unbiased: m is the keypoint's exact place instead, so that rounding loses nothing (Zhang et al. 2020).
    Source: Xiao et al. 2018, section 2, and the official `generate_target`.
    """
    keypoints = torch.as_tensor(keypoints, dtype=torch.float32)
    labelled = torch.as_tensor(labelled, device=keypoints.device) > 0
    if keypoints.shape != (*labelled.shape, 2):
        raise ValueError(
            f"keypoints (N, K, 2) and labels (N, K) do not fit: {(*keypoints.shape,)}, {(*labelled.shape,)}"
        )
    (width, height), radius = size, int(3 * sigma)
    middle = torch.where(labelled[..., None], keypoints / stride + 0.5, 0.0).trunc()  # (N, K, 2) cells
    x, y = middle.unbind(dim=-1)  # (N, K) each
    inside = (x - radius < width) & (y - radius < height) & (middle + radius + 1 >= 0).all(dim=-1)  # (N, K)
    weights = (labelled & inside).float()
    if unbiased:
        middle = torch.where(labelled[..., None], keypoints / stride, 0.0)

    def bell(position, cells):  # one axis: (N, K), number of cells -> (N, K, cells)
        distance = torch.arange(cells, device=keypoints.device) - position[..., None]
        return torch.exp(-(distance**2) / (2 * sigma**2)) * (distance.abs() <= radius)

    columns, rows = bell(middle[..., 0], width), bell(middle[..., 1], height)
    heatmaps = rows[..., :, None] * (columns * weights[..., None])[..., None, :]  # (N, K, H, W)
    return heatmaps, weights


def decode(heatmaps, refine="quarter"):
    """Read one point and one score per heatmap.

    heatmaps: (N, K, H, W). Returns points (N, K, 2) in heatmap px (multiply by the stride for crop px) and
    scores (N, K), the height of the peak. A heatmap without a positive value gives the point (0, 0).
    refine: None for the bare argmax; "quarter" moves a quarter pixel toward the higher neighbour in x and in y,
    only where 1 < x < W - 1 and 1 < y < H - 1. "dark" moves to the top of the Gaussian that fits the neighbours,
    for networks trained with `unbiased` targets. Source: the official `get_max_preds`, `get_final_preds`; Zhang et al.
    2020, equation 9, without their blur.
    """
    if refine not in (None, "quarter", "dark"):
        raise ValueError(f"refine is None, 'quarter' or 'dark', got {refine!r}")
    if heatmaps.ndim != 4 or not heatmaps.is_floating_point() or min(heatmaps.shape[2:]) < (3 if refine else 1):
        raise ValueError(
            f"heatmaps are (N, K, H, W) floats of 3 x 3 cells or more, got {(*heatmaps.shape,)} {heatmaps.dtype}"
        )
    count, keypoints, height, width = heatmaps.shape
    flat = heatmaps.reshape(count * keypoints, height * width)
    index = _first_highest(flat)
    scores = flat.gather(1, index[:, None])[:, 0]
    x, y = index % width, index // width
    points = torch.stack([x, y], dim=1).to(flat.dtype) * (scores > 0)[:, None]
    if refine == "quarter":
        movable = (scores > 0) & (x > 1) & (x < width - 1) & (y > 1) & (y < height - 1)
        center = torch.where(movable, index, width + 1)  # any inner cell: its step is thrown away below

        def slope(step):  # difference between the two neighbours `step` cells away
            return flat.gather(1, (center + step)[:, None])[:, 0] - flat.gather(1, (center - step)[:, None])[:, 0]

        points += 0.25 * torch.stack([slope(1), slope(width)], dim=1).sign() * movable[:, None]
    if refine == "dark":
        inner = (scores > 0) & (x > 0) & (x < width - 1) & (y > 0) & (y < height - 1)
        points += _to_the_top(flat, torch.where(inner, index, width + 1), width) * inner[:, None]
    return points.reshape(count, keypoints, 2), scores.reshape(count, keypoints)


def _first_highest(flat):
    """Index of the first highest value in each row: (M, C) -> (M,)."""
    if flat.device.type == "cpu":  # NumPy finds it ten times as fast there
        exact = flat.detach().to(torch.promote_types(flat.dtype, torch.float32))  # it does not know bfloat16
        return torch.from_numpy(exact.numpy().argmax(axis=1))
    return flat.argmax(dim=1)


def _to_the_top(flat, index, width):
    """From the highest cell to the top: -H^-1 g of the logarithm, a parabola where the map is a Gaussian. (M, 2) cells.

    flat: (M, H * W). index: (M,) inner cells.
    """
    steps = torch.tensor([[y * width + x for x in (-1, 0, 1)] for y in (-1, 0, 1)], device=flat.device).flatten()
    logs = flat.gather(1, index[:, None] + steps).clamp(min=1e-3).log().reshape(-1, 3, 3)  # (M, y, x)
    dx, dy = (logs[:, 1, 2] - logs[:, 1, 0]) / 2, (logs[:, 2, 1] - logs[:, 0, 1]) / 2
    dxx = logs[:, 1, 2] - 2 * logs[:, 1, 1] + logs[:, 1, 0]
    dyy = logs[:, 2, 1] - 2 * logs[:, 1, 1] + logs[:, 0, 1]
    dxy = (logs[:, 2, 2] - logs[:, 2, 0] - logs[:, 0, 2] + logs[:, 0, 0]) / 4
    determinant = dxx * dyy - dxy**2
    is_top = determinant > 1e-6  # no neighbour is higher, so it is no bottom
    offset = torch.stack([dxy * dy - dyy * dx, dxy * dx - dxx * dy], dim=1) / determinant.where(is_top, 1)[:, None]
    return offset.clamp(-1, 1) * is_top[:, None]


def merge_flipped(heatmaps, mirrored, shift=True):
    """Average the heatmaps of an image with those of its mirror image (the "flip test").

    heatmaps, mirrored: (N, K, H, W), `mirrored` as the network gave it for the mirrored image. Returns (N, K, H, W).
    The mirrored maps are mirrored back, left and right channels change places, and (shift) everything moves one cell
    to the right (column 0 stays): a stride-4 network's map and its mirror image are not aligned without it. A number
    moves by that many cells, 0 to 1: x_crop = 4 x_heatmap and x -> W - 1 - x of the crop ask for exactly 0.75.
    """
    back = mirrored.flip(-1)[:, torch.as_tensor(FLIP_ORDER, device=mirrored.device)]
    if shift:
        right = torch.cat([back[..., :1], back[..., :-1]], dim=-1)
        back = shift * right + (1 - shift) * back
    return (heatmaps + back) / 2


def heatmap_loss(predicted, target, weights):
    """Weighted mean squared error: L = 1/2 mean over all cells of (w (p - t))^2, a scalar.

    predicted, target: (N, K, H, W). weights: (N, K). Unlabelled keypoints add 0 but stay in the denominator.
    Source: the official `JointsMSELoss`, its factor 1/2 included.
    """
    return 0.5 * (weights[..., None, None] * (predicted - target)).square().mean()


def pck(predicted, target, threshold=0.5):
    """Percentage of correct keypoints while training: the argmax within half a tenth of the heatmap's size.

    predicted, target: heatmaps (N, K, H, W). Returns the share per keypoint (K,), NaN where none counted, and their
    mean. x is divided by H / 10 and y by W / 10, in that order, as published. Targets with x <= 1 or y <= 1 are
    skipped. Source: the official `accuracy`.
    """
    height, width = target.shape[-2:]
    points, truth = decode(predicted, refine=None)[0], decode(target, refine=None)[0]
    counted = (truth > 1).all(dim=-1)  # (N, K)
    x, y = (points - truth).unbind(dim=-1)  # (N, K) each, cells
    distance = torch.hypot(x / (height / 10), y / (width / 10))  # (N, K)
    correct = ((distance < threshold) & counted).sum(dim=0)
    share = correct / counted.sum(dim=0)  # (K,): 0 / 0 is NaN
    return share, share.nanmean()
