"""Checks of notebook 12: a camera, two depths of one bone, MPJPE, the lifter's weights, triangulation."""

import numpy as np

from hpe_lib import lifting
from hpe_lib.course.verdict import Mistake, judge


def check_to_pixels(answer):
    """A function (point (3,), rotation (3, 3), position (3,), focal, centre (2,)) -> u, v and the depth."""

    def build(
        see=lambda point, rotation, position: rotation @ (point - position), by=lambda seen: seen[2], middle=True
    ):
        def to_pixels(point, rotation, position, focal, centre):
            seen = see(np.asarray(point, float), np.asarray(rotation, float), np.asarray(position, float))
            u, v = focal * seen[:2] / by(seen) + np.asarray(centre) * middle
            return [u, v, seen[2]]

        return to_pixels

    def before(point, rotation, position):
        return rotation @ point - position

    # fmt: off
    mistakes = [
        Mistake("the rotation turned round", build(lambda point, rotation, position: rotation.T @ (point - position)),
                "Each *row* of the rotation is one direction of the camera. You have taken its columns."),
        Mistake("the position added", build(lambda point, rotation, position: rotation @ (point + position)),
                "From the camera to the point: point minus position."),
        Mistake("turned before it is moved", build(before),
                "The position is a place in the *world*: subtract it first, then turn."),
        Mistake("not divided by the depth", build(by=lambda seen: 1.0),
                "Twice as far away should look half as large. Where is the depth?"),
        Mistake("divided by the distance", build(by=np.linalg.norm),
                "The depth is measured along the camera's axis, the third coordinate; not along the line of sight."),
        Mistake("the centre forgotten", build(middle=False),
                "A point straight ahead is seen in the image's centre, and not in its corner."),
    ]
    # fmt: on
    cases = [
        ([1.0, 2.0, 5.0], np.array([[0, 0, -1.0], [0, -1, 0], [-1, 0, 0]]), [4.0, 1.0, 4.5], 300.0, [160.0, 120.0]),
        (
            [-0.5, 1.2, 0.3],
            lifting.look_at((2, 1.6, 3), (0.1, 1, 0.2), 1, (0, 0)).rotation,
            [2.0, 1.6, 3.0],
            412.5,
            [159.5, 119.5],
        ),
        (
            [0.2, -0.4, 3.1],
            lifting.look_at((-1, 0.4, -2), (0, 0, 1), 1, (0, 0)).rotation,
            [-1.0, 0.4, -2.0],
            700.25,
            [320.5, 239.5],
        ),
    ]  # fmt: skip
    return judge(answer, build(), cases, mistakes, "Move, turn, divide: this is all that a camera does.")


def check_two_depths(answer):
    """A function (parent (3,), pixel (2,), length, focal, centre (2,)) -> the nearer and the farther depth, m."""

    def build(middle=True, squared=True, long=False, last=lambda near, far, parent: [near, far]):
        def two_depths(parent, pixel, length, focal, centre):
            parent = np.asarray(parent, float)
            ray = np.append((np.asarray(pixel) - np.asarray(centre) * middle) / focal, 1.0)
            if long:
                ray /= np.linalg.norm(ray)
            a, b, c = ray @ ray if squared else 1.0, ray @ parent, parent @ parent - length**2
            with np.errstate(invalid="ignore"):  # a mistake may miss the sphere
                root = np.sqrt(b**2 - a * c)
            return last((b - root) / a, (b + root) / a, parent)

        return two_depths

    def straight(parent, pixel, length, focal, centre):
        return [parent[2] - length, parent[2] + length]

    # fmt: off
    mistakes = [
        Mistake("the bone's length before and behind the parent", straight,
                "This would be so for a bone along the camera's axis. Here the child lies on a given ray."),
        Mistake("distances instead of depths", build(long=True),
                "With a ray of length 1 the unknown is the distance from the camera; with (x/z, y/z, 1) the depth."),
        Mistake("the ray's square forgotten", build(squared=False),
                "a is r · r, and that is 1 only for the ray through the image's centre."),
        Mistake("the farther one first", build(last=lambda near, far, parent: [far, near]),
                "Both are right. The nearer one was asked for first."),
        Mistake("the centre forgotten", build(middle=False),
                "The ray through the image's centre is (0, 0, 1). Which pixel is that in yours?"),
        Mistake("steps from the parent", build(last=lambda near, far, parent: [near - parent[2], far - parent[2]]),
                "So much nearer and farther than the parent. The depths themselves were asked for."),
    ]
    # fmt: on
    cases = [
        ([0.0, 0.0, 4.0], [200.0, 120.0], 0.5, 400.0, [160.0, 120.0]),
        ([-0.9, 0.7, 1.6], [122.25, 157.5], 0.43, 90.5, [159.5, 119.5]),
        ([0.9, -0.6, 2.6], [300.5, 40.25], 0.32, 400.25, [160.5, 120.5]),
    ]
    return judge(
        answer, build(), cases, mistakes, "Two depths for every bone: twelve bones, thousands of bodies, one image."
    )


