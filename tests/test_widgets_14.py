import numpy as np
import pytest

from hpe_lib import data
from hpe_lib.course import pipeline
from hpe_lib.course.checks.bug_hunt import PROBES
from hpe_lib.course.widgets import bug_hunt as widgets


@pytest.fixture
def panel():
    """A person of whom every joint is labelled, in a grey image."""
    random = np.random.default_rng(0)
    keypoints = np.column_stack([random.uniform((40, 30), (120, 190), (17, 2)), np.full(17, 2)])
    return widgets.hunt_panel([(np.full((220, 160, 3), 128, np.uint8), (40, 30, 80, 160), keypoints)])


def errors(panel):
    taught, back = panel.alt.split("taught ")[1].split(" px")[0], panel.alt.split("they are ")[-1].split(" px")[0]
    return float(taught), float(back)


def test_a_sound_pipeline_errs_by_the_rounding_only(panel):
    for rotation in (-40, 0, 30):
        for mirrored in (False, True):
            panel.move(rotation=rotation, mirrored=mirrored)
            assert max(errors(panel)) < 2 * np.sqrt(2) * 2  # half a cell each way is 2 px of the crop


def test_each_fault_shows_where_the_text_says(panel):
    sound = errors(panel)
    panel.move(fault="crop")
    assert errors(panel)[0] > 3 * sound[0] and errors(panel)[1] < sound[1]  # two wrongs make a right
    panel.move(fault="to_image")
    assert errors(panel) == sound
    panel.move(rotation=20)
    assert errors(panel)[1] > 10 * sound[1]
    panel.move(fault="mirror", rotation=0)
    assert errors(panel) == sound
    panel.move(mirrored=True)
    assert errors(panel) != sound
    panel.move(fault="encode", mirrored=False)
    assert errors(panel)[0] > sound[0] + 0.5
    panel.move(fault="decode")
    assert errors(panel)[0] > 10


@pytest.mark.parametrize("name", pipeline.STEPS)
def test_the_course_s_own_tests_stop_every_fault_and_nothing_sound(name):
    for step in pipeline.candidates(name):
        assert PROBES[name](step) == (step.function in pipeline.SOUND[name]), step


def test_a_mystery_has_two_faults_and_is_the_same_every_time():
    for number in range(20):
        steps = pipeline.mystery(number)
        wrong = [name for name, step in steps.items() if not PROBES[name](step)]
        assert len(wrong) == 2 and list(steps) == list(pipeline.STEPS)
        assert {name: step.function for name, step in steps.items()} == {
            name: step.function for name, step in pipeline.mystery(number).items()
        }


def test_the_sound_steps_are_the_library_s():
    image, box = np.random.default_rng(1).integers(0, 256, (200, 160, 3), np.uint8), (20, 30, 90, 140)
    crop, matrix = pipeline.crop(image, box)
    library, its_matrix = data.cut(image, box, pipeline.INPUT_WH)
    assert (crop == library).all() and (matrix == its_matrix).all()
