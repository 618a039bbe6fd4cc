"""Checks of notebook 14: is the student's test of a step right about sound and faulty versions of it?"""

import numpy as np

from hpe_lib import geometry
from hpe_lib.course.pipeline import candidates
from hpe_lib.course.verdict import Mistake, judge
from hpe_lib.skeleton import FLIP_ORDER, KEYPOINTS

PRAISE = "It passes what is sound and stops what is not: a test that has been tested."
TOO_KIND = "It passes a step that is wrong."


def _dot(place, box=(20, 20, 120, 160), tolerance=2.0, axes=(0, 1), rotation=0.0):
    """A test of `crop`: a white square at (x, y) px must be where the matrix says."""

    def sound(crop):
        image = np.zeros((200, 160, 3), np.uint8)
        image[place[1] - 2 : place[1] + 3, place[0] - 2 : place[0] + 3] = 255
        found, matrix = crop(image, box)
        rows, columns = np.nonzero(found[..., 0] > 127)
        seen = np.array([columns.mean(), rows.mean()])
        return bool((np.abs(seen - geometry.transform(place, matrix))[list(axes)] < tolerance).all())

    return sound


def check_crop_test(answer):
    """A function (crop) -> whether it is sound."""
    # fmt: off
    mistakes = [
        Mistake("nothing fails it", _dot((80, 100)),
                f"{TOO_KIND} It passes all five. Do you look at the size only? Or at the middle of the box, which "
                "goes to the middle "
                "of the crop with any scale? Put a dot elsewhere, and ask the matrix where it must be."),
        Mistake("only x is compared", _dot((60, 60), axes=[0]),
                f"{TOO_KIND} A crop that stands on its head has every x right. Compare y too."),
        Mistake("only y is compared", _dot((60, 60), axes=[1]),
                f"{TOO_KIND} A mirrored crop has every y right. Compare x too."),
    ]
    # fmt: on
    return judge(answer, _dot((60, 60)), _cases("crop"), mistakes, PRAISE)


def _cases(name):
    return [(step,) for step in candidates(name)]


def _person():
    """(17, 3): a made-up person in which no two numbers agree, with visibilities 0, 1, 2."""
    number = np.arange(17)
    return np.column_stack([3.0 + 5 * number, 7.0 + 6 * number, number % 3])


def _mirrored(columns, exact=True):
    """A test of `mirror`: these columns of the result must be the ones worked out by hand."""

    def sound(mirror):
        person = _person()
        by_hand = person[FLIP_ORDER] * (-1, 1, 1) + (99, 0, 0)
        found = np.asarray(mirror(person, 100))
        return bool(np.allclose(found[:, columns], by_hand[:, columns], atol=1e-3 if exact else 1.5))

    return sound


def check_mirror_test(answer):
    """A function (mirror) -> whether it is sound."""
    nose, person = KEYPOINTS.index("nose"), _person()
    # fmt: off
    mistakes = [
        Mistake("only: twice is where it was",
                lambda mirror: np.allclose(mirror(np.asarray(mirror(person, 100)), 100), person),
                f"{TOO_KIND} Mirrored twice, every fault here undoes itself. Work one mirrored person out by hand."),
        Mistake("only the nose", lambda mirror: np.allclose(np.asarray(mirror(person, 100))[nose], (96, 7, 0)),
                f"{TOO_KIND} The nose has no other side. Look at a joint that has one."),
        Mistake("the visibility is left out", _mirrored([0, 1]),
                f"{TOO_KIND} x and y changed places with the other side's, and v must come with them."),
        Mistake("a tolerance of a pixel", _mirrored([0, 1, 2], exact=False),
                f"{TOO_KIND} The off-by-one is one pixel, and your tolerance swallows it. Nothing is rounded here: "
                "be exact."),
    ]
    # fmt: on
    return judge(answer, _mirrored([0, 1, 2]), _cases("mirror"), mistakes, PRAISE)


