"""Checks of notebook 13: smoothing, counting, an alarm, what an alarm is worth, a pose without place and size."""

from itertools import pairwise

import numpy as np

from hpe_lib.course.verdict import Mistake, judge


def check_smooth(answer):
    """A function (values (T,), alpha) -> (T,)."""

    def build(start=lambda values: values[0], step=lambda y, x, alpha, before: y + alpha * (x - y), first=True):
        def smooth(values, alpha):
            values = [float(value) for value in values]
            smoothed = [start(values)]
            for before, value in pairwise(values):
                smoothed.append(step(smoothed[-1], value, alpha, before))
            return smoothed if first else smoothed[1:]

        return smooth

    # fmt: off
    mistakes = [
        Mistake("alpha for the past", build(step=lambda y, x, alpha, before: alpha * y + (1 - alpha) * x),
                "Here alpha is the share of the past. With alpha = 1 nothing should be smoothed; yours stands still."),
        Mistake("the last value instead of the last smoothed one",
                build(step=lambda y, x, alpha, before: before + alpha * (x - before)),
                "Each step starts from the last *smoothed* number, so that the past before it counts as well."),
        Mistake("starts at zero", build(start=lambda values: 0.0),
                "The first number is the first value as it is; from 0 the curve would have to climb first."),
        Mistake("the first step from zero", build(start=lambda values: 0.0, first=False),
                "One number too few, and the first value is lost."),
        Mistake("the past is added whole", build(step=lambda y, x, alpha, before: y + alpha * x),
                "This only grows. A step goes a share of the way *from* the last smoothed number *to* the new value."),
        Mistake("the sign of the way", build(step=lambda y, x, alpha, before: y - alpha * (x - y)),
                "The step goes away from the new value. Which difference leads to it?"),
    ]
    # fmt: on
    cases = [
        ([0, 8, 8, 8], 0.5),
        ([4.5, 6.25, 2.75, 9.0, 9.5], 0.25),
        (np.array([3.5, -1.25, 7.75]), 1.0),
        ([5.5], 0.3),
        ([90.0, 100.0, 80.0, 120.0, 60.0, 70.0], 0.8),
    ]
    return judge(answer, build(), cases, mistakes, "A memory of one number.")


def check_count_repetitions(answer):
    """A function (angles (T,), low, high) -> whole number."""

    def count(angles, low, high, up=lambda angle, low, high: angle > high, down=lambda angle, low, high: angle < low):
        total, bent = 0, False
        for angle in angles:
            if bent and up(angle, low, high):
                total, bent = total + 1, False
            elif not bent and down(angle, low, high):
                bent = True
        return total

    def every_way(angles, low, high):
        total, bent = 0, False
        for angle in angles:
            if (angle > high) if bent else (angle < low):
                total, bent = total + 1, not bent
        return total

    def when_low(angles, low, high):
        total, bent = 0, False
        for angle in angles:
            if bent and angle > high:
                bent = False
            elif not bent and angle < low:
                total, bent = total + 1, True
        return total

    def starts_high(angles, low, high):
        seen, total, bent = False, 0, False
        for angle in angles:
            seen = seen or angle > high
            if bent and angle > high:
                total, bent = total + 1, False
            elif seen and not bent and angle < low:
                bent = True
        return total

    # fmt: off
    mistakes = [
        Mistake("frames counted", lambda angles, low, high: int(np.sum(np.asarray(angles) < low)),
                "So many frames are below `low`. One repetition has many of them."),
        Mistake("the lower threshold only",
                lambda angles, low, high: count(angles, low, high, up=lambda angle, low, high: angle >= low),
                "A curve that trembles about `low` is counted several times. It has to rise above `high` in between."),
        Mistake("the upper threshold only",
                lambda angles, low, high: count(angles, low, high, down=lambda angle, low, high: angle <= high),
                "Nobody was below `low` here. A small dip is no squat."),
        Mistake("down and up counted both", every_way,
                "Down is half a repetition; it counts when the leg is stretched again."),
        Mistake("counted on the way down", when_low,
                "The last one has not come up again, and a repetition that is not finished does not count."),
        Mistake("a bent start is forgotten", starts_high,
                "Whoever begins below `low` and rises above `high` has finished a repetition."),
        Mistake("the upper limit itself counts",
                lambda angles, low, high: count(angles, low, high, up=lambda angle, low, high: angle >= high),
                "Above means above: exactly `high` is not yet stretched."),
        Mistake("the lower limit itself counts",
                lambda angles, low, high: count(angles, low, high, down=lambda angle, low, high: angle <= low),
                "Below means below: exactly `low` is not yet bent."),
    ]
    # fmt: on
    cases = [
        ([170, 80, 170, 80, 170], 100, 150),
        ([160, 95, 105, 90, 120, 80, 146], 98, 145),
        ([170, 120, 170, 140, 165, 90, 160], 110, 155),
        ([70, 45, 75, 35, 44], 50, 68),
        ([80, 90, 170, 160], 95, 140),
        ([170, 90, 150, 90, 150, 151], 100, 150),
        ([170, 100, 160, 99, 161], 100, 158),
        ([60, 20, 45, 61, 30, 29, 70, 5], 30, 60),
        ([80, 170], 95, 140),
        ([130, 115.2, 131, 115.8, 130], 115.5, 127),
        ([130, 115.4, 130], 115.2, 127),
        ([130, 99.9995, 130], 100, 120),
    ]
    return judge(answer, count, cases, mistakes, "Two thresholds, and trembling counts for nothing.")


