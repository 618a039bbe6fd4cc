"""Checks of notebook 02: from box to crop to heatmaps."""

import numpy as np

from hpe_lib import geometry
from hpe_lib.checks.verdict import Mistake, judge


def check_crop_scale_matrix(answer):
    """A function (center, size, output_wh) -> (2, 3), image px to crop px, without rotation."""

    def wrong(change):
        def function(center, size, output_wh):
            (cx, cy), k, (w, h) = center, output_wh[0] / size[0], output_wh
            return np.array(change(cx, cy, k, w, h))

        return function

    mistakes = [
        Mistake(
            "x and y swapped",
            wrong(lambda cx, cy, k, w, h: [[k, 0, h / 2 - k * cy], [0, k, w / 2 - k * cx]]),
            "The first row makes x: it needs the centre's x and the crop's width.",
        ),
        Mistake(
            "the crop's middle forgotten",
            wrong(lambda cx, cy, k, w, h: [[k, 0, -k * cx], [0, k, -k * cy]]),
            "This takes the frame's centre to (0, 0). It belongs in the middle of the crop.",
        ),
        Mistake(
            "the inverse scale",
            wrong(lambda cx, cy, k, w, h: [[1 / k, 0, w / 2 - cx / k], [0, 1 / k, h / 2 - cy / k]]),
            "A frame of 96 px on a crop of 192 px makes things larger: k is crop width / frame width.",
        ),
        Mistake(
            "the centre moved before it is scaled",
            wrong(lambda cx, cy, k, w, h: [[k, 0, w / 2 - cx], [0, k, h / 2 - cy]]),
            "k cx is where the scaling takes the centre. That, not cx, must be brought to the crop's middle.",
        ),
    ]
    cases = [((100.0, 60.0), (96.0, 128.0), (192, 256)), ((310.5, 207.25), (150.0, 200.0), (96, 128))]
    return judge(answer, geometry.crop_matrix, cases, mistakes, "The frame's centre lands in the middle of the crop.")
