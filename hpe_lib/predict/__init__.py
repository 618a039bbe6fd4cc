"""Prediction: poses (an image in, poses out) is for reading. `python -m hpe_lib.predict --help`."""

from hpe_lib.predict.detect import detect_people, find_people
from hpe_lib.predict.everybody import predict_everybody
from hpe_lib.predict.export import export_onnx
from hpe_lib.predict.overlap import box_iou, box_nms
from hpe_lib.predict.poses import best_poses, find_poses, predict_crops, predict_heatmaps, predict_image, predict_people
from hpe_lib.predict.upright import read_upright
from hpe_lib.predict.video import Film, FilmWriter, Stages, follow

__all__ = [
    "Film",
    "FilmWriter",
    "Stages",
    "best_poses",
    "box_iou",
    "box_nms",
    "detect_people",
    "export_onnx",
    "find_people",
    "find_poses",
    "follow",
    "predict_crops",
    "predict_everybody",
    "predict_heatmaps",
    "predict_image",
    "predict_people",
    "read_upright",
]
