"""An image in, poses out: crops, heatmaps, the flip test, points in image px."""

import numpy as np
import torch
from tqdm.auto import tqdm

from hpe_lib import data, geometry, heatmaps, metrics
from hpe_lib.models import heatmaps_of
from hpe_lib.skeleton import KEYPOINTS


@torch.inference_mode()
def predict_heatmaps(model, crops, flip=True, shift=True):
    """uint8 RGB crops (N, 3, H, W) -> heatmaps (N, K, H / stride, W / stride), with the flip test if `flip`."""
    crops = crops.to(next(model.parameters()).device)
    images = data.normalise(crops, getattr(model, "channel_order", "rgb"))
    images = images.contiguous(memory_format=torch.channels_last)  # the faster layout for convolutions
    maps = heatmaps_of(model, images).float()
    if maps.shape[1] != len(KEYPOINTS):
        raise ValueError(f"the network finds {maps.shape[1]} keypoints, and a pose of COCO has {len(KEYPOINTS)}")
    if flip:
        maps = heatmaps.merge_flipped(maps, heatmaps_of(model, images.flip(-1)).float(), shift)
    return maps


def predict_crops(model, crops, matrices, flip=True, shift=True, refine="quarter"):
    """Poses of one batch of crops, in px of the images that they were cut from.

    crops: (N, 3, H, W) uint8. matrices: N of (2, 3), image px to crop px. Returns (N, 17, 3): x, y, peak height.
    """
    maps = predict_heatmaps(model, crops, flip, shift)
    if not maps.isfinite().all():
        raise ValueError("the network gives heatmaps that are not numbers (NaN or infinite): its weights are damaged")
    points, scores = heatmaps.decode(maps, refine)
    points = points.cpu().numpy() * (crops.shape[-1] / maps.shape[-1])  # heatmap px -> crop px
    points = geometry.transform(points, geometry.invert(np.reshape(matrices, (-1, 2, 3))))  # (N, 17, 2) image px
    return np.concatenate([points, scores.cpu().numpy()[..., None]], axis=-1)


def predict_people(model, people, flip=True, shift=True, refine="quarter", batch_size=64, workers=0, progress=False):
    """Estimate the pose of every `data.Person`: (M, 17, 3), x and y in px of the person's image, and peak height."""
    dataset = data.CropDataset(people, model.input_wh, read=data.LastImage())
    loader = torch.utils.data.DataLoader(dataset, batch_size, num_workers=workers)
    model.eval()
    poses = [np.zeros((0, 17, 3))]
    for batch in tqdm(loader, desc="predicting", unit="batch", disable=not progress):
        matrices = [dataset.matrix(index) for index in batch["index"].tolist()]
        poses.append(predict_crops(model, batch["image"], matrices, flip, shift, refine))
    return np.concatenate(poses)


def predict_image(model, image, boxes=None, flip=True, refine="quarter"):
    """Estimate the pose in each box of one image.

    image: (H, W, 3) uint8 RGB. boxes: (M, 4) x, y, width, height in px, cut to the image; None takes the whole image as
    one box. Returns (M, 17, 3). Raises ValueError for a box that has no size or lies outside the image.
    """
    height, width = data.whole_image(image).shape[:2]
    boxes = data.boxes_in_image([(0, 0, width, height)] if boxes is None else boxes, width, height)
    if not len(boxes):
        return np.zeros((0, 17, 3))
    crops, matrices = zip(*(data.cut(image, box, model.input_wh) for box in boxes))
    crops = torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2)  # (M, 3, h, w)
    return predict_crops(model.eval(), crops, matrices, flip, refine=refine)


def best_poses(poses, box_scores, boxes, nms=0.9):
    """Score poses and keep one for each person: rescoring, then OKS-NMS, as `evaluate` does for results of COCO.

    poses (M, 17, 3), box_scores (M,), boxes (M, 4) px -> indices of those kept, best first, and their scores.
    """
    scores = metrics.rescore(box_scores, poses[..., 2])
    areas = [np.prod(geometry.crop_frame(box)[1]) for box in boxes]
    kept = metrics.oks_nms(poses, scores, areas, nms)
    return kept, scores[kept]


def find_poses(model, image, detect, flip=True):
    """A picture in, people out: detect, crop, estimate, rescore, remove duplicates.

    image: (H, W, 3) uint8 RGB. detect: a function image -> boxes (M, 4) x, y, w, h px, and scores (M,), such as
    `detect_people`. Returns poses (P, 17, 3) image px, best first, and scores (P,).
    """
    boxes, sure = detect(image)
    poses = predict_image(model, image, boxes, flip)
    kept, scores = best_poses(poses, sure, boxes)
    return poses[kept], scores
