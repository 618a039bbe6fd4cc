"""Find people in an image: by the course's own detector, or by torchvision's, whose weights must be downloaded."""

from functools import cache
from pathlib import Path

import numpy as np
import torch

from hpe_lib import data, geometry
from hpe_lib.machine import best_device
from hpe_lib.models import decode_boxes, load_model
from hpe_lib.predict.overlap import box_nms

THRESHOLDS = {"ours": 0.3, "fasterrcnn": 0.5}  # scores from which a box counts, unless the caller names another
WEIGHTS = "people"
SIDE = 320  # px of the longer side of what our detector sees
OVERLAP = 0.6  # intersection over union above which the weaker of two boxes goes


def detect_people(image, threshold=None, detector="ours"):
    """Find the people in an image.

    image: (H, W, 3) uint8 RGB. threshold: the least score, 0 to 1; None: that of `THRESHOLDS`. detector: "ours", or
    "fasterrcnn" (torchvision's; 160 MB are downloaded once). Returns boxes (M, 4), x, y, width, height in px inside the
    image, and scores (M,), best first. Raises ValueError for another detector or threshold, and OSError where the
    download fails.
    """
    finders = {"ours": find_people, "fasterrcnn": _torchvision}
    if detector not in finders:
        raise ValueError(f"no detector is called {detector!r}: there are {', '.join(finders)}")
    threshold = THRESHOLDS[detector] if threshold is None else threshold
    if not 0 <= threshold <= 1:
        raise ValueError(f"threshold is a score from 0 to 1, got {threshold!r}")
    boxes, scores = finders[detector](data.whole_image(image), threshold)
    height, width = image.shape[:2]
    low = boxes[:, :2].clip(0, [width, height])
    boxes = np.concatenate([low, (boxes[:, :2] + boxes[:, 2:]).clip(0, [width, height]) - low], axis=1)
    fine = (boxes[:, 2:] >= 1).all(axis=1)  # a box of less than a pixel holds nothing
    return boxes[fine], scores[fine]


def find_people(image, threshold=THRESHOLDS["ours"], model=None, side=SIDE, overlap=OVERLAP):
    """Find people with our detector: letterbox, network, peaks of the centres' heatmap, the way back.

    image: (H, W, 3) uint8 RGB. model: a `CenterDetector`; None: the shipped one, loaded once. side: px of the longer
    side of the network's input. overlap: see `box_nms`. Returns boxes (M, 4) px, and scores (M,), best first.
    """
    model = model or own_detector()
    height, width = image.shape[:2]
    matrix, input_wh = data.letterbox((width, height), side)  # picture px -> input px
    pixels = torch.from_numpy(data.shrink(image, matrix, input_wh))[None]  # (1, 3, h, w)
    outputs = _outputs(model, pixels.to(next(model.parameters()).device))
    boxes, scores = (found[0].cpu().numpy().astype(np.float64) for found in decode_boxes(outputs, model.stride))
    fine = (scores >= threshold) & (scores > 0)
    boxes, scores = data.move_boxes(boxes[fine], geometry.invert(matrix)), scores[fine]
    kept = box_nms(boxes, scores, overlap)
    return boxes[kept], scores[kept]


@torch.inference_mode()
def _outputs(model, pixels):
    images = data.normalise(pixels, getattr(model, "channel_order", "rgb"))
    return model(images.contiguous(memory_format=torch.channels_last))  # (1, 5, h, w)


@cache
def own_detector():
    """The shipped detector, on the best device; loaded once in a process."""
    return load_model(WEIGHTS).to(best_device(), memory_format=torch.channels_last).eval()


@torch.inference_mode()
def _torchvision(image, threshold):
    """torchvision's Faster R-CNN (Ren et al. 2015): boxes (M, 4), x, y, width, height in px, and scores, best first."""
    detector = _faster_rcnn()
    found = detector([torch.from_numpy(image.transpose(2, 0, 1).copy()).float() / 255])[0]
    fine = (found["labels"] == 1) & (found["scores"] >= threshold)
    corners = found["boxes"][fine].numpy().astype(np.float64)  # (M, 4) x1, y1, x2, y2
    return np.column_stack([corners[:, :2], corners[:, 2:] - corners[:, :2]]), found["scores"][fine].numpy()


@cache
def _faster_rcnn():
    from torchvision.models import detection

    weights = detection.FasterRCNN_ResNet50_FPN_Weights.COCO_V1
    try:
        return detection.fasterrcnn_resnet50_fpn(weights=weights).eval()
    except (OSError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise OSError(
            f"the detector's weights could not be fetched ({reason}): take our own detector, name boxes yourself "
            f"(--box x,y,width,height), or put {weights.url} into {Path(torch.hub.get_dir()) / 'checkpoints'}"
        ) from None
