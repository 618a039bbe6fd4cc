"""Prediction: poses (an image in, poses out) is for reading. `python -m hpe_lib.predict --help`."""

from hpe_lib.predict.detect import detect_people, find_people
from hpe_lib.predict.everybody import predict_everybody
from hpe_lib.predict.overlap import box_iou, box_nms
from hpe_lib.predict.poses import predict_crops, predict_heatmaps, predict_image, predict_people

__all__ = [
    "box_iou",
    "box_nms",
    "detect_people",
    "find_people",
    "predict_crops",
    "predict_everybody",
    "predict_heatmaps",
    "predict_image",
    "predict_people",
]
