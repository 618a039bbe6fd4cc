import numpy as np
import torch

from hpe_lib import heatmaps
from hpe_lib.course.widgets.training import replay_panel
from hpe_lib.skeleton import KEYPOINTS


def test_every_epoch_and_joint_shows_its_own_heatmap():
    keypoints = torch.stack([torch.arange(17) * 4.0 + 8, torch.arange(17) * 5.0 + 12], dim=1)  # (17, 2) crop px
    labelled = torch.ones(17)
    labelled[3] = 0
    target, _ = heatmaps.encode(keypoints[None], torch.ones(1, 17), (24, 32), 4, 1.5)
    replay = torch.cat([0.1 * target.roll(5, dims=-2), 0.5 * target, target])  # wrong, unsure, right
    crop = np.random.default_rng(0).integers(0, 255, (128, 96, 3), dtype=np.uint8)
    panel = replay_panel(crop, replay, keypoints, labelled)
    seen = {panel.picture.value}
    for joint in KEYPOINTS:
        panel.controls["joint"].value = joint
        for epoch, peak in enumerate((0.1, 0.5, 1.0)):
            panel.controls["epoch"].value = epoch
            assert f"after epoch {epoch}: peak {peak:.2f}" in panel.alt and panel.alt.startswith(
                joint.replace("_", " ")
            )
            assert ("from the label" in panel.alt) == (joint != "left_ear")
            if epoch == 2 and joint != "left_ear":
                assert float(panel.alt.split(", ")[1].split()[0]) <= 3  # crop px: half a cell in x and y
            seen.add(panel.picture.value)
    assert len(seen) == 17 * 3
