"""From all joints of a picture to people: part affinity fields, tags, matching, assembling.

Bottom-up methods find the joints of everybody at once, and this file says which belong together. Two cues: fields along
limbs (Cao et al. 2017) and a number for each joint, alike within a person (Newell, Huang and Deng 2017). N pictures,
P people at most (padded by unlabelled ones), K keypoints, L limbs, H x W cells; x_px = stride * x_cell.
"""

import numpy as np
import torch
from torch.nn import functional

from hpe_lib import heatmaps
from hpe_lib.skeleton import LIMBS


def encode_people(keypoints, labelled, size, stride=4, sigma=1.5):
    """Draw the heatmaps of everybody: of several people's Gaussians the highest counts, in each cell.

    keypoints (N, P, K, 2) px, labelled (N, P, K), size (W, H) cells -> (N, K, H, W). (Cao et al. 2017, equation 7)
    """
    drawn, _ = heatmaps.encode(keypoints.flatten(0, 1), labelled.flatten(0, 1), size, stride, sigma, unbiased=True)
    return drawn.unflatten(0, labelled.shape[:2]).amax(dim=1)


def encode_fields(keypoints, labelled, size, stride=4, width=1.0, limbs=LIMBS):
    """Draw part affinity fields: on a limb the unit vector along it, 0 elsewhere, the mean where several limbs cross.

    Shapes as `encode_people` -> (N, L, 2, H, W). On a limb: within `width` cells of the line between its two joints.
    (Cao et al. 2017, equations 8 and 9)
    """
    columns, rows = (torch.arange(side, device=keypoints.device, dtype=torch.float32) for side in size)
    fields = keypoints.new_zeros(len(keypoints), len(limbs), 2, size[1], size[0])
    for number, (a, b) in enumerate(limbs):
        picture, person = ((labelled[..., a] > 0) & (labelled[..., b] > 0)).nonzero(as_tuple=True)  # (M,) each
        start, end = keypoints[picture, person, a] / stride, keypoints[picture, person, b] / stride  # (M, 2) cells
        length = (end - start).norm(dim=1).clamp(min=1e-6)
        unit = (end - start) / length[:, None]
        (ux, uy), length = unit[..., None, None].unbind(1), length[:, None, None]
        x, y = columns - start[:, 0, None, None], rows[:, None] - start[:, 1, None, None]
        along, across = x * ux + y * uy, (y * ux - x * uy).abs()  # (M, H, W) cells
        on = ((along >= -0.5) & (along <= length + 0.5) & (across <= width)).float()
        total = fields.new_zeros(len(fields), 3, *fields.shape[-2:])  # x, y, and how many limbs
        total.index_add_(0, picture, torch.cat([unit[..., None, None] * on[:, None], on[:, None]], dim=1))
        fields[:, number] = total[:, :2] / total[:, 2:].clamp(min=1)
    return fields


def peaks(maps, threshold=0.1, most=30):
    """Find the joints of one picture: cells that no neighbour exceeds, the `most` highest of each heatmap.

    maps (K, H, W) -> K arrays (M, 3): x, y in cells, and the height, best first. A place moves from its cell's centre
    to the top of the parabola through the two neighbours, in x and in y. (Cao et al. 2017, section 2.2)
    """
    bordered = functional.pad(maps, (1, 1, 1, 1)).cpu().numpy()  # (K, H + 2, W + 2)
    maps, found = maps.cpu().numpy(), []
    top, (height, width) = maps > threshold, maps.shape[1:]
    for y, x in np.ndindex(3, 3):  # of two equal neighbours the later one is left
        neighbours = bordered[:, y : y + height, x : x + width]
        top &= (maps >= neighbours) if (y, x) <= (1, 1) else (maps > neighbours)
    for joint, here in zip(bordered, top):
        y, x = here.nonzero()  # (M,) each; one more in `joint`, which has a border
        best = np.argsort(-joint[y + 1, x + 1], kind="stable")[:most]
        y, x = y[best], x[best]
        left, middle, right = (joint[y + 1, x + step] for step in (0, 1, 2))
        above, below = joint[y, x + 1], joint[y + 2, x + 1]
        x = x + (right - left) / np.maximum(2 * middle - left - right, 1e-6) / 2
        y = y + (below - above) / np.maximum(2 * middle - above - below, 1e-6) / 2
        found.append(np.stack([x, y, middle], axis=1).astype(np.float64))
    return found


