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


@register
def every_stack_mse(model, batch, recipe):
    """The squared errors of all stacks' heatmaps, added: intermediate supervision (Newell et al. 2016, section 3.2).

    The network returns (N, stacks, K, h, w); all stacks have the same target. PCK is the last stack's, the answer's.
    """
    return _of_stacks(model, batch, recipe, first=0)


@register
def last_stack_mse(model, batch, recipe):
    """The squared error of the last stack's heatmaps alone: what intermediate supervision is measured against."""
    return _of_stacks(model, batch, recipe, first=-1)


def _of_stacks(model, batch, recipe, first):
    images = data.normalise(batch["image"]).contiguous(memory_format=torch.channels_last)
    predicted = model(images).float()  # (N, stacks, K, h, w)
    size = predicted.shape[-1], predicted.shape[-2]
    target, weights = heatmaps.encode(
        batch["keypoints"], batch["labelled"], size, model.stride, recipe.sigma, recipe.unbiased
    )
    stacks = [heatmaps.heatmap_loss(one, target, weights) for one in predicted[:, first:].unbind(1)]
    return sum(stacks), {"pck": heatmaps.pck(predicted[:, -1].detach(), target)[1]}
