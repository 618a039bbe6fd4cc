"""What training makes small. A loss is a function (model, batch, recipe) -> (scalar tensor, {name: number tensor}).

model: the network in training. batch: what the data set's items become, on the network's device. The numbers, such as
PCK, are averaged over the epoch and stand in the history beside the loss. Write your own, and give it to
`Trainer(model, dataset, recipe, loss)`; or register it here, and a recipe can name it.
"""

import torch

from hpe_lib import data, heatmaps

LOSSES = {}  # name -> function


def register(loss):
    """Let `recipe.loss` name the function that is decorated."""
    LOSSES[loss.__name__] = loss
    return loss


@register
def heatmap_mse(model, batch, recipe):
    """Weighted squared error of one heatmap a keypoint, and PCK (Xiao et al. 2018, section 2).

    batch: image (N, 3, H, W) uint8, keypoints (N, K, 2) crop px, labelled (N, K).
    """
    images = data.normalise(batch["image"], getattr(model, "channel_order", "rgb"))
    predicted = model(images.contiguous(memory_format=torch.channels_last)).float()  # (N, K, h, w)
    height, width = predicted.shape[-2:]
    target, weights = heatmaps.encode(
        batch["keypoints"], batch["labelled"], (width, height), model.stride, recipe.sigma, recipe.unbiased
    )  # (N, K, h, w), (N, K)
    loss = heatmaps.heatmap_loss(predicted, target, weights)
    return loss, {"pck": heatmaps.pck(predicted.detach(), target)[1]}
