"""What training makes small. A loss is a function (model, batch, recipe) -> (scalar tensor, {name: number tensor}).

model: the network in training. batch: what the data set's items become, on the network's device. The numbers, such as
PCK, are averaged over the epoch and stand in the history beside the loss. Write your own, and give it to
`Trainer(model, dataset, recipe, loss)`; or register it here, and a recipe can name it.
"""

import torch

from hpe_lib import data, grouping, heatmaps

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


@register
def everybody(model, batch, recipe):
    """Heatmaps, fields and tags of whole pictures: three losses, added (Cao et al. 2017; Newell, Huang and Deng 2017).

    batch: image (N, 3, H, W) uint8, keypoints (N, P, K, 2) px, labelled (N, P, K). The tags' weight is ours.
    """
    images = data.normalise(batch["image"]).contiguous(memory_format=torch.channels_last)
    found, fields, tags = (output.float() for output in model(images))
    people = batch["keypoints"], batch["labelled"]
    size = found.shape[-1], found.shape[-2]
    of_joints = (found - grouping.encode_people(*people, size, model.stride, recipe.sigma)).square().mean()
    of_limbs = (fields - grouping.encode_fields(*people, size, model.stride)).square().mean()
    pull, push = grouping.tag_loss(tags, *people, model.stride)
    parts = {"joints": of_joints, "limbs": of_limbs, "pull": pull, "push": push}
    return of_joints + of_limbs + 5e-3 * (pull + push), {name: part.detach() for name, part in parts.items()}