def check_alarm(answer):
    """A function (angles (T,), limit, hold) -> index of a frame, or -1."""

    def find(angles, limit, hold, above=lambda angle, limit: angle > limit, shift=0, reset=True, none=-1):
        run = 0
        for frame, angle in enumerate(angles):
            run = run + 1 if above(angle, limit) else (0 if reset else run)
            if run == hold:
                return frame + shift
        return none

    def started(angles, limit, hold):
        frame = find(angles, limit, hold)
        return frame if frame < 0 else frame - hold + 1

    # fmt: off
    mistakes = [
        Mistake("the frame in which the run began", started,
                "When the run begins, nobody knows yet that it will last. The alarm comes with its last frame."),
        Mistake("one frame too late", lambda angles, limit, hold: find(angles, limit, hold + 1),
                "`hold` frames above the limit are enough; this waits for one more."),
        Mistake("one frame too early", lambda angles, limit, hold: find(angles, limit, max(hold - 1, 1)),
                "This frame is one too few: the run is `hold` frames long, this one included."),
        Mistake("not in a row", lambda angles, limit, hold: find(angles, limit, hold, reset=False),
                "Frames above the limit are added up over gaps. A frame that is not above sets the count back to 0."),
        Mistake("the limit itself counts",
                lambda angles, limit, hold: find(angles, limit, hold, above=lambda angle, limit: angle >= limit),
                "Above means above: exactly the limit does not count."),
        Mistake("no hold", lambda angles, limit, hold: find(angles, limit, 1),
                "One frame is enough here, so that one wrong joint calls the ambulance."),
        Mistake("the number of a frame, from 1", lambda angles, limit, hold: find(angles, limit, hold, shift=1),
                "Indices begin with 0."),
        Mistake("0 for none", lambda angles, limit, hold: find(angles, limit, hold, none=0),
                "0 is a frame. No alarm is -1."),
    ]
    # fmt: on
    cases = [
        ([5, 5, 80, 85, 88, 90, 90], 60, 3),
        ([5, 40, 5, 40, 40, 5, 40, 40, 40, 40], 30, 3),
        ([10, 60, 60, 60, 61, 70, 5], 60, 2),
        ([10, 20, 30], 55, 2),
        ([90, 91], 75, 3),
        ([70, 5, 80], 66, 1),
        ([95, 85, 90, 5], 80, 2),
        ([89, 86, 84, 91, 92, 88, 87], 85.5, 4),
        ([12, 13, 10.5], 10, 3),
        ([85.2, 85.3, 86], 85.5, 2),
        ([85.7, 85.8], 85.5, 2),
        ([60.0005, 60.0005], 60, 2),
    ]
    return judge(answer, find, cases, mistakes, "Late by `hold` frames, and sure of itself.")