def limb_scores(field, starts, ends, samples=10):
    """Score every possible limb: the mean over its line of the field's part along it, from -1 to 1.

    field (2, H, W), starts (A, 2), ends (B, 2) cells -> (A, B). (Cao et al. 2017, equations 10 and 11)
    """
    line = ends[None] - starts[:, None]  # (A, B, 2)
    unit = line / np.maximum(np.linalg.norm(line, axis=2, keepdims=True), 1e-6)
    share = np.linspace(0, 1, samples)[:, None, None, None]
    points = np.rint(starts[:, None] + share * line).astype(int)  # (samples, A, B, 2)
    x, y = np.clip(points[..., 0], 0, field.shape[2] - 1), np.clip(points[..., 1], 0, field.shape[1] - 1)
    return (field[0, y, x] * unit[..., 0] + field[1, y, x] * unit[..., 1]).mean(axis=0)


def greedy_matching(scores):
    """Pair rows with columns, best score first, each at most once: scores (A, B) -> rows, columns (min(A, B),) each."""
    rows, columns, (count, width) = [], [], scores.shape
    for index in np.argsort(-scores, axis=None, kind="stable"):
        row, column = divmod(int(index), width)
        if row not in rows and column not in columns:
            rows.append(row)
            columns.append(column)
            if len(rows) == min(count, width):
                break
    return np.array(rows, dtype=int), np.array(columns, dtype=int)


def bipartite_matching(scores):
    """Pair rows with columns so that the sum is largest: the Hungarian method, in O(A^2 B) for A <= B rows.

    scores (A, B) -> rows, columns (min(A, B),) each, rows rising. Each turn adds a row by the cheapest chain of
    changes; a price for every row and column keeps the costs that are left at 0 or above. (Kuhn 1955)
    """
    if scores.shape[0] > scores.shape[1]:
        columns, rows = bipartite_matching(scores.T)
        order = np.argsort(rows)
        return rows[order], columns[order]
    cost = -np.asarray(scores, dtype=np.float64)
    count, width = cost.shape
    of_row, of_column = np.zeros(count), np.zeros(width + 1)  # the prices
    owner = np.full(width + 1, -1)  # the row that has a column; the last column holds the row that is to be added
    for new in range(count):
        owner[width], column = new, width
        least, came_from = np.full(width, np.inf), np.full(width, width)  # cheapest way to each column, and over which
        done = np.zeros(width + 1, dtype=bool)
        while owner[column] >= 0:
            done[column], row = True, owner[column]
            left = cost[row] - of_row[row] - of_column[:width]  # (B,) what this row would pay above the prices
            nearer = ~done[:width] & (left < least)
            least[nearer], came_from[nearer] = left[nearer], column
            column = int(np.where(done[:width], np.inf, least).argmin())
            step = least[column]
            of_row[owner[done]] += step
            of_column[done] -= step
            least[~done[:width]] -= step
        while column != width:  # back along the chain: each row takes the next column
            owner[column], column = owner[came_from[column]], came_from[column]
    columns = np.flatnonzero(owner[:width] >= 0)
    order = np.argsort(owner[columns])
    return owner[columns][order], columns[order]


