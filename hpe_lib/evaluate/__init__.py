"""Evaluation: results (poses -> COCO results -> ten numbers) is for reading, and so is `hpe_lib.metrics`, whose names
are offered here too. `python -m hpe_lib.evaluate --help`.
"""

from hpe_lib.evaluate.boxes import at_threshold, box_metrics, box_results
from hpe_lib.evaluate.results import evaluate_model, to_results
from hpe_lib.evaluate.table import PUBLISHED, published_rows, table
from hpe_lib.metrics import METRICS, average_precision, coco_metrics, oks, oks_nms, rescore

__all__ = [
    "METRICS",
    "PUBLISHED",
    "at_threshold",
    "average_precision",
    "box_metrics",
    "box_results",
    "coco_metrics",
    "evaluate_model",
    "oks",
    "oks_nms",
    "published_rows",
    "rescore",
    "table",
    "to_results",
]
