"""A whole picture in, everybody's poses out, without boxes: the network once, then peaks and grouping."""

import numpy as np
import torch

from hpe_lib import data, geometry, heatmaps
from hpe_lib.data.warp import warp_channels
from hpe_lib.grouping import (
    assemble,
    bipartite_matching,
    encode_fields,
    encode_people,
    greedy_matching,
    group_by_tags,
    peaks,
)

GROUPINGS = {  # name -> (peaks, fields, tags) -> poses (M, K, 3) in cells
    "greedy": lambda found, fields, tags: assemble(found, fields, greedy_matching),
    "bipartite": lambda found, fields, tags: assemble(found, fields, bipartite_matching),
    "tags": lambda found, fields, tags: group_by_tags(found, tags),
}


@torch.inference_mode()
def picture_maps(model, image, longer=320):
    """Run a bottom-up network on a picture (H, W, 3) uint8 -> heatmaps (K, h, w), fields (L, 2, h, w), tags (K, h, w).

    And the (2, 3) matrix, image px to input px. longer: px of the picture's longer side in the network.
    """
    matrix, input_wh = data.fit_picture(data.whole_image(image).shape[1::-1], longer)
    inputs = torch.from_numpy(warp_channels(image, matrix, input_wh))[None].to(next(model.parameters()).device)
    outputs = model(data.normalise(inputs).contiguous(memory_format=torch.channels_last))
    return *(output[0].float().cpu() for output in outputs), matrix


def true_maps(people, image_wh, longer=320, stride=4):
    """What a faultless network would answer to a picture of (width, height) px: as `picture_maps`, tags 3 apart.

    people: (P, 17, 3) image px and visibility.
    """
    people = np.concatenate([people, np.zeros((1, 17, 3))])  # somebody without labels, where nobody is
    matrix, input_wh = data.fit_picture(image_wh, longer)
    points = torch.tensor(geometry.transform(people[None, ..., :2], matrix), dtype=torch.float32)  # (1, P, 17, 2)
    labelled, size = torch.tensor(people[None, ..., 2] > 0), (input_wh[0] // stride, input_wh[1] // stride)
    each, _ = heatmaps.encode(points[0], labelled[0], size, stride, 1.5, unbiased=True)  # (P, 17, h, w)
    tags = 3.0 * each.argmax(dim=0)  # in each cell that of the person whose joint is nearest
    return *(draw(points, labelled, size, stride)[0] for draw in (encode_people, encode_fields)), tags, matrix


def group(heatmaps, fields, tags, matrix, grouping="bipartite", stride=4, threshold=0.1):
    """From a network's three outputs to poses (M, 17, 3): x, y in image px and the peak's height, or zeros.

    grouping: one of GROUPINGS. threshold: the height from which a peak is a joint.
    """
    if grouping not in GROUPINGS:
        raise ValueError(f"grouping is {' or '.join(map(repr, GROUPINGS))}, got {grouping!r}")
    poses = GROUPINGS[grouping](peaks(heatmaps, threshold), fields.numpy(), tags.numpy())
    points = geometry.transform(stride * poses[..., :2], geometry.invert(matrix))
    return np.where(poses[..., 2:] > 0, np.concatenate([points, poses[..., 2:]], axis=2), 0)


def predict_everybody(model, image, grouping="bipartite", longer=320):
    """Find all people of a picture (H, W, 3) uint8 RGB -> poses (M, 17, 3) in image px, as `group` says."""
    return group(*picture_maps(model.eval(), image, longer), grouping, model.stride)


def picture_results(image_id, poses):
    """A picture's poses as COCO results; score: the mean height of all 17 joints, 0 for those not found."""
    return [
        {"image_id": image_id, "category_id": 1, "keypoints": pose.ravel().tolist(), "score": float(pose[:, 2].mean())}
        for pose in poses
    ]
