"""What a bottom-up method gets wrong: joints not found, given to somebody else, or apart from their person."""

import numpy as np

from hpe_lib.metrics import keypoint_similarity

OUTCOMES = ("right", "apart", "elsewhere", "not found")


def joint_outcomes(people, areas, poses, near=0.5):
    """What became of the labelled joints of one picture -> (P, 17) index into OUTCOMES, -1 without a label.

    people (P, 17, 3) px and visibility, areas (P,) px^2, poses (M, 17, 3) px and height, 0: not found. A joint is found
    where a pose has one whose similarity, the term in OKS, is `near` or more, and this person's is the nearest. A pose
    belongs to the person of most of its joints. right: in the largest pose of its person; apart: in a smaller one, a
    link is missing; elsewhere: in a pose of somebody else, two people are mixed.
    """
    people, poses = np.asarray(people, dtype=np.float64), np.asarray(poses, dtype=np.float64)
    outcomes = np.where(people[..., 2] > 0, OUTCOMES.index("not found"), -1)
    if not len(people) or not len(poses):
        return outcomes
    offsets = poses[None, ..., :2] - people[:, None, :, :2]  # (P, M, 17, 2)
    likeness = keypoint_similarity(offsets, np.broadcast_to(np.asarray(areas)[:, None], offsets.shape[:2]))
    likeness *= (people[:, None, :, 2] > 0) & (poses[None, ..., 2] > 0)  # (P, M, 17)
    owner = np.where(likeness.max(axis=0) >= near, likeness.argmax(axis=0), -1)  # (M, 17) whose joint it is
    counts = np.stack([(owner == person).sum(axis=1) for person in range(len(people))])  # (P, M) joints
    whose = np.where(counts.max(axis=0) > 0, counts.argmax(axis=0), -1)  # (M,) whose pose it is
    for person in range(len(people)):
        own = np.where(whose == person, counts[person], 0)  # (M,)
        for pose in np.argsort(own, kind="stable"):  # the largest last: it decides
            kind = 2 if whose[pose] != person else 0 if pose == own.argmax() and own.any() else 1
            place = owner[pose] == person
            outcomes[person, place] = np.minimum(outcomes[person, place], kind)
    return outcomes
