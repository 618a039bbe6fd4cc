"""A photograph, a folder of them or a film in, poses out: `python -m hpe_lib.predict photo.jpg` needs nothing else."""

import argparse
import io
import json
import os
import sys
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from hpe_lib import plots
from hpe_lib.machine import best_device, keep_freed_memory, number_option, run_command, write_atomically
from hpe_lib.models import add_weights_options, load_model
from hpe_lib.predict import video
from hpe_lib.predict.detect import detect_people
from hpe_lib.predict.export import export_onnx
from hpe_lib.predict.poses import find_poses
from hpe_lib.predict.upright import read_upright

LARGEST = 2000  # px: the longer side of what is drawn


def parse_box(text):
    """'x,y,width,height' -> four floats."""
    try:
        x, y, width, height = map(float, text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"a box is x,y,width,height in px, got {text!r}") from None
    if not np.isfinite([x, y, width, height]).all() or width <= 0 or height <= 0:
        raise argparse.ArgumentTypeError(f"a box has a positive width and height in px, got {text!r}")
    return x, y, width, height


def drawing_file(file):
    """The file of a drawing; ValueError where its suffix names no kind of image that can be drawn."""
    kinds = plots.plt.gcf().canvas.get_supported_filetypes()
    plots.plt.close()
    if file.suffix[1:].lower() not in kinds:
        raise ValueError(f"{file}: a drawing's name ends in .png, .jpg, .pdf or .svg, so that its kind is known")
    return file


def entry(image_id, pose, score, **more):
    """One pose (17, 3) as a result in COCO's format, with what it does not know (file, track) as further fields."""
    keypoints = [round(float(number), 3) for number in pose.ravel()]
    result = {"image_id": image_id, "category_id": 1, "keypoints": keypoints, "score": round(float(score), 4)}
    return result | more


def write_results(results, file):
    text = json.dumps(results, allow_nan=False)
    write_atomically(lambda opened: opened.write(text.encode()), file)


