"""What a detector of centres is taught: targets, the focal loss, distances of boxes (Zhou et al. 2019, section 3)."""

import torch
from torch.nn import functional

from hpe_lib import data
from hpe_lib.data.pictures import IGNORED, PERSON
from hpe_lib.train.losses import register

SPREAD = 0.09  # sigma of a person's Gaussian as a share of the box's width and height
NEAR = 0.3  # cells whose Gaussian is at least as high learn the box too
BOX_WEIGHT = 1.0


def center_targets(boxes, kinds, size, stride):
    """What each cell is to say about the people of N pictures.

    boxes: (N, M, 4) x, y, width, height in px; kinds: (N, M); size: (w, h) cells. Returns heat (N, h, w), 1 in the
    cells of centres with a Gaussian round each, as wide as the box asks; numbers (N, 4, h, w), log width, log height
    and the way to the centre in cells, of the person whose Gaussian is the highest; counted (N, h, w), 0 inside
    ignored boxes where no person is near.
    """
    width, height = size
    boxes, person = boxes.float() / stride, kinds == PERSON  # cells
    center = boxes[..., :2] + boxes[..., 2:] / 2  # (N, M, 2)
    cell = torch.minimum(center.floor(), center.new_tensor([width - 1, height - 1]))
    sigma = (SPREAD * boxes[..., 2:]).clamp(min=0.4)[..., None, None]  # (N, M, 2, 1, 1)
    x, y = (torch.arange(side, device=boxes.device, dtype=torch.float32) for side in size)
    away_x = (x - cell[..., :1]) / sigma[..., 0, 0, :]  # (N, M, w)
    away_y = (y - cell[..., 1:]) / sigma[..., 1, 0, :]  # (N, M, h)
    each = torch.exp(-(away_x[..., None, :] ** 2 + away_y[..., None] ** 2) / 2)  # (N, M, h, w)
    heat, owner = (each * person[..., None, None]).max(dim=1)  # (N, h, w)

    def of_owner(values):  # (N, M) -> (N, h, w)
        return values.gather(1, owner.flatten(1)).view_as(heat)

    way = of_owner(center[..., 0]) - x, of_owner(center[..., 1]) - y[:, None]
    sizes = (of_owner(boxes[..., place].clamp(min=1e-3).log()) for place in (2, 3))
    numbers = torch.stack([*sizes, *way], dim=1)  # (N, 4, h, w)
    low, high = boxes[..., :2, None], (boxes[..., :2] + boxes[..., 2:])[..., None]
    across = (x + 0.5 > low[..., 0, :]) & (x + 0.5 < high[..., 0, :])  # (N, M, w)
    down = (y + 0.5 > low[..., 1, :]) & (y + 0.5 < high[..., 1, :])  # (N, M, h)
    ignored = (across[..., None, :] & down[..., None] & (kinds == IGNORED)[..., None, None]).any(dim=1)
    return heat, numbers, ((heat > NEAR) | ~ignored).float()


def focal_loss(logits, heat, counted):
    """Cross-entropy in which easy cells, and cells near a centre, weigh little (equation 1; alpha 2, beta 4).

    logits, heat, counted: (N, h, w). Returns the sum over cells, divided by the number of centres (1 at least).
    """
    probability, centers = logits.sigmoid(), (heat == 1).float()
    found = (1 - probability) ** 2 * functional.logsigmoid(logits)
    quiet = (1 - heat) ** 4 * probability**2 * functional.logsigmoid(-logits)
    return -(counted * (centers * found + (1 - centers) * quiet)).sum() / centers.sum().clamp(min=1)


@register
def center_points(model, batch, recipe):
    """The focal loss of centres, and the L1 distances of log sizes and of ways to the centre (equations 1 to 4).

    batch: image (N, 3, H, W) uint8, boxes (N, M, 4) px, kinds (N, M). The paper takes sizes in px, at centres alone.
    Their logarithm makes small and large people count alike, and neighbours of a centre, which may win, learn too.
    """
    images = data.normalise(batch["image"], getattr(model, "channel_order", "rgb"))
    outputs = model(images.contiguous(memory_format=torch.channels_last)).float()  # (N, 5, h, w)
    size = outputs.shape[-1], outputs.shape[-2]
    heat, numbers, counted = center_targets(batch["boxes"], batch["kinds"], size, model.stride)
    near = heat * (heat > NEAR)
    distance = (outputs[:, 1:] - numbers).abs().sum(dim=1)  # (N, h, w)
    box = (near * distance).sum() / near.sum().clamp(min=1)
    center = focal_loss(outputs[:, 0], heat, counted)
    return center + BOX_WEIGHT * box, {"center": center.detach(), "box": box.detach()}
