"""hpe_lib: what the notebooks build, ready for use. This page is the map.

To read, about 2,400 lines: short files with formula, shapes, units and source, each after its notebook.

    after     read
    00, 01    skeleton.py                what a COCO person is: keypoints, limbs, mirror pairs
              data/coco.py               a folder in COCO's layout, and its people
    02        geometry.py                box, frame, crop: 2 x 3 matrices, and back
              data/crops.py              read an image, cut a person out, normalise
              data/augment.py            random changes while training
              data/dataset.py            one item a person: what the network sees
              heatmaps.py                Gaussian targets, the loss, decoding (06), the flip test (06), PCK (05)
    03        models/resnet.py           residual blocks, ResNet
    04        models/simple_baseline.py  the deconvolution head
    05        train/recipes.py           everything that decides a run
              train/losses.py            what training makes small
              train/trainer.py           the step, the epoch, the run
    06        predict/poses.py           an image in, poses out
    07        metrics.py                 OKS, removing duplicates, AP and AR
              evaluate/results.py        poses become COCO results, and ten numbers
    08        models/hourglass.py        stacked hourglasses: down and up again, with heatmaps after each
    09        models/vit.py              ViTPose: patches, attention, blocks, heatmaps
    10        models/center_detector.py  people as points: a heatmap of their centres, their sizes
              tracking.py                people from frame to frame: OKS, velocity, identities, MOTA
    11        grouping.py                fields, tags, matching: from joints to people
              models/bottom_up.py        a network with heatmaps, fields and tags
    12        lifting.py                 cameras, triangulation, the measures of a pose in space
              models/lifter.py           from 2-D joints to joints in space, without any image
    13        motion.py                  joints over time: angles, smoothing, counting

To trust unread: machine.py (device, cache folder, whole files), plots.py, synthetic/ (the drawn people), photographs/,
weights/, and what stands beside the files above: data/ (annotations, files, warp, kept, boxes, pictures, download),
models/ (registry, weights, published, options, efficientnet), train/ (batches, precision, checkpoint, parallel,
validation, settings, rates, center_loss), predict/ (detect, overlap, everybody, upright, video, export), evaluate/
(groups, table, boxes), and four commands: `python -m hpe_lib.data`, `.train`, `.predict`, `.evaluate`.

For the notebooks alone: course/ (checks of exercises, widgets, diagrams), named as the notebooks are; nothing else
imports it.

Imports run one way: skeleton and geometry know nobody, heatmaps knows no data, models know neither data nor training.
Data flows: folder -> person -> crop -> heatmaps -> network -> heatmaps -> points -> results -> AP.
"""

__version__ = "0.2.0"
