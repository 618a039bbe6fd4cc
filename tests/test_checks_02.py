"""The exercises of notebook 02: right answers pass, classic mistakes are named."""

from tests.exercises import exercises, prove


def test_crop_matrix():
    prove(
        exercises("02")["2.1"],
        ["crop_scale_matrix = lambda c, s, o: geometry.crop_matrix(c, s, o).tolist()"],
        {
            "x and y swapped": """
def crop_scale_matrix(center, size, output_wh):
    k = output_wh[0] / size[0]
    return [[k, 0, output_wh[1] / 2 - k * center[1]], [0, k, output_wh[0] / 2 - k * center[0]]]
""",
            "the crop's middle forgotten": """
def crop_scale_matrix(center, size, output_wh):
    k = output_wh[0] / size[0]
    return np.array([[k, 0, -k * center[0]], [0, k, -k * center[1]]])
""",
            "the inverse scale": """
def crop_scale_matrix(center, size, output_wh):
    k = size[0] / output_wh[0]
    return np.array([[k, 0, output_wh[0] / 2 - k * center[0]], [0, k, output_wh[1] / 2 - k * center[1]]])
""",
        },
    )
