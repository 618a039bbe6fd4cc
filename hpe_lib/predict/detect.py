"""Find people in an image with a detector that somebody else has trained."""

from pathlib import Path

import numpy as np
import torch


@torch.inference_mode()
def detect_people(image, threshold=0.5):
    """Find people with torchvision's Faster R-CNN (its COCO weights are downloaded once, 160 MB).

    image: (H, W, 3) uint8 RGB. Returns boxes (M, 4), x, y, width, height in px, best first.
    Raises OSError without a connection.
    """
    from torchvision.models import detection

    weights = detection.FasterRCNN_ResNet50_FPN_Weights.COCO_V1
    try:
        detector = detection.fasterrcnn_resnet50_fpn(weights=weights).eval()
    except (OSError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise OSError(
            f"the detector's weights could not be fetched ({reason}): name boxes yourself (--box x,y,width,height), "
            f"or put {weights.url} into {Path(torch.hub.get_dir()) / 'checkpoints'}"
        ) from None
    found = detector([torch.from_numpy(image.transpose(2, 0, 1).copy()).float() / 255])[0]
    corners = found["boxes"][(found["labels"] == 1) & (found["scores"] > threshold)].numpy()  # (M, 4) x1, y1, x2, y2
    return np.column_stack([corners[:, :2], corners[:, 2:] - corners[:, :2]])
