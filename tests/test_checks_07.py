"""The exercises of notebook 07: right answers pass, classic mistakes are named."""

import numpy as np
import pytest

from hpe_lib import metrics
from tests.exercises import exercises, prove


def test_notebook_has_its_exercises():
    assert list(exercises("07")) == ["7.1", "7.2", "7.3", "7.4", "7.5", "7.6"]


def test_oks():
    def formula(exponent="d2 / (2 * area * k**2)", counted="v > 0", mean="s[counted].mean()"):
        return f"""
def oks_by_formula(truth, area, pose):
    d2, v, k = ((truth[:, :2] - pose) ** 2).sum(axis=1), truth[:, 2], 2 * OKS_SIGMAS
    s, counted = np.exp(-({exponent})), {counted}
    return {mean}
"""

    prove(
        exercises("07")["7.1"],
        [
            formula(),
            formula(mean="(s * (v > 0)).sum() / np.count_nonzero(v)"),
            "oks_by_formula = lambda truth, area, pose: metrics.oks(truth, area, pose[None])",
            """
def oks_by_formula(truth, area, pose):
    truth, pose, sigma = torch.tensor(truth), torch.tensor(pose), torch.tensor(OKS_SIGMAS)
    distance = (truth[:, :2] - pose).norm(dim=1) / (area**0.5 * 2 * sigma)
    return torch.exp(-0.5 * distance**2)[truth[:, 2] != 0].mean()
""",
        ],
        {
            "the factor 2 forgotten": formula("d2 / (2 * area * OKS_SIGMAS**2)"),
            "the bell's 2 forgotten": formula("d2 / (area * k**2)"),
            "the area squared": formula("d2 / (2 * area**2 * k**2)"),
            "the area's root": formula("d2 / (2 * np.sqrt(area) * k**2)"),
            "k not squared": formula("d2 / (2 * area * k)"),
            "d not squared": formula("np.sqrt(d2) / (2 * area * k**2)"),
            "the labels' v ignored": formula(mean="s.mean()"),
            "hidden joints left out": formula(counted="v == 2"),
            "divided by 17": formula(mean="s[counted].sum() / 17"),
            "weighted by v": formula(mean="np.average(s, weights=v)"),
        },
    )
    for mean in ("(s * v).sum() / counted.sum()", "(s * v).mean()"):
        assert exercises("07")["7.1"].verdict(formula(mean=mean)).misconception == "weighted by v"


def test_lost_joints():
    prove(
        exercises("07")["7.2"],
        ["joints_to_lose = np.array([4, 3])", "joints_to_lose = [int(17 * 0.25), 12 // 4]"],
        {
            "> for >=": "joints_to_lose = [4, 2]",
            "the joints that are kept": "joints_to_lose = [13, 9]",
            "rounded up": "joints_to_lose = [math.ceil(17 / 4), 3]",
            "not a whole number": "joints_to_lose = [17 / 4, 12 / 4]",
            "all 17 counted for both": "joints_to_lose = [4, 4]",
            "an unlabelled joint counted as lost": "joints_to_lose = [4, 0]",
        },
    )


def test_average_precision():
    def steps(
        order="np.argsort(-np.array(scores))",
        found=">=",
        of="people",
        envelope="np.maximum.accumulate(precision[::-1])[::-1]",
        answer="np.append(high, 0)[np.searchsorted(recall, levels)].mean()",
    ):
        return f"""
def ap_at(scores, similarities, people, threshold):
    right = np.array(similarities)[{order}] {found} threshold
    precision, recall = right.cumsum() / np.arange(1, len(right) + 1), right.cumsum() / {of}
    high, levels = {envelope}, np.linspace(0, 1, 101)
    return {answer}
"""

    prove(
        exercises("07")["7.3"],
        [
            steps(),
            """
def ap_at(scores, similarities, people, threshold):
    right = torch.tensor([s >= threshold for _, s in sorted(zip(scores, similarities), reverse=True)])
    precision, recall = right.cumsum(0) / torch.arange(1, len(right) + 1), right.cumsum(0) / people
    return sum(max([p.item() for p, r in zip(precision, recall) if r >= n / 100], default=0) for n in range(101)) / 101
""",
        ],
        {
            "the list not sorted": steps(order="range(len(scores))"),
            "the worst score first": steps(order="np.argsort(scores)"),
            "sorted by OKS": steps(order="np.argsort(-np.array(similarities))"),
            "100 levels": steps().replace("1, 101)", "1, 100)"),
            "> for >=": steps(found=">"),
            "the envelope forgotten": steps(envelope="precision"),
            "the envelope from the top down": steps(envelope="np.maximum.accumulate(precision)"),
            "detections in place of people": steps(of="len(scores)"),
            "only the recalls that were reached": steps(
                answer="np.mean([high[recall >= level].max() for level in levels if level <= recall[-1]])"
            ),
            "the area under the curve": steps(answer="(high * np.diff(recall, prepend=0)).sum()"),
            "read at the right detections": steps(answer="precision[right].mean()"),
        },
    )
    for levels in ("np.arange(0, 1, 0.01)", "np.linspace(0.01, 1, 100)"):
        short = exercises("07")["7.3"].verdict(steps().replace("np.linspace(0, 1, 101)", levels))
        assert short.misconception == "100 levels"
    classic = exercises("07")["7.3"].verdict(steps(answer="precision[right].sum() / people"))
    assert classic.misconception == "read at the right detections"