def check_worth(answer):
    """A function (windows a day, falls a day, recall, false rate) -> false alarms a day, precision."""

    def of(negatives=lambda windows, falls: windows - falls, found=lambda falls, recall: falls * recall):
        def worth(windows, falls, recall, false_rate):
            false_alarms = negatives(windows, falls) * false_rate
            return [false_alarms, found(falls, recall) / (found(falls, recall) + false_alarms)]

        return worth

    def share_of_falls(windows, falls, recall, false_rate):
        return [(windows - falls) * false_rate, recall]

    def rates_compared(windows, falls, recall, false_rate):
        return [(windows - falls) * false_rate, recall / (recall + false_rate)]

    def turned_round(windows, falls, recall, false_rate):
        false_alarms, precision = of()(windows, falls, recall, false_rate)
        return [false_alarms, 1 - precision]

    def all_alarms(windows, falls, recall, false_rate):
        false_alarms, precision = of()(windows, falls, recall, false_rate)
        return [false_alarms + falls * recall, precision]

    # fmt: off
    mistakes = [
        Mistake("false alarms in all stretches", of(negatives=lambda windows, falls: windows),
                "A stretch with a fall cannot give a false alarm: take the falls away first."),
        Mistake("every fall found", of(found=lambda falls, recall: falls),
                "Only the share `recall` of the falls raises an alarm."),
        Mistake("precision is the recall", share_of_falls,
                "The recall asks which share of *falls* raises an alarm. Asked is which share of *alarms* is a fall."),
        Mistake("rates compared, not numbers", rates_compared,
                "Falls are rare, and other stretches many. Rates must be multiplied by how many there are of each."),
        Mistake("the share of false alarms", turned_round,
                "This is the share of alarms that are false; asked is the share that are falls."),
        Mistake("all alarms", all_alarms,
                "The first number holds the true alarms too."),
    ]
    # fmt: on
    cases = [(100, 10, 0.5, 0.1), (21600, 0.01, 0.98, 0.001), (8, 4, 0.75, 0.5), (1000, 200, 0.9, 0.25)]
    praise = "What is rare needs few false alarms, more than a high recall."
    return judge(answer, of(), cases, mistakes, praise, tolerance=1e-5)


def check_normalised(answer):
    """A function (points (17, 2)) -> (17, 2), the hips' middle at 0, the trunk 1 long."""

    def of(origin=(11, 12), end=(5, 6), length=np.linalg.norm, shift=True, moved_first=True):
        def normalised(points):
            points = np.asarray(points, dtype=float)
            middle = points[list(origin)].mean(axis=0)
            trunk = points[list(end)].mean(axis=0) - (middle if moved_first else 0)
            return (points - (middle if shift else 0)) / length(trunk)

        return normalised

    # fmt: off
    mistakes = [
        Mistake("not moved", of(shift=False),
                "The size is right. Where is the middle of the hips?"),
        Mistake("not divided", of(length=lambda trunk: 1.0),
                "The place is right. How long is the trunk?"),
        Mistake("the shoulders' middle at 0", of(origin=(5, 6), end=(11, 12)),
                "The middle of the *hips* is to be at (0, 0)."),
        Mistake("one hip only", of(origin=(11, 11)),
                "Joint 11 is the left hip alone; the middle of both is wanted."),
        Mistake("one shoulder only", of(end=(5, 5)),
                "This divides by the way to the left shoulder alone."),
        Mistake("divided by the trunk's height", of(length=lambda trunk: abs(trunk[1])),
                "A trunk that leans is longer than it is high: take its length, in x and y."),
        Mistake("divided by the squared length", of(length=lambda trunk: trunk @ trunk),
                "This is the square of the length."),
        Mistake("measured from the image's corner", of(moved_first=False),
                "The trunk is as long as from the hips' middle to the shoulders' middle; you measure from the corner "
                "of the image."),
        Mistake("x and y divided apart", of(length=lambda trunk: np.where(np.abs(trunk) > 1e-9, np.abs(trunk), 1.0)),
                "x and y by different numbers bends all angles. Both are divided by one length."),
    ]
    # fmt: on
    wave = np.arange(34.0)
    cases = [
        (np.stack([wave[:17] * 3, 200 - wave[:17] ** 1.5], axis=1).round(1),),
        ((40 * np.sin(wave * 1.3) + 100).reshape(17, 2).round(1),),
        ((9 * np.cos(wave * 2.1) - 30).reshape(17, 2).round(1),),
    ]
    return judge(answer, of(), cases, mistakes, "The same pose near and far, left and right in the image.")
