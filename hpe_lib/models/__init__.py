"""The networks of the course and the files their weights come in."""

from hpe_lib.models.bottom_up import BottomUp
from hpe_lib.models.center_detector import CenterDetector, decode_boxes
from hpe_lib.models.efficientnet import EfficientBaseline
from hpe_lib.models.hourglass import Hourglass, Residual, StackedHourglass
from hpe_lib.models.lifter import Lifter, LinearBlock
from hpe_lib.models.options import add_weights_options
from hpe_lib.models.published import names as published_names
from hpe_lib.models.registry import build, heatmaps_of, register
from hpe_lib.models.resnet import DEPTHS, BasicBlock, Bottleneck, parse_depth, resnet
from hpe_lib.models.simple_baseline import SimpleBaseline, simple_baseline
from hpe_lib.models.vit import Attention, PatchEmbed, TransformerBlock, ViTPose
from hpe_lib.models.weights import load_model, load_weights, save_model

__all__ = [
    "DEPTHS",
    "Attention",
    "BasicBlock",
    "Bottleneck",
    "BottomUp",
    "CenterDetector",
    "EfficientBaseline",
    "Hourglass",
    "Lifter",
    "LinearBlock",
    "PatchEmbed",
    "Residual",
    "SimpleBaseline",
    "StackedHourglass",
    "TransformerBlock",
    "ViTPose",
    "add_weights_options",
    "build",
    "decode_boxes",
    "heatmaps_of",
    "load_model",
    "load_weights",
    "parse_depth",
    "published_names",
    "register",
    "resnet",
    "save_model",
    "simple_baseline",
]