def test_matching():
    def greedy(choose="max(free, key=lambda p: row[p])", reached=">= threshold", taken="free.remove(best)"):
        return f"""
def match_detections(similarity, threshold):
    free, answer = list(range(similarity.shape[1])), []
    for row in similarity:
        best = {choose} if free else None
        if best in free and row[best] {reached}:
            {taken}
            answer.append(best)
        else:
            answer.append(-1)
    return answer
"""

    def pairs(order):
        return f"""
def match_detections(similarity, threshold):
    D, P = similarity.shape
    answer = [-1] * D
    for d, p in {order}:
        if answer[d] == -1 and p not in answer and similarity[d, p] >= threshold:
            answer[d] = p
    return answer
"""

    prove(
        exercises("07")["7.4"],
        [
            greedy(),
            """
def match_detections(similarity, threshold):
    left, answer = similarity.copy(), np.full(len(similarity), -1)
    for d in range(len(left)):
        if left[d].max() >= threshold:
            answer[d] = left[d].argmax()
            left[:, answer[d]] = -1
    return answer
""",
            """
def match_detections(similarity, threshold):
    left, answer = torch.tensor(similarity), []
    for d in range(len(left)):
        value, person = left[d].max(dim=0)
        answer.append(person if value >= threshold else torch.tensor(-1))
        if value >= threshold:
            left[:, person] = 0
    return torch.stack(answer)
""",
        ],
        {
            "one person taken twice": greedy(taken="pass"),
            "a taken person blocks": greedy(choose="int(row.argmax())"),
            "> for >=": greedy(reached="> threshold"),
            "the threshold ignored": greedy(reached="> 0"),
            "the first instead of the nearest": greedy(
                choose="([p for p in free if row[p] >= threshold] + [free[0]])[0]"
            ),
            "the best pair first": pairs(
                "sorted(np.ndindex(D, P), key=lambda pair: similarity[pair], reverse=True)",
            ),
            "the people choose": pairs(
                "[(d, p) for p in range(P) for d in sorted(range(D), key=lambda d: -similarity[d, p])]"
            ),
        },
    )
    first = exercises("07")["7.4"].verdict(pairs("[(d, p) for p in range(P) for d in range(D)]"))
    assert first.misconception == "the first instead of the nearest"
    named = """
def match_detections(similarity, threshold):
    answer = np.full(len(similarity), -1)
    for p in range(similarity.shape[1]):
        if similarity[:, p].max() >= threshold:
            answer[similarity[:, p].argmax()] = p
    return answer
"""
    assert exercises("07")["7.4"].verdict(named).misconception == "the people choose"
    backwards = (
        greedy().replace("in similarity:", "in similarity[::-1]:").replace("return answer", "return answer[::-1]")
    )
    assert exercises("07")["7.4"].verdict(backwards).misconception == "the last row first"
    for value in ("similarity[d, p]", "(similarity[d, p] if similarity[d, p] >= threshold else 0)"):
        best = f"""
def match_detections(similarity, threshold):  # of all ways to match, the one with the largest sum
    from itertools import permutations
    D, P = similarity.shape
    ways = permutations(list(range(P)) + [-1] * max(0, D - P), D)
    total = lambda way: sum({value} for d, p in enumerate(way) if p >= 0)
    return [p if p >= 0 and similarity[d, p] >= threshold else -1 for d, p in enumerate(max(ways, key=total))]
"""
        assert exercises("07")["7.4"].verdict(best).misconception == "the largest sum"


def test_rescoring():
    def rule(score="box_score * above.mean()", none="0"):
        return f"""
def pose_score(box_score, peaks):
    above = peaks[peaks > 0.2]
    return {score} if len(above) else {none}
"""

    prove(
        exercises("07")["7.5"],
        [
            rule(),
            rule("box_score * sum(above) / len(above)", "torch.tensor(0.0)"),
            "pose_score = lambda box_score, peaks: metrics.rescore([box_score], [peaks])",
        ],
        {
            "the mean over all peaks": "pose_score = lambda box_score, peaks: box_score * peaks.mean()",
            "divided by all joints": rule("box_score * above.sum() / 17"),
            "the sum instead of the mean": rule("box_score * above.sum()"),
            ">= for >": rule().replace("> 0.2", ">= 0.2"),
            "the box score forgotten": rule("above.mean()"),
            "the average of the two": rule("(box_score + above.mean()) / 2"),
            "the box score alone": rule(none="box_score"),
            "a threshold on the box score": rule().replace("len(above)", "box_score > 0.2 and len(above)"),
            "nothing above the threshold": rule(none="float('nan')"),
        },
    )
    stops = "def pose_score(b, peaks): return b * sum(peaks[peaks > 0.2].tolist()) / len(peaks[peaks > 0.2].tolist())"
    assert exercises("07")["7.5"].verdict(stops).misconception == "nothing above the threshold"
    for border in ("box_score >= 0.2", "box_score > 0.1", "box_score > 0.05"):
        verdict = exercises("07")["7.5"].verdict(rule().replace("len(above)", f"{border} and len(above)"))
        assert verdict.state == "wrong", border


