"""The exercises of notebook 11: right answers pass, classic mistakes are named."""

from tests.exercises import exercises, prove


def test_notebook_has_its_exercises():
    assert list(exercises("11")) == ["11.1", "11.2", "11.3", "11.4", "11.5"]


def test_crossing():
    def formula(text):
        return f"def crossing(crop, picture, each): return {text}"

    prove(
        exercises("11")["11.1"],
        [
            """
def crossing(crop, picture, each):
    n = 1
    while n * crop <= picture + n * each:
        n += 1
    return n
""",
            formula("np.int64(picture // (crop - each) + 1)"),
        ],
        {
            "the grouping forgotten": formula("int(picture / crop) + 1"),
            "the grouping added instead of taken away": formula("int(picture / (crop + each)) + 1"),
            "the last number of people for which it does not pay": formula("int(picture / (crop - each))"),
            "the grouping once for all people": formula("int((picture + each) / crop) + 1"),
            "equal counts as less": formula("math.ceil(picture / (crop - each))"),
            "not a whole number": formula("picture / (crop - each)"),
        },
    )


def test_peaks():
    def code(
        places="[(y, x) for y in (0, 1, 2) for x in (0, 1, 2) if (y, x) != (1, 1)]",
        top="heatmap > threshold",
        compare="heatmap > near",
        edge="-np.inf",
    ):
        return f"""
def peak_cells(heatmap, threshold):
    H, W = heatmap.shape
    padded = np.pad(heatmap, 1, constant_values={edge})
    top = {top}
    for y, x in {places}:
        near = padded[y : y + H, x : x + W]
        top = top & ({compare})
    return top
"""

    prove(
        exercises("11")["11.2"],
        [
            """
def peak_cells(heatmap, threshold):
    H, W = heatmap.shape
    top = np.zeros((H, W), dtype=bool)
    for y in range(H):
        for x in range(W):
            window = heatmap[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2]
            top[y, x] = heatmap[y, x] > threshold and (window >= heatmap[y, x]).sum() == 1
    return top.tolist()
""",
            """
def peak_cells(heatmap, threshold):
    maps = torch.as_tensor(heatmap)[None, None]
    ring = F.unfold(F.pad(maps, (1, 1, 1, 1), value=-1e9), 3)[0]  # (9, H W)
    others = torch.cat([ring[:4], ring[5:]]).amax(dim=0).reshape(heatmap.shape)
    return (maps[0, 0] > others) & (maps[0, 0] > threshold)
""",
        ],
        {
            "the highest cell only": code(places="[]", top="(heatmap == heatmap.max()) & (heatmap > threshold)"),
            "the threshold only": code(places="[]"),
            "no threshold": code(top="heatmap > -1", edge="0"),
            "four neighbours": code(places="[(0, 1), (1, 0), (1, 2), (2, 1)]"),
            "only the neighbours in the row": code(places="[(1, 0), (1, 2)]"),
            "cells at the border left out": code(edge="np.inf"),
            "equal counts as higher": code(compare="heatmap >= near"),
            "pits instead of peaks": code(compare="heatmap < near", edge="0"),
        },
    )


def test_field():
    def code(
        v="(end - start) / length", on="0 <= d @ u <= length and abs(u[0] * d[1] - u[1] * d[0]) <= width", value="v"
    ):
        return f"""
def field_at(point, start, end, width):
    length = np.linalg.norm(end - start)
    u, d = (end - start) / length, point - start
    v = {v}
    return {value} if {on} else np.zeros(2)
"""

    prove(
        exercises("11")["11.3"],
        [
            """
def field_at(point, start, end, width):
    (px, py), (ax, ay), (bx, by) = point, start, end
    length = math.hypot(bx - ax, by - ay)
    vx, vy = (bx - ax) / length, (by - ay) / length
    along = vx * (px - ax) + vy * (py - ay)
    foot = ax + along * vx, ay + along * vy
    if along < 0 or along > length or math.hypot(px - foot[0], py - foot[1]) > width:
        return 0, 0
    return vx, vy
""",
            code(v="torch.as_tensor(u)", value="v.numpy()"),
        ],
        {
            "not a unit vector": code(v="end - start"),
            "from the end to the start": code(v="-u"),
            "everywhere, not only on the limb": code(on="True"),
            "the line goes on behind its ends": code(on="abs(u[0] * d[1] - u[1] * d[0]) <= width"),
            "no limit to the sides": code(on="0 <= d @ u <= length"),
            "one side of the line only": code(on="0 <= d @ u <= length and 0 <= u[0] * d[1] - u[1] * d[0] <= width"),
            "x and y changed": code(value="v[::-1]"),
            "a disc round the middle": code(on="np.linalg.norm(point - (start + end) / 2) <= width"),
        },
    )


