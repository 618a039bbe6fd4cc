"""The exercises of notebook 12: right answers pass, classic mistakes are named."""

from tests.exercises import exercises, prove


def test_notebook_has_its_exercises():
    assert list(exercises("12")) == ["12.1", "12.2", "12.3", "12.4", "12.5"]


def test_to_pixels():
    def code(seen="rotation @ (point - position)", by="seen[2]", centre="centre"):
        return f"""
def to_pixels(point, rotation, position, focal, centre):
    point, rotation, position = map(np.asarray, (point, rotation, position))
    seen = {seen}
    u, v = focal * seen[:2] / {by} + np.asarray({centre})
    return [u, v, seen[2]]
"""

    prove(
        exercises("12")["12.1"],
        [
            """
def to_pixels(point, rotation, position, focal, centre):  # by the matrix P = K [R | t]
    R, c = np.asarray(rotation), np.asarray(position)
    K = np.array([[focal, 0, centre[0]], [0, focal, centre[1]], [0, 0, 1]])
    u, v, w = K @ np.column_stack([R, -R @ c]) @ np.append(point, 1)
    return np.array([u / w, v / w, w])
""",
            code(seen="(point - position) @ rotation.T"),
        ],
        {
            "the rotation turned round": code("(point - position) @ rotation"),
            "the position added": code("rotation @ (point + position)"),
            "turned before it is moved": code("rotation @ point - position"),
            "not divided by the depth": code(by="1"),
            "divided by the distance": code(by="np.sqrt((seen**2).sum())"),
            "the centre forgotten": code(centre="[0, 0]"),
        },
    )


def test_two_depths():
    def code(ray="((pixel[0] - centre[0]) / focal, (pixel[1] - centre[1]) / focal, 1)", a="r @ r", give="[near, far]"):
        return f"""
def two_depths(parent, pixel, length, focal, centre):
    r, p = np.array({ray}), np.array(parent)
    a, b, c = {a}, r @ p, p @ p - length**2
    near, far = (b - np.sqrt(b * b - a * c)) / a, (b + np.sqrt(b * b - a * c)) / a
    return {give}
"""

    unit = "[x / np.sqrt(((pixel[0] - centre[0]) / focal) ** 2 + ((pixel[1] - centre[1]) / focal) ** 2 + 1) for x in "
    prove(
        exercises("12")["12.2"],
        [
            """
def two_depths(parent, pixel, length, focal, centre):
    r = np.array([(pixel[0] - centre[0]) / focal, (pixel[1] - centre[1]) / focal, 1])
    foot = r @ parent / (r @ r)  # the point of the ray next to the parent, and from there half the chord
    half = math.sqrt(length**2 - np.sum((foot * r - parent) ** 2)) / np.linalg.norm(r)
    return foot - half, foot + half
""",
            """
def two_depths(parent, pixel, length, focal, centre):
    r = np.array([(pixel[0] - centre[0]) / focal, (pixel[1] - centre[1]) / focal, 1])
    return np.sort(np.roots([r @ r, -2 * r @ parent, np.dot(parent, parent) - length**2]))
""",
        ],
        {
            "the bone's length before and behind the parent": code(give="[p[2] - length, p[2] + length]"),
            "distances instead of depths": code(
                ray=unit + "((pixel[0] - centre[0]) / focal, (pixel[1] - centre[1]) / focal, 1)]"
            ),
            "the ray's square forgotten": code(a="1.0"),
            "the farther one first": code(give="[far, near]"),
            "the centre forgotten": code(ray="(pixel[0] / focal, pixel[1] / focal, 1)"),
            "steps from the parent": code(give="[near - p[2], far - p[2]]"),
        },
    )


