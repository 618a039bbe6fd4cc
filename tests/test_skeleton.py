"""The person of COCO, against COCO's own file (its numbers count from 1) and pycocotools."""

from pycocotools.cocoeval import Params

from hpe_lib import skeleton

LIMBS_OF_COCO = (
    "16 14, 14 12, 17 15, 15 13, 12 13, 6 12, 7 13, 6 7, 6 8, 7 9, 8 10, 9 11, 2 3, 1 2, 1 3, 2 4, 3 5, 4 6, 5 7"
)


def test_limbs_are_those_of_coco_in_its_order():
    assert ", ".join(f"{a + 1} {b + 1}" for a, b in skeleton.LIMBS) == LIMBS_OF_COCO


def test_mirror_pairs_are_left_and_right_of_one_name():
    assert [tuple(skeleton.KEYPOINTS[index] for index in pair) for pair in skeleton.FLIP_PAIRS] == [
        (name, name.replace("left", "right")) for name in skeleton.KEYPOINTS if name.startswith("left")
    ]
    assert [skeleton.KEYPOINTS[index].split("_")[0] for index in skeleton.FLIP_ORDER] == [
        "nose",
        *["right", "left"] * 8,
    ]
    assert (skeleton.FLIP_ORDER[skeleton.FLIP_ORDER] == range(17)).all()


def test_sigmas_are_those_of_pycocotools():
    assert (Params("keypoints").kpt_oks_sigmas == skeleton.OKS_SIGMAS).all()