def test_greedy():
    def code(order="reverse=True", free="i not in rows and j not in columns", least="s > 0", end="pairs"):
        return f"""
def greedy(scores):
    links = [(scores[i, j], i, j) for i, j in np.ndindex(*scores.shape)]
    pairs, rows, columns = [], set(), set()
    for s, i, j in sorted(links, {order}):
        if {least} and {free}:
            pairs.append((i, j))
            rows.add(i)
            columns.add(j)
    return {end}
"""

    prove(
        exercises("11")["11.4"],
        [
            """
def greedy(scores):
    left, pairs = np.array(scores), []
    while left.max() > 0:
        i, j = np.unravel_index(left.argmax(), left.shape)
        pairs.append([int(i), int(j)])
        left[i], left[:, j] = 0, 0
    return np.array(pairs)
""",
            """
def greedy(scores):
    if scores.max() <= 0:
        return []
    i, j = divmod(int(scores.argmax()), scores.shape[1])
    rest = scores.copy()
    rest[i, :] = rest[:, j] = -1
    return [(i, j), *greedy(rest)]
""",
        ],
        {
            "each row takes its best, even a taken one": (
                "def greedy(scores): return [(i, row.argmax()) for i, row in enumerate(scores) if row.max() > 0]"
            ),
            "row by row": """
def greedy(scores):
    pairs, used = [], set()
    for i in range(len(scores)):
        for j in np.argsort(-scores[i]):
            if j not in used and scores[i, j] > 0:
                pairs.append((i, int(j)))
                used.add(j)
                break
    return pairs
""",
            "worst first": code(order="reverse=False"),
            "rows are used twice": code(free="j not in columns"),
            "columns are used twice": code(free="i not in rows"),
            "scores of 0 and below are taken": code(least="True"),
            "one pair only": code(end="pairs[:1]"),
        },
    )


def test_pull_and_push():
    def code(
        middle="np.mean(own)",
        own="np.mean((own - m) ** 2)",
        people="np.mean",
        pairs="i != j",
        near="np.exp(-((a - b) ** 2) / 2)",
        total="np.mean",
    ):
        return f"""
def pull_and_push(tags):
    means = [np.mean(own) for own in tags]
    pull = {people}([{own} for own, m in zip(tags, [{middle} for own in tags])])
    push = [{near} for i, a in enumerate(means) for j, b in enumerate(means) if {pairs}]
    return [pull, {total}(push) if push else 0.0]
"""

    prove(
        exercises("11")["11.5"],
        [
            """
def pull_and_push(tags):
    tags = [torch.as_tensor(own) for own in tags]
    means = torch.stack([own.mean() for own in tags])
    pull = torch.stack([own.var(correction=0) for own in tags]).mean()
    near, n = torch.exp(-((means[:, None] - means) ** 2) / 2), len(tags)
    return torch.stack([pull, (near.sum() - n) / max(n * (n - 1), 1)])
""",
            code(pairs="i < j"),
        ],
        {
            "pulled to 0 instead of to the mean": code(middle="0"),
            "absolute distances": code(own="np.mean(abs(own - m))"),
            "added instead of averaged over the joints": code(own="np.sum((own - m) ** 2)"),
            "added instead of averaged over the people": code(people="np.sum"),
            "each person pushed away from itself": code(pairs="True"),
            "far apart costs more": code(near="1 - np.exp(-((a - b) ** 2) / 2)"),
            "the half forgotten": code(near="np.exp(-((a - b) ** 2))"),
            "the distance not squared": code(near="np.exp(-abs(a - b) / 2)"),
            "the pairs added": code(total="np.sum"),
        },
    )