def test_mpjpe():
    def code(root="pose[:, [11, 12]].mean(1)[:, None]", last="1000 * np.sqrt((off**2).sum(-1)).mean()"):
        return f"""
def joint_error_mm(found, true):
    found, true = (pose - {root} for pose in (found, true))
    off = found - true
    return {last}
"""

    prove(
        exercises("12")["12.3"],
        [
            code(),
            """
def joint_error_mm(found, true):
    total = 0
    for a, b in zip(found, true):
        shift = (a[11] + a[12] - b[11] - b[12]) / 2
        for joint in range(17):
            total += np.linalg.norm(a[joint] - b[joint] - shift)
    return total / len(found) / 17 * 1e3
""",
        ],
        {
            "not relative to the root": code(root="0"),
            "metres": code(last="np.linalg.norm(off, axis=2).mean()"),
            "the root of the mean square": code(last="1000 * np.sqrt((off**2).sum(-1).mean())"),
            "each coordinate by itself": code(last="1000 * np.abs(off).mean()"),
            "the sum over the joints": code(last="1000 * np.sqrt((off**2).sum(-1)).sum(-1).mean()"),
            "the nose as root": code(root="pose[:, [0]]"),
            "one hip as root": code(root="pose[:, [11]]"),
            "the mean joint as root": code(root="pose.mean(1)[:, None]"),
        },
    )


def test_weights_of():
    def formula(text):
        return f"def weights_of(joints, width, blocks): return {text}"

    prove(
        exercises("12")["12.4"],
        [
            """
def weights_of(joints, width, blocks):
    layers = [nn.Linear(2 * joints, width), nn.BatchNorm1d(width), nn.Linear(width, 3 * joints)]
    for _ in range(2 * blocks):
        layers += [nn.Linear(width, width), nn.BatchNorm1d(width)]
    return sum(p.numel() for layer in layers for p in layer.parameters())
""",
            formula("2 * blocks * width * (width + 3) + width * (5 * joints + 3) + 3 * joints"),
        ],
        {
            "the biases forgotten": formula("2 * blocks * width * (width + 2) + width * (5 * joints + 2)"),
            "batch norm forgotten": formula("2 * blocks * width * (width + 1) + width * (5 * joints + 1) + 3 * joints"),
            "running statistics counted": formula(
                "2 * blocks * width * (width + 5) + width * (5 * joints + 5) + 3 * joints"
            ),
            "one layer in each block": formula("blocks * width * (width + 3) + width * (5 * joints + 3) + 3 * joints"),
            "two numbers for each joint at the end": formula(
                "2 * blocks * width * (width + 3) + width * (4 * joints + 3) + 2 * joints"
            ),
            "batch norm behind the last layer": formula(
                "2 * blocks * width * (width + 3) + width * (5 * joints + 3) + 9 * joints"
            ),
            "no batch norm behind the first layer": formula(
                "2 * blocks * width * (width + 3) + width * (5 * joints + 1) + 3 * joints"
            ),
        },
    )


def test_triangulate():
    def code(rows="[u * P[2] - P[0], v * P[2] - P[1]]", pick="vt[-1]", give="X[:3] / X[3]", views="None"):
        return f"""
def triangulate_point(matrices, pixels):
    rows = []
    for P, (u, v) in list(zip(matrices, pixels))[:{views}]:
        rows += {rows}
    vt = np.linalg.svd(np.array(rows))[2]
    X = {pick}
    return {give}
"""

    prove(
        exercises("12")["12.5"],
        [
            """
def triangulate_point(matrices, pixels):  # the eigenvector of the smallest eigenvalue of A^T A
    P, uv = np.asarray(matrices), np.asarray(pixels)
    A = (uv[:, :, None] * P[:, 2:] - P[:, :2]).reshape(-1, 4)
    X = np.linalg.eigh(A.T @ A)[1][:, 0]
    return X[:3] / X[3]
""",
            """
def triangulate_point(matrices, pixels):  # the fourth number set to 1: least squares
    A = np.concatenate([[P[0] - u * P[2], P[1] - v * P[2]] for P, (u, v) in zip(matrices, pixels)])
    return np.linalg.lstsq(A[:, :3], -A[:, 3], rcond=None)[0].tolist()
""",
        ],
        {
            "not divided by the fourth number": code(give="X[:3]"),
            "the largest singular value": code(pick="vt[0]"),
            "a column instead of a row": code(pick="vt[:, -1]"),
            "u and v exchanged": code(rows="[v * P[2] - P[0], u * P[2] - P[1]]"),
            "a plus for a minus": code(rows="[u * P[2] + P[0], v * P[2] + P[1]]"),
            "the first two views only": code(views="2"),
        },
    )