def draw(image, poses, out, threshold):
    """Write the drawing of poses (P, 17, 3) on an image; where several people are, one colour each."""
    step = max(1, -(-max(image.shape) // LARGEST))
    scaled = np.array(poses).reshape(-1, 17, 3) / [step, step, 1]
    colors = [plots.person_color(number) for number in range(len(poses))] if len(poses) > 1 else None
    figure = plots.show_poses(image[::step, ::step], scaled, threshold=threshold, colors=colors)
    drawing = io.BytesIO()
    figure.savefig(drawing, format=out.suffix[1:], dpi=150, bbox_inches="tight")
    plots.plt.close(figure)
    write_atomically(lambda file: file.write(drawing.getbuffer()), out)


def on_photo(file, out, model, detect, threshold, image_id):
    """Find, draw, and return the results of one photograph."""
    image = read_upright(file)
    poses, scores = find_poses(model, image, detect)
    draw(image, poses, out, threshold)
    if not len(poses):
        print(f"no person found in {file}: lower --detect-threshold, or name a box (--box x,y,width,height)")
    else:
        print(f"{len(poses)} {'person' if len(poses) == 1 else 'people'} drawn in {out}")
    return [entry(image_id, pose, score, file_name=Path(file).name) for pose, score in zip(poses, scores)]


def on_folder(folder, out, model, detect, threshold, results):
    """Every picture of a folder, in the order of names; other files are named and left alone."""
    kinds = set(Image.registered_extensions())
    files = sorted(file for file in folder.iterdir() if file.is_file() and not file.name.startswith("."))
    pictures = [file for file in files if file.suffix.lower() in kinds]
    if others := [file.name for file in files if file.suffix.lower() not in kinds]:
        print(f"no pictures, left out: {', '.join(others[:5])}{', ...' if len(others) > 5 else ''}")
    if not pictures:
        raise ValueError(f"{folder} holds no pictures: name a photograph, a film, or a folder of photographs")
    done = 0
    for number, file in enumerate(pictures, 1):
        image_id = int(file.stem) if file.stem.isdecimal() else number
        try:
            results += on_photo(file, out / f"{file.name}-poses.png", model, detect, threshold, image_id)
            done += 1
        except ValueError as error:  # this one cannot be read: go on with the others
            print(f"left out: {error}", file=sys.stderr)
    print(f"{done} of {len(pictures)} pictures drawn in {out}")


def on_film(file, out, model, detect, threshold, every, results):
    """Follow people through a film; after any stop, what was drawn until then is kept."""
    film, stages, people = video.Film(file), video.Stages(), set()
    writer, done = video.FilmWriter(out, film.fps), 0
    try:
        with writer, tqdm(total=film.count or None, desc="frames", unit="frame") as bar:
            images = []

            def passing():
                for image in stages.each(film, "reading"):
                    images[:] = [image]
                    yield image

            followed = video.follow(passing(), model, detect, film.fps, every, stages=stages)
            for poses, scores, identities in followed:
                with stages("drawing"):
                    colors = [plots.person_color(identity - 1) for identity in identities]
                    drawing = plots.paint_poses(images[0], poses, colors, threshold)
                with stages("writing"):
                    writer.write(drawing)
                for pose, score, identity in zip(poses, scores, identities.tolist()):
                    results.append(entry(done, pose, score, track_id=identity))
                people |= set(identities.tolist())
                done += 1
                bar.update()
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"the first {writer.written} frames are in {out}") from None
    finally:
        film.close()
    if film.damage:
        print(f"stopped early, since behind frame {done - 1} {film.damage}", file=sys.stderr)
    seconds = sum(stages.clock.values())
    print(f"{len(people)} {'person' if len(people) == 1 else 'people'} followed through {done} frames in {out}")
    print(f"{done / seconds:.1f} frames/s ({stages}); film: {film.fps:.3g} frames/s, codec: {writer.codec}")


def default_out(source):
    if source.is_dir():
        return source.with_name(f"{source.name}-poses")
    return source.with_name(f"{source.stem}-poses{'.mp4' if is_film(source) else '.png'}")


def is_film(file):
    return file.suffix.lower() in video.SUFFIXES


def parser():
    made = argparse.ArgumentParser(prog="python -m hpe_lib.predict", description=__doc__)
    made.add_argument("source", type=Path, nargs="?", help="a photograph, a folder of photographs, or a film")
    add_weights_options(made, default="photos")
    made.add_argument("--out", type=Path, help="where the drawing, folder or film goes (default: SOURCE-poses)")
    made.add_argument("--json", type=Path, help="also write the keypoints here, in COCO's result format")
    made.add_argument(
        "--threshold", type=number_option(float, 0, 1), default=0.2, help="joints of a lower score are not drawn (0.2)"
    )
    made.add_argument(
        "--detect",
        nargs="?",
        const="fasterrcnn",
        default="ours",
        choices=("ours", "fasterrcnn"),
        help="who finds the people: our detector, or torchvision's, which is downloaded; default: ours",
    )
    made.add_argument(
        "--detect-threshold", type=number_option(float, 0, 1), help="people of a lower score are left out"
    )
    made.add_argument(
        "--box", type=parse_box, action="append", help="x,y,width,height in px round a person; may repeat"
    )
    made.add_argument(
        "--every", type=number_option(int, 1), default=5, help="in films, look for people in every so many frames (5)"
    )
    made.add_argument("--export", type=Path, metavar="FILE.onnx", help="write the network as ONNX, and do nothing else")
    return made


def main(arguments=None):
    asked = parser()
    args = asked.parse_args(arguments)
    keep_freed_memory()
    if args.export:
        model = load_model(args.weights, args.depth, args.channels)
        export_onnx(model, args.export)
        width, height = model.input_wh
        print(f"{args.export}: images (N, 3, {height}, {width}) -> heatmaps, {args.export.stat().st_size / 1e6:.1f} MB")
        return
    if args.source is None:
        asked.error("name a photograph, a folder of photographs, or a film")
    source, out = args.source, args.out or default_out(args.source)
    check_places(source, out, args.json)
    if args.box and (source.is_dir() or is_film(source)):
        raise ValueError("--box names people in one photograph: leave it out for a folder or a film")
    detect = partial(detect_people, threshold=args.detect_threshold, detector=args.detect)
    if args.box:
        boxes = np.array(args.box)
        detect = lambda image: (boxes, np.ones(len(boxes)))  # noqa: E731
    if not source.is_dir() and not is_film(source):
        read_upright(source)  # what cannot be read is said before anything is loaded
    model = load_model(args.weights, args.depth, args.channels).to(best_device())
    results = []
    try:
        if source.is_dir():
            on_folder(source, out, model, detect, args.threshold, results)
        elif is_film(source):
            on_film(source, out, model, detect, args.threshold, args.every, results)
        else:
            number = int(source.stem) if source.stem.isdecimal() else 1
            results += on_photo(source, out, model, detect, args.threshold, number)
        finished = True
    except BaseException:
        finished = False
        raise
    finally:
        if args.json and (finished or results):  # after a stop, too
            write_results(results, args.json)


def check_places(source, out, results):
    """ValueError where the results would be written over what they come from, or could not be written."""
    for file in filter(None, (out, results)):
        if file.exists() and source.exists() and file.samefile(source):
            kind = "folder" if source.is_dir() else "film" if is_film(source) else "photograph"
            raise ValueError(f"{file} is the {kind} itself: name another file, it would be lost")
    if source.is_dir():
        if out.is_file():
            raise ValueError(f"{out} is a file: name a folder for the drawings of a folder")
        if not os.access(source, os.R_OK):
            raise ValueError(f"{source} may not be read by you")
    elif is_film(source):
        if out.suffix.lower() not in video.CONTAINERS:
            raise ValueError(f"{out}: a film's name ends in {', '.join(video.CONTAINERS)}, so that its kind is known")
    else:
        drawing_file(out)


if __name__ == "__main__":
    run_command(main)
