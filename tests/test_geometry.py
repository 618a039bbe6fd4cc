import numpy as np
import pytest

from hpe_lib import geometry


def random_frames(count=50):
    rng = np.random.default_rng(0)
    for _ in range(count):
        box = [*rng.uniform(-50, 600, 2), *rng.uniform(1, 500, 2)]
        yield *geometry.crop_frame(box), rng.uniform(-180, 180)


def test_frame_holds_the_box_and_has_the_aspect():
    center, size = geometry.crop_frame((10, 20, 30, 100))
    assert np.allclose(center, [25, 70])
    assert np.allclose(size, [1.25 * 75, 1.25 * 100])  # the narrow side grew to 3/4 of the tall one
    center, size = geometry.crop_frame((0, 0, 90, 30), aspect=1.0, padding=1.0)
    assert np.allclose(size, [90, 90])


def test_frames_and_matrices_are_the_official_ones(golden):
    corners = np.array([[0, 0], [0, 480], [640, 0], [640, 480]])
    for index, (box, rotation) in enumerate(zip(golden["boxes"], golden["rotations"])):
        center, size = geometry.crop_frame(box)
        assert np.allclose(center, golden["centers"][index], atol=1e-3)
        assert np.allclose(size, golden["sizes"][index], rtol=1e-6)
        for name, output_wh in (("matrices_192x256", (192, 256)), ("matrices_288x384", (288, 384))):
            ours = geometry.crop_matrix(center, size, output_wh, rotation)
            difference = geometry.transform(corners, ours) - geometry.transform(corners, golden[name][index])
            assert np.abs(difference).max() < 5e-3  # px; their float32 on frames that enlarge several times


def test_centre_goes_to_centre_and_rotation_is_anticlockwise_on_the_screen():
    matrix = geometry.crop_matrix((100, 50), (60, 80), (192, 256), rotation=90)
    assert np.allclose(geometry.transform((100, 50), matrix), [96, 128])
    right_of_centre = geometry.transform((110, 50), matrix)
    assert np.allclose(right_of_centre, [96, 128 - 10 * 192 / 60])  # what lay right now lies above


def test_inverse_undoes_and_compose_chains():
    points = np.random.default_rng(1).uniform(-100, 700, (4, 17, 2))
    for center, size, rotation in random_frames():
        matrix = geometry.crop_matrix(center, size, (192, 256), rotation)
        back = geometry.invert(matrix)
        assert np.allclose(geometry.transform(geometry.transform(points, matrix), back), points, atol=1e-6)
        assert np.allclose(geometry.compose(back, matrix), np.eye(2, 3), atol=1e-9)
        other = geometry.crop_matrix((5, 6), (70, 80), (96, 128), 30)
        chained = geometry.transform(geometry.transform(points, matrix), other)
        assert np.allclose(geometry.transform(points, geometry.compose(other, matrix)), chained)


@pytest.mark.parametrize(
    "box", [(0, 0, 0, 5), (0, 0, 5, 0), (0, 0, 5, -1), (float("nan"), 0, 5, 5), (0, 0, float("inf"), 5)]
)
def test_a_box_without_size_is_refused(box):
    with pytest.raises(ValueError, match="positive width and height"):
        geometry.crop_frame(box)


def test_a_box_of_half_a_pixel_is_a_box_and_nothing_is_turned_unless_asked():
    center, size = geometry.crop_frame((8, 9, 0.5, 0.5), aspect=1.0)
    assert center.tolist() == [8.25, 9.25] and size.tolist() == [0.625, 0.625]
    assert geometry.crop_matrix(center, size, (10, 10)).tolist() == [[16, 0, 5 - 16 * 8.25], [0, 16, 5 - 16 * 9.25]]


def test_integers_and_lists_are_taken_as_exact_numbers():
    small = np.array([200, 190, 100, 90], np.uint8)  # their sums would not fit in a byte
    center, size = geometry.crop_frame(small)
    assert center.tolist() == [250, 235] and size.tolist() == pytest.approx([125, 125 / 0.75])
    single = np.array([0.1, 0.2, 0.3, 0.7], np.float32)
    assert np.array_equal(geometry.crop_frame(single), geometry.crop_frame(single.astype(np.float64)))
    matrix = [[2, 0, 3], [0, 2, 4]]
    assert geometry.transform([[200, 190]], np.array(matrix, np.uint8)).tolist() == [[403, 384]]
    assert geometry.transform(np.full((3, 2), 200, np.uint8), matrix).tolist() == [[403, 404]] * 3
    assert geometry.invert(np.array(matrix, np.uint8)).tolist() == [[0.5, 0, -1.5], [0, 0.5, -2]]
    assert geometry.compose(np.full((2, 3), 15, np.uint8), np.full((2, 3), 15, np.uint8))[0].tolist() == [450, 450, 465]
    bytes_and_lists = (
        geometry.crop_matrix(np.array(center, np.uint8), size.tolist(), np.array([192, 255], np.uint8), 30),
        geometry.crop_matrix(center, size, (192, 255), 30.0),
    )
    assert np.array_equal(*bytes_and_lists)


def test_many_matrices_take_many_sets_of_points():
    points = np.random.default_rng(2).uniform(0, 500, (6, 17, 2))
    matrices = np.stack([geometry.crop_matrix(*frame[:2], (192, 256), frame[2]) for frame in random_frames(6)])
    each = [geometry.transform(one, matrix) for one, matrix in zip(points, matrices)]
    assert np.allclose(geometry.transform(points, matrices), each)
    assert np.allclose(geometry.transform(geometry.transform(points, matrices), geometry.invert(matrices)), points)