def _peaks(points, unlabelled=(2,)):
    """A test of `encode`: each labelled joint's peak must stand at the nearest cell, the others' maps must be empty."""

    def sound(encode):
        labelled = np.ones(17)
        labelled[list(unlabelled)] = 0
        maps = np.asarray(encode(points, labelled))
        index = maps.reshape(17, -1).argmax(axis=1)
        found = np.stack([index % 24, index // 24], axis=1)
        there = (found == np.floor(points / 4 + 0.5)).all(axis=1)
        return bool((there | (labelled == 0)).all() and not maps[labelled == 0].any())

    return sound


def check_encode_test(answer):
    """A function (encode) -> whether it is sound."""
    number = np.arange(17)
    points = np.column_stack([10.0 + 4.3 * number, 15.0 + 6.1 * number])
    # fmt: off
    mistakes = [
        Mistake("points on whole cells only", _peaks(4 * np.round(points / 4)),
                f"{TOO_KIND} At multiples of 4 px rounding and cutting agree. Put joints between cells, such as x = "
                "11."),
        Mistake("points on the diagonal only", _peaks(points[:, :1].repeat(2, axis=1)),
                f"{TOO_KIND} Where x = y nobody sees them exchanged. Take different numbers."),
        Mistake("everybody is labelled", _peaks(points, unlabelled=()),
                f"{TOO_KIND} What should the map of an unlabelled joint look like? Ask for one."),
        Mistake("only the heights of the peaks",
                lambda encode: bool(np.isclose(np.asarray(encode(points, np.ones(17))).max(), 1)),
                f"{TOO_KIND} A Gaussian of height 1 can stand at the wrong place."),
    ]
    # fmt: on
    return judge(answer, _peaks(points), _cases("encode"), mistakes, PRAISE)


def _loss_is(predicted, weights, tolerance=1e-5):
    """A test of `loss`: it must be what half the mean squared error is by hand. The target is 0 everywhere."""

    def sound(loss):
        maps = np.ones((len(weights), 4, 3)) * np.reshape(predicted, (-1, 1, 1))
        by_hand = 0.5 * np.mean(np.square(predicted) * weights)
        return bool(abs(float(loss(maps, 0 * maps, np.array(weights))) - by_hand) < tolerance)

    return sound


def check_loss_test(answer):
    """A function (loss) -> whether it is sound."""

    def unlabelled_change_nothing(loss):
        maps, weights = np.ones((2, 4, 3)), np.array([1.0, 0.0])
        other = maps + np.array([0.0, 5.0]).reshape(2, 1, 1)
        return bool(np.isclose(float(loss(maps, 0 * maps, weights)), float(loss(other, 0 * maps, weights))))

    # fmt: off
    mistakes = [
        Mistake("only: perfect is 0", _loss_is([0.0, 0.0], [1.0, 0.0]),
                f"{TOO_KIND} Every one of them is 0 where the prediction is perfect. Predict something wrong."),
        Mistake("everybody is labelled", _loss_is([1.0, 3.0], [1.0, 1.0]),
                f"{TOO_KIND} With all weights 1 nobody sees what weights do. Give one joint the weight 0."),
        Mistake("only: unlabelled joints change nothing", unlabelled_change_nothing,
                f"{TOO_KIND} That is one half. The number itself must be right as well: work it out for two joints "
                "by hand."),
    ]
    # fmt: on
    return judge(answer, _loss_is([1.0, 3.0], [1.0, 0.0]), _cases("loss"), mistakes, PRAISE)


def _peak_at(x, y, height, width, compare=lambda found, x, y: np.allclose(found, (x, y))):
    """A test of `decode`: the one high cell of a map must be found."""

    def sound(decode):
        maps = np.zeros((1, height, width))
        maps[0, y, x] = 1
        return bool(compare(np.asarray(decode(maps))[0], x, y))

    return sound


def check_decode_test(answer):
    """A function (decode) -> whether it is sound."""
    # fmt: off
    mistakes = [
        Mistake("a square map", _peak_at(2, 5, 8, 8),
                f"{TOO_KIND} Where height and width are equal, nobody sees which of them splits the index. Ours are "
                "32 high and 24 wide."),
        Mistake("a peak on the diagonal", _peak_at(3, 3, 8, 6),
                f"{TOO_KIND} Where x = y nobody sees them exchanged."),
        Mistake("a peak in the first row",
                _peak_at(5, 0, 8, 6, lambda found, x, y: set(np.round(found).astype(int)) == {x, y}),
                f"{TOO_KIND} In the first row x is the index itself, whatever splits it; and the order of the two "
                "counts."),
        Mistake("a tolerance of a cell", _peak_at(2, 5, 8, 6, lambda found, x, y: np.abs(found - (x, y)).max() <= 1),
                f"{TOO_KIND} One cell too far is 4 px of the crop. An argmax is a whole number: be exact."),
    ]
    # fmt: on
    return judge(answer, _peak_at(2, 5, 8, 6), _cases("decode"), mistakes, PRAISE)


def _there_and_back(rotation=30.0, box=(40, 30, 90, 150), points=((3, 4), (20, 9), (11, 30)), tolerance=0.01):
    """A test of `to_image`: forward again by the matrix, the points must be where they were."""

    def sound(to_image):
        center, size = geometry.crop_frame(box)
        matrix = geometry.crop_matrix(center, size, (96, 128), rotation)
        found = geometry.transform(np.asarray(to_image(np.array(points), matrix)), matrix)
        return bool(np.abs(found - 4 * np.array(points)).max() < tolerance)

    return sound


def check_to_image_test(answer):
    """A function (to_image) -> whether it is sound."""
    points = np.array([(3.0, 4.0), (20.0, 9.0)])
    # fmt: off
    mistakes = [
        Mistake("a crop that is not turned", _there_and_back(rotation=0.0),
                f"{TOO_KIND} Without a rotation nobody sees it turned the wrong way, and in evaluation crops are "
                "never turned. Turn yours."),
        Mistake("the matrix that does nothing",
                lambda to_image: np.allclose(to_image(points, np.eye(2, 3)), 4 * points),
                f"{TOO_KIND} With the matrix (1 0 0; 0 1 0) there and back are the same."),
        Mistake("exact to the last digit", _there_and_back(tolerance=1e-9),
                "It stops a step that is sound: one of them computes in 32 bits. A hundredth of a pixel is exact "
                "enough."),
    ]
    # fmt: on
    return judge(answer, _there_and_back(), _cases("to_image"), mistakes, PRAISE)


PROBES = {  # step -> a test that tells its faults, for the hunt at the end
    "crop": _dot((60, 60)),
    "mirror": _mirrored([0, 1, 2]),
    "encode": _peaks(np.column_stack([10.0 + 4.3 * np.arange(17), 15.0 + 6.1 * np.arange(17)])),
    "loss": _loss_is([1.0, 3.0], [1.0, 0.0]),
    "decode": _peak_at(2, 5, 8, 6),
    "to_image": _there_and_back(),
}