def check_mpjpe(answer):
    """A function (found (N, 17, 3), true (N, 17, 3)), m -> mm."""

    def build(root=lambda pose: pose[:, 11:13].mean(axis=1, keepdims=True), unit=1000, mean=None):
        def mpjpe(found, true):
            off = (found - root(found)) - (true - root(true))
            return unit * (mean or (lambda off: np.linalg.norm(off, axis=-1).mean()))(off)

        return mpjpe

    # fmt: off
    mistakes = [
        Mistake("not relative to the root", build(root=lambda pose: 0),
                "Where the person stands should not count: lay the hips' middles on each other first."),
        Mistake("metres", build(unit=1),
                "The number is in metres. Papers print millimetres."),
        Mistake("the root of the mean square", build(mean=lambda off: np.sqrt((off**2).sum(-1).mean())),
                "First the length of each joint's error, then the mean; no square outlives the length."),
        Mistake("each coordinate by itself", build(mean=lambda off: np.abs(off).mean()),
                "A joint's error is the length of (dx, dy, dz), one number for three."),
        Mistake("the sum over the joints", build(mean=lambda off: np.linalg.norm(off, axis=-1).sum(-1).mean()),
                "M stands for the mean, over joints as well as over people."),
        Mistake("the nose as root", build(root=lambda pose: pose[:, :1]),
                "Joint 0 is the nose. The root is the middle of the hips, joints 11 and 12."),
        Mistake("one hip as root", build(root=lambda pose: pose[:, 11:12]),
                "The root is the middle of *both* hips."),
        Mistake("the mean joint as root", build(root=lambda pose: pose.mean(axis=1, keepdims=True)),
                "You have laid the centres of all joints on each other. The root is the middle of the hips."),
    ]
    # fmt: on
    rng = np.random.default_rng(0)
    hurt = np.zeros((1, 17, 3))
    hurt[0, 9] = 0, 0.3, 0.4  # one wrist, half a metre
    cases = [
        (hurt, np.zeros((1, 17, 3))),
        (rng.normal(0, 0.5, (2, 17, 3)), rng.normal(0.2, 0.5, (2, 17, 3))),
        (rng.normal(1, 0.2, (3, 17, 3)), rng.normal(0, 0.3, (3, 17, 3))),
    ]
    return judge(answer, build(), cases, mistakes, "The first number in every table of 3-D papers.")


def check_weights_of(answer):
    """A function (joints, width, blocks) -> how many numbers the lifter of one frame learns."""

    def build(bias=1, norm=2, layers=2, out=3, last=0):
        def weights_of(joints, width, blocks):
            first = 2 * joints * width + (bias + norm) * width
            inside = blocks * layers * (width * width + (bias + norm) * width)
            return first + inside + width * out * joints + (bias + last) * out * joints

        return weights_of

    def inner_only(joints, width, blocks):
        return build()(joints, width, blocks) - 2 * width

    # fmt: off
    mistakes = [
        Mistake("the biases forgotten", build(bias=0),
                "A linear layer of n inputs and m outputs has n · m weights *and* m biases."),
        Mistake("batch norm forgotten", build(norm=0),
                "Each batch norm learns a scale and a shift for each of its numbers."),
        Mistake("running statistics counted", build(norm=4),
                "Running mean and variance are kept, not learnt: no gradient reaches them."),
        Mistake("one layer in each block", build(layers=1),
                "A block has two layers, with one shortcut round both."),
        Mistake("two numbers for each joint at the end", build(out=2),
                "What comes out are places in *space*."),
        Mistake("batch norm behind the last layer", build(last=2),
                "The last layer is linear and nothing else."),
        Mistake("no batch norm behind the first layer", inner_only,
                "The first layer is followed by batch norm as well."),
    ]
    # fmt: on
    cases = [(1, 10, 1), (16, 1024, 2), (17, 256, 2), (14, 30, 3), (5, 7, 4)]
    return judge(answer, build(), cases, mistakes, "4.29 million for 16 joints: most of them in four square matrices.")


def check_triangulate(answer):
    """A function (matrices (V, 3, 4), pixels (V, 2)) -> (3,) m."""

    def build(column=lambda vt: vt[-1], divide=True, swap=False, sign=-1, views=None):
        def triangulate(matrices, pixels):
            rows = []
            for p, (u, v) in list(zip(np.asarray(matrices, float), np.asarray(pixels, float)))[:views]:
                u, v = (v, u) if swap else (u, v)
                rows += [u * p[2] + sign * p[0], v * p[2] + sign * p[1]]
            x = column(np.linalg.svd(np.array(rows))[2])
            return x[:3] / x[3] if divide else x[:3]

        return triangulate

    # fmt: off
    mistakes = [
        Mistake("not divided by the fourth number", build(divide=False),
                "The singular vector is known up to a factor: make its fourth number 1."),
        Mistake("the largest singular value", build(column=lambda vt: vt[0]),
                "A X should be as *small* as possible: take the vector of the smallest singular value, the last one."),
        Mistake("a column instead of a row", build(column=lambda vt: vt[:, -1]),
                "`np.linalg.svd` returns V already turned round: its singular vectors are rows."),
        Mistake("u and v exchanged", build(swap=True),
                "u belongs to the first row of the matrix, v to the second."),
        Mistake("a plus for a minus", build(sign=1),
                "u is p1 X over p3 X. Multiply it out, and bring everything to one side."),
        Mistake("the first two views only", build(views=2),
                "Two of the cameras stand in the same place here, and see the same. Do you use all of them?"),
    ]
    # fmt: on

    def case(point, *places, twice=False):
        cameras = [lifting.look_at(place, (0.1, 1.0, 0.2), 320.5 + 40 * n, (159.5, 119.5))
                   for n, place in enumerate(places)]  # fmt: skip
        cameras = cameras[:1] + cameras if twice else cameras
        return np.stack([one.matrix for one in cameras]), np.stack([one.project(point) for one in cameras])

    cases = [
        case([0.3, 1.45, -0.2], (0.5, 1.4, 4.0), (4.0, 1.2, 0.5)),
        case([-0.42, 0.61, 0.37], (0.2, 1.5, 4.5), (3.0, 1.9, 2.0), (-3.5, 0.8, 1.0)),
        case([0.15, 0.08, -0.33], (0.1, 1.6, 3.8), (-4.0, 2.2, 0.4), twice=True),
    ]
    return judge(answer, build(), cases, mistakes, "Two lines of sight meet: depth comes from a second place to stand.")
