import re

import matplotlib.pyplot as plt
import numpy as np
import pytest

from hpe_lib import plots
from hpe_lib.course.widgets import bottom_up as widgets
from hpe_lib.predict.everybody import true_maps
from tests.test_bottom_up import crowd

assert crowd  # a fixture of that file


@pytest.fixture
def panel(crowd):
    """Eight people twice: the network's maps are the true ones, and in the second picture half as high."""
    image, found, people = crowd
    maps, areas = true_maps(people, (640, 480)), [one["area"] for one in found]
    faint = (0.5 * maps[0], *maps[1:])
    pictures = [(image, people, areas, {"true": maps, "network": one}) for one in (maps, faint)]
    return widgets.grouping_panel(pictures)


def test_it_says_how_many_people_and_what_became_of_their_joints(panel):
    assert "8 people, 8 poses, network maps, greedy, peaks above 0.10. Joints: " in panel.alt
    counts = [int(number) for number in re.findall(r"(\d+) (?:right|apart|elsewhere|not found)", panel.alt)]
    assert sum(counts) == 8 * 17 and counts[0] > 120
    title = panel.figure.get_suptitle()
    assert panel.alt.split(". Joints")[0] in title


@pytest.mark.parametrize("grouping", ["bipartite", "tags"])
def test_each_way_of_grouping_is_drawn(panel, grouping):
    panel.move(grouping=grouping, maps="true")
    assert f"true maps, {grouping}" in panel.alt


def test_a_high_threshold_finds_nobody_where_the_maps_are_faint(panel):
    panel.move(picture=1, threshold=0.6)
    assert "8 people, 0 poses" in panel.alt and "136 not found" in panel.alt
    panel.move(maps="true")
    assert "8 people, 8 poses" in panel.alt


def test_people_are_drawn_in_colours_of_their_own():
    figure, ax = plt.subplots()
    poses = np.ones((9, 17, 3))
    poses[0, 3, 2] = 0
    plots.draw_people(ax, poses)
    lines, dots = ax.collections[::2], ax.collections[1::2]
    assert len(lines) == len(dots) == 9 and len(dots[0].get_offsets()) == 16
    assert len({tuple(line.get_color()[0]) for line in lines}) == 8
    plt.close(figure)
