"""Checks of the exercises: each passes every right answer, and answers the classic mistakes by name."""

from hpe_lib.checks.encoding import check_crop_scale_matrix

__all__ = ["check_crop_scale_matrix"]
