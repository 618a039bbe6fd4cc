"""Checks of the exercises: each passes every right answer, and answers the classic mistakes by name."""

from hpe_lib.checks.classifier import check_cross_entropy_loss, check_size_after, check_table_scores
from hpe_lib.checks.coco import (
    check_is_medium,
    check_keypoint_box,
    check_people_that_count,
    check_runs_of,
    check_visibility_counts,
)
from hpe_lib.checks.confidence import check_threshold
from hpe_lib.checks.decoding import (
    check_cell_to_image,
    check_flat_index,
    check_flip_back,
    check_quarter_pixel,
)
from hpe_lib.checks.deconvolution import (
    check_block_parameters,
    check_multiply_adds,
    check_output_size,
    check_overlaps,
    check_stamps,
)
from hpe_lib.checks.encoding import (
    check_crop_scale_matrix,
    check_gaussian,
    check_mirrored_pose,
    check_nearest_cell,
    check_target_weight,
)
from hpe_lib.checks.matching import check_matching, check_rescoring, check_suppression
from hpe_lib.checks.metrics import check_average_precision, check_lost_joints, check_oks
from hpe_lib.checks.optimiser import check_adam, check_learning_rate
from hpe_lib.checks.residual import check_bottleneck_forward, check_bottleneck_weights
from hpe_lib.checks.start import (
    check_back_into_space,
    check_candidate_links,
    check_cell_to_crop,
    check_joint_angle,
    check_numbers_of_a_pose,
)
from hpe_lib.checks.training import (
    check_pck,
    check_training_step,
    check_training_time,
    check_weighted_loss,
)

__all__ = [
    "check_adam",
    "check_average_precision",
    "check_back_into_space",
    "check_block_parameters",
    "check_bottleneck_forward",
    "check_bottleneck_weights",
    "check_candidate_links",
    "check_cell_to_crop",
    "check_cell_to_image",
    "check_crop_scale_matrix",
    "check_cross_entropy_loss",
    "check_flat_index",
    "check_flip_back",
    "check_gaussian",
    "check_is_medium",
    "check_joint_angle",
    "check_keypoint_box",
    "check_learning_rate",
    "check_lost_joints",
    "check_matching",
    "check_mirrored_pose",
    "check_multiply_adds",
    "check_nearest_cell",
    "check_numbers_of_a_pose",
    "check_oks",
    "check_output_size",
    "check_overlaps",
    "check_pck",
    "check_people_that_count",
    "check_quarter_pixel",
    "check_rescoring",
    "check_runs_of",
    "check_size_after",
    "check_stamps",
    "check_suppression",
    "check_table_scores",
    "check_target_weight",
    "check_threshold",
    "check_training_step",
    "check_training_time",
    "check_visibility_counts",
    "check_weighted_loss",
]
