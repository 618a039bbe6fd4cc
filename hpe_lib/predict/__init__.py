"""Prediction: poses (an image in, poses out) is for reading. `python -m hpe_lib.predict --help`."""

from hpe_lib.predict.detect import detect_people
from hpe_lib.predict.everybody import predict_everybody
from hpe_lib.predict.poses import predict_crops, predict_heatmaps, predict_image, predict_people

__all__ = ["detect_people", "predict_crops", "predict_everybody", "predict_heatmaps", "predict_image", "predict_people"]