def assemble(found, fields, match=greedy_matching, threshold=0.2, least=3, limbs=LIMBS):
    """Join peaks to people by their fields: match each limb's two kinds of joints, then merge, best link first.

    found: K arrays (M, 3), see `peaks`. fields (L, 2, H, W). Links below the threshold do not count. Two parts that
    both have, say, a left knee are not merged. Returns poses (people, K, 3): x, y in cells and the peak's height, zeros
    for joints not found; people of fewer than `least` joints are left out.
    """
    links = []
    for field, (a, b) in zip(fields, limbs):
        if len(found[a]) and len(found[b]):
            scores = limb_scores(field, found[a][:, :2], found[b][:, :2])
            for i, j in zip(*match(np.where(scores > threshold, scores, 0))):
                if scores[i, j] > threshold:
                    links.append((scores[i, j], (a, i), (b, j)))
    people = {(k, i): {k: i} for k, one in enumerate(found) for i in range(len(one))}  # at first each joint is alone
    for _, start, end in sorted(links, key=lambda link: -link[0]):
        one, other = people[start], people[end]
        if not one.keys() & other.keys():  # also False where both ends are of one person already
            one.update(other)
            people.update(dict.fromkeys(other.items(), one))
    whole = {id(person): person for person in people.values()}  # everybody once
    return to_poses(whole.values(), found, least)


def to_poses(people, found, least):
    """People of `least` joints or more, as {keypoint: number of its peak} -> poses (people, K, 3), in cells."""
    people = [person for person in people if len(person) >= least]
    poses = np.zeros((len(people), len(found), 3))
    for pose, person in zip(poses, people):
        for k, i in person.items():
            pose[k] = found[k][i]
    return poses


def group_by_tags(found, tags, match=bipartite_matching, limit=1.0, least=3):
    """Join peaks to people by their tags: each joint goes to the person of nearest mean tag, within `limit`.

    found: K arrays (M, 3); tags (K, H, W). Keypoint after keypoint, head and trunk first; a joint that no person is
    near to begins a new one. Returns poses as `assemble`. (Newell et al. 2017, section 3.2)
    """
    people, values = [], []  # {keypoint: peak}, and the tags of its joints
    for k in sorted(range(len(found)), key=lambda k: (k > 6 and k not in (11, 12), k)):
        x, y = (np.rint(found[k][:, i]).astype(int) for i in range(2))
        own = np.asarray(tags[k])[np.clip(y, 0, tags.shape[1] - 1), np.clip(x, 0, tags.shape[2] - 1)]  # (M,)
        means = np.array([np.mean(one) for one in values])  # (people,)
        near = np.maximum(limit - np.abs(own[:, None] - means), 0)  # (M, people) 0: too far
        taken = {i: person for i, person in zip(*match(near)) if near[i, person] > 0} if near.size else {}
        for i, tag in enumerate(own):
            if i not in taken:
                people.append({})
                values.append([])
            person = taken.get(i, -1)
            people[person][k] = i
            values[person].append(tag)
    return to_poses(people, found, least)


def tag_loss(tags, keypoints, labelled, stride=4):
    """The tags' two aims: pull those of a person together, push the people's means apart; scalars (pull, push).

    tags (N, K, H, W), keypoints (N, P, K, 2) px, labelled (N, P, K). Pull: the mean square from the person's mean.
    Push: the mean of exp(-d^2 / 2) over the pairs of a picture's people. (Newell et al. 2017, section 3.2)
    """
    height, width = tags.shape[-2:]
    x, y = (keypoints / stride).round().long().unbind(dim=-1)  # (N, P, K)
    inside = (labelled > 0) & (x >= 0) & (x < width) & (y >= 0) & (y < height)
    place = y.clamp(0, height - 1) * width + x.clamp(0, width - 1)
    own = tags.flatten(2).gather(2, place.transpose(1, 2)).transpose(1, 2)  # (N, P, K) each joint's tag
    count = inside.sum(dim=2)  # (N, P)
    mean = (own * inside).sum(dim=2) / count.clamp(min=1)
    spread = ((own - mean[..., None]).square() * inside).sum(dim=2) / count.clamp(min=1)  # (N, P)
    there = (count > 0).float()
    both = there[:, :, None] * there[:, None] * (1 - torch.eye(there.shape[1], device=there.device))  # (N, P, P)
    near = torch.exp(-(mean[:, :, None] - mean[:, None]).square() / 2)
    return (spread * there).sum() / there.sum().clamp(min=1), (near * both).sum() / both.sum().clamp(min=1)