def test_suppression():
    def greedy(order="np.argsort(-scores)", rivals="kept", near="> threshold", answer="kept"):
        return f"""
def keep_best(overlap, scores, threshold):
    kept, seen = [], []
    for i in {order}:
        if not any(overlap[i, j] {near} for j in {rivals}):
            kept.append(int(i))
        seen.append(int(i))
    return {answer}
"""

    prove(
        exercises("07")["7.6"],
        [
            greedy(),
            """
def keep_best(overlap, scores, threshold):
    rest, kept = torch.tensor(scores).argsort(descending=True), []
    while len(rest):
        kept.append(rest[0])
        rest = rest[1:][torch.tensor(overlap)[rest[0], rest[1:]] <= threshold]
    return torch.stack(kept)
""",
            """
def keep_best(overlap, scores, threshold):
    gone, kept = set(), []
    for i in sorted(range(len(scores)), key=lambda i: scores[i], reverse=True):
        if i not in gone:
            kept += [i]
            gone |= {j for j in range(len(scores)) if overlap[i][j] > threshold}
    return tuple(kept)
""",
        ],
        {
            "removed poses remove others": greedy(rivals="seen"),
            "the list not sorted": greedy(order="range(len(scores))"),
            "the worst score first": greedy(order="np.argsort(scores)"),
            ">= for >": greedy(near=">= threshold"),
            "only neighbours in the list compared": greedy(rivals="kept[-1:]"),
            "every pose removes itself": greedy(rivals="range(len(scores))"),
            "kept in the list's order": greedy(answer="sorted(kept)"),
            "scores instead of indices": greedy(answer="scores[kept]"),
            "the removed ones returned": greedy(answer="[i for i in range(len(scores)) if i not in kept]"),
            "nothing removed": greedy(rivals="[]"),
            "only the best one kept": greedy(answer="kept[:1]"),
        },
    )


def test_lazy_answers_get_no_diagnosis_that_is_untrue():
    for number, head, answers in (
        ("7.1", "oks_by_formula(truth, area, pose)", ("0", "1", "0.5", "area", "1 / area", "(truth[:, 2] > 0).mean()")),
        ("7.3", "ap_at(scores, similarities, people, threshold)", ("0", "1", "0.50495", "threshold", "1 / people")),
        (
            "7.4",
            "match_detections(similarity, threshold)",
            ("[0, 1]", "[-1] * len(similarity)", "similarity.argmax(0)"),
        ),
        ("7.5", "pose_score(box_score, peaks)", ("0", "0.63", "box_score", "max(peaks)", "box_score * max(peaks)")),
        ("7.6", "keep_best(overlap, scores, threshold)", ("[]", "[0]", "list(range(len(scores)))", "overlap")),
    ):
        for answer in answers:
            verdict = exercises("07")[number].verdict(f"def {head}: return {answer}")
            assert (verdict.state, verdict.misconception) == ("wrong", None), (number, answer, verdict)


@pytest.mark.parametrize(
    "number, code, first",
    [
        (
            "7.1",
            "oks_by_formula = lambda truth, area, pose: 0",
            "truth is np.full((17, 3), 2.0), and the pose np.full(",
        ),
        (
            "7.3",
            "ap_at = lambda s, oks, n, t: 0",
            "s = [0.8, 0.9], oks = [0.6, 0.3], n = 1, t = 0.5 it gives 0, and 0.5",
        ),
        ("7.4", "match_detections = lambda oks, t: [1, 0]", "oks = [[0.8, 0.6], [0.9, 0.55]], t = 0.5"),
        ("7.5", "pose_score = lambda box, peaks: 0", "box = 0.9, peaks = [0.8, 0.6] + [0.1] * 15"),
        ("7.6", "keep_best = lambda overlap, s, t: [0, 1]", "[[1, 0.19, 0.91], [0.19, 1, 0.27], [0.91, 0.27, 1]], s ="),
    ],
)
def test_the_first_case_that_is_shown_can_be_typed(number, code, first):
    verdict = exercises("07")[number].verdict(code)
    assert (verdict.state, verdict.misconception) == ("wrong", None) and first in verdict.text, verdict


def test_what_is_typed_for_oks_is_the_first_case():
    code = "def oks_by_formula(truth, area, pose): return 0 if area == 100 else metrics.oks(truth, area, pose[None])[0]"
    text = exercises("07")["7.1"].verdict(code).text
    typed = metrics.oks(np.full((17, 3), 2.0), 100.0, np.full((1, 17, 2), 3.0))[0]
    assert f"and {typed:.4f} is right" in text and "np.full" in text
    assert "np.full" not in exercises("07")["7.1"].verdict(code.replace("== 100", "!= 100")).text
