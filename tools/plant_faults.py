"""Plant one small fault after another in the files that are to be read, and report those that no test notices.

    python tools/plant_faults.py                            # all of them: hours
    python tools/plant_faults.py metrics.py heatmaps.py     # of some files
    python tools/plant_faults.py --share 0.1 --seed 1       # a tenth, by chance

Each fault (a sign, a comparison, a number, `and` for `or`, a call's argument left out, ...) goes into a copy of the
library, and the tests of its file run on the copy. A fault that changes no result (an equivalent one) is reported too:
look at each. Those known to change nothing stand in HARMLESS.
"""

import argparse
import ast
import gc
import multiprocessing
import os
import random
import re
import shutil
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from tqdm import tqdm

ROOT = Path(__file__).parents[1]
MAP = ast.get_docstring(ast.parse((ROOT / "hpe_lib" / "__init__.py").read_text("utf-8")), clean=False)
READ = re.findall(r"^ {4}[\d, ]{10}(\S+\.py) ", MAP, re.MULTILINE)
HEAVY = ["pytest", "torch", "torchvision", "pandas", "matplotlib.pyplot", "pycocotools.cocoeval", "nbformat"]
HEAVY += ["hypothesis.strategies", "_hypothesis_pytestplugin", "nbval.plugin", "anyio.pytest_plugin", "scipy.optimize"]
TESTS = {  # the tests that are asked, of each file; the quick ones first
    "skeleton.py": ("skeleton",),
    "data/coco.py": ("data", "bad_input"),
    "geometry.py": ("geometry",),
    "data/crops.py": ("data", "kept", "predict"),
    "data/augment.py": ("augment",),
    "data/dataset.py": ("data", "kept", "training_at_scale"),
    "heatmaps.py": ("heatmaps",),
    "models/resnet.py": ("models",),
    "models/simple_baseline.py": ("models",),
    "models/center_detector.py": ("detector",),
    "tracking.py": ("tracking",),
    "grouping.py": ("bottom_up",),
    "models/bottom_up.py": ("bottom_up",),
    "motion.py": ("motion",),
    "lifting.py": ("lifting",),
    "models/lifter.py": ("lifting",),
    "train/recipes.py": ("recipes", "train", "training_at_scale"),
    "models/hourglass.py": ("hourglass",),
    "models/vit.py": ("vit",),
    "train/losses.py": ("hourglass", "train", "new_network"),
    "train/trainer.py": ("train", "new_network", "training_at_scale"),
    "predict/poses.py": ("predict", "published"),
    "metrics.py": ("evaluate",),
    "evaluate/results.py": ("evaluate", "predict"),
}
OTHER = {  # an operator or comparison -> what is planted in its place
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult, ast.Mod: ast.Add,
    ast.Pow: ast.Mult, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.MatMult: ast.Mult,
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.And: ast.Or, ast.Or: ast.And,
}  # fmt: skip
HARMLESS = {  # file -> (part of the line, beginning of the fault) of those that change no result
    "data/augment.py": [('for name in ("rotation", "translate")', "exchange")],  # members of a set
    "data/crops.py": [('(image.format, image.mode) == ("JPEG", "RGB")', "")],  # Pillow reads the same pixels, slower
    "heatmaps.py": [
        (
            "torch.where(labelled[..., None]",
            "constant: 0.0",
        ),  # the place of a joint without a label, which weighs nothing
        ("target.shape[-2:]", "sign"),  # of four axes
        ('flat.device.type == "cpu"', "branch"),  # slower
        ("determinant > 1e-6", "comparison"),  # exactly 1e-6 is all the same
        ("determinant.where(is_top, 1)", "constant"),  # where the step is thrown away
        ("# any inner cell", "constant: 1"),
        ("inner = (scores > 0)", "comparison: scores > 0"),  # at 0 all logarithms are that of the limit: no step
        ("torch.as_tensor(FLIP_ORDER", "argument"),  # an index may lie on the processor
    ],
    "models/center_detector.py": [
        ("nn.ReLU(inplace=True)", "argument"),  # memory, the same numbers
        ("nn.ReLU(inplace=True)", "constant"),
        ("stage[-1].conv2.out_channels", "sign"),  # all blocks of a stage are as wide
        ("stage[-1].conv2.out_channels", "constant"),
    ],
    "tracking.py": [
        ("areas + np.zeros(other.shape[1])", "operator"),  # zeros, for the shape
        (".reshape(-1, 1)", "constant: 1 -> 2"),  # any negative number means the same
        ("np.array(similarity, dtype=float)", "argument"),  # similarities have a point
        ("= -1, -1  # both are taken", "constant: 1 -> 2"),  # below any threshold
        ("np.reshape(one, (-1, 1, 17, 3))", "constant: 1 -> 2"),  # any negative number means the same
        (".reshape(-1, 17, 3)", "constant: 1 -> 2"),
    ],
    "grouping.py": [
        ("k not in (11, 12)", "exchange: (11, 12)"),  # any of both
        ("device=", "argument"),  # only with an accelerator
        ("== min(count, width)", "branch"),  # slower
        ("functional.pad(maps, (1, 1, 1, 1))", "constant: 1"),  # one border more, right or below
        ("tags.shape[-2:]", "sign"),  # of four axes
        ("(left < least)", "comparison: left < least"),  # of equal ways any
        ("/ both.sum().clamp(min=1)", "constant: 1"),  # 0, or 2 and more
        ("match(np.where(scores > threshold, scores, 0))", "comparison"),  # the next line drops what is at it
        (".square() * inside).sum(dim=2) / count.clamp(min=1)", "constant: 1"),  # a joint alone has a spread of 0
        ("cost = -np.asarray(scores, dtype=np.float64)", "argument"),  # scores have a point
        ("len(found[a]) and len(found[b])", "operator"),  # nobody is matched with nobody
        ("one, other = people[start], people[end]", "exchange"),  # who takes in whom
        ("1e-6", "constant: 1e-06"),  # as long as cells are much larger
        ('kind="stable"', "argument"),  # of peaks of one height any comes first
        ("owner = np.full(width + 1, -1)", "constant: 1"),  # a place more, or another number below 0
    ],
    "lifting.py": [
        ("np.subtract(target, position, dtype=float)", "argument"),  # the cross product makes it one
        ("np.linalg.norm(right) > 1e-9", "comparison"),  # exactly 1e-9 is all the same
        ("1e-9 * max(1.0,", "operator: 1e-09"),
        ("1e-9 * max(1.0,", "constant: 1.0"),
        ("np.cross(forward, [0.0, 1.0, 0.0])", "constant: 1.0"),  # a direction
        ("shape = (-1, *([1]", "constant: 1"),  # any negative number means the same
        ("np.moveaxis(rows, (0, 1), (-3, -2))", "exchange"),  # the order of equations
        ("rng.normal(0, self.noise", "constant: 0"),  # `as_input` forgets the place
        ("pixels[..., 1:2] * third", "constant: 2"),  # there is no third column
        ("(s * sign).sum", "operator: s * sign"),  # by 1 or -1
        (".mean(axis=(-1, -2))", "exchange"),  # a mean over both
        ("(centred**2).sum(axis=(-1, -2)", "exchange"),  # a sum over both
        ("(u * sign[..., None, :])", "operator: u"),  # by 1 or -1
        ("@ (true - middle)", "operator: true"),  # `centred` adds up to 0
    ],
    "motion.py": [
        ("return first - middle, last - middle", "exchange"),  # an angle between two limbs, whichever is first
        ("one, two = (u * u)", "exchange"),
        ("one_euro(values, fps, cutoff, beta=0.0)", "argument"),  # beta is 0 anyway
        ("np.asarray(points, dtype=float)[..., :2]", "argument"),  # a mean has a point
    ],
    "models/bottom_up.py": [
        ("nn.ReLU(inplace=True)", "argument"),  # memory, the same numbers
        ("nn.ReLU(inplace=True)", "constant: True"),
        ("images.shape[-2] % 32", "sign: -2"),  # of four axes
    ],
    "data/dataset.py": [
        ("self.epoch = torch.zeros((), dtype=torch.int64)", "argument"),  # whole numbers, as many as epochs
        (".reshape(-1, 4)", "constant: 1"),
        (".reshape(-1, 17, 3)", "constant: 1"),
        (".reshape(-1, 2)", "constant: 1"),
    ],
    "train/losses.py": [
        ("memory_format=torch.channels_last", "argument"),  # faster, the same numbers
        (".shape[-2", "sign"),  # of four axes
    ],
    "train/trainer.py": [
        ('self.device.type == "cuda"', "branch"),  # speed
        ('self.device.type == "cuda"', "comparison"),
        ("cudnn.benchmark = True", "constant"),
        ("memory_format=torch.channels_last", "argument"),
        ('in ("cuda", "cpu") or None', ""),
        ("non_blocking=True", ""),
        ("set_to_none=True", ""),
        ("progress=True", "constant"),  # a bar
        ('desc=f"epoch', ""),
        ("if count % 20 == 0", ""),
        ("bar.set_postfix", ""),
        ("nullcontext() if number == len(parts)", ""),  # with several processes only: a slow test
        ("enumerate(parts, 1)", "constant"),
    ],
    "models/simple_baseline.py": [
        ("nn.ReLU(inplace=True)", "argument"),
        ("nn.ReLU(inplace=True)", "constant"),
    ],
    "data/coco.py": [
        ("dataclass(slots=True)", ""),  # memory
        ("masks=False", ""),  # memory
        ('for split in ("train", "val")', "exchange"),  # any of both
        ('annotation.get("area", 1)', "constant: 1"),  # any area
        ("dtype=np.float64", "argument"),  # the labels are numbers with a point, or all is compared as such
    ],
    "models/resnet.py": [
        ("nn.ReLU(inplace=True)", "argument"),  # memory, the same numbers
        ("nn.ReLU(inplace=True)", "constant"),
        (".mean(dim=(2, 3))", "exchange"),  # a mean over both
    ],
    "models/vit.py": [
        ('head not in ("deconvolution", "simple")', "exchange"),  # any of both
        ("keys.transpose(-2, -1)", "sign: -2"),  # of four axes
        ("images.shape[-2:]", "sign: -2"),  # of four axes
        ("padding=kernel // 2", "constant: 2"),  # of 1 and 3 a third is the same
        ("nn.ReLU(inplace=True)", "argument"),
        ("nn.ReLU(inplace=True)", "constant: True"),
    ],
    "train/recipes.py": [
        ('self.schedule not in ("steps", "cosine")', "exchange"),  # any of both
        ("side > 0", "constant: 0 -> 1"),  # of whole multiples of 32
    ],
    "models/hourglass.py": [
        ("nn.ReLU(inplace=True)", "argument"),
        ("nn.ReLU(inplace=True)", "constant"),
        ("images.shape[-2] % step", "sign"),  # of four axes
    ],
    "predict/poses.py": [
        ("memory_format=torch.channels_last", "argument"),  # faster, the same numbers
        ("np.reshape(matrices", "constant: 1"),  # any negative number means the same
        ("batch_size=64, workers=0, progress=False", "constant"),  # speed; a bar
        ("read=data.LastImage()", "argument"),  # speed
        ("num_workers=workers", "argument"),
        ('desc="predicting"', "argument"),
    ],
    "metrics.py": [
        ("+ np.spacing(1)", "operator: right + wrong"),  # 2e-16
        ("+ np.spacing(1)", "constant: 1"),
        ("np.asarray(area, dtype=np.float64)", "argument"),  # the sum makes it one
        ("[order, :, :2]", "constant: 2"),  # a third number is not looked at
        (".reshape(-1, 17, 3)", "constant: 1"),  # any negative number means the same
        ("np.zeros((len(ignore), 1)", "constant: 1"),  # one more column of nobody
        ("np.zeros_like(precision", "constant: 1"),  # or of precision 0
        ("np.where(wanted, likeness, -1)", "constant: 1"),  # below any similarity
    ],
}


def faults(source):
    """All faults of a program: (line, what, changed program), each of them one change."""
    tree = ast.parse(source)
    words = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}  # docstrings
    messages = {id(part) for node in ast.walk(tree) if isinstance(node, ast.Raise) for part in ast.walk(node)}
    for node in ast.walk(tree):
        if id(node) in words or id(node) in messages:
            continue
        for change, undo, what in changes(node):
            before = ast.unparse(node)
            change()
            yield node.lineno, f"{what}: {short(before)} -> {short(ast.unparse(node))}", ast.unparse(tree)
            undo()


def changes(node):
    """The faults of one node: (a function that plants it, one that takes it back, its kind)."""

    def put(name, value):
        old = getattr(node, name)
        return lambda: setattr(node, name, value), lambda: setattr(node, name, old)

    if isinstance(node, ast.BinOp | ast.BoolOp) and type(node.op) in OTHER:
        yield *put("op", OTHER[type(node.op)]()), "operator"
    if isinstance(node, ast.AugAssign) and type(node.op) in OTHER:
        yield *put("op", OTHER[type(node.op)]()), "operator"
    if isinstance(node, ast.Compare):
        for place, kind in enumerate(map(type, node.ops)):
            if kind in OTHER:
                yield *put("ops", [*node.ops[:place], OTHER[kind](), *node.ops[place + 1 :]]), "comparison"
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield *put("value", not node.value), "constant"
    elif isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        yield *put("value", node.value + 1 if isinstance(node.value, int) else 1.1 * node.value + 0.01), "constant"
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.Not | ast.Invert):
        kind = {ast.USub: ast.UAdd, ast.Not: None, ast.Invert: ast.UAdd}[type(node.op)]
        if kind:
            yield *put("op", kind()), "sign"
    if isinstance(node, ast.IfExp):
        yield *put("body", node.orelse), "branch"
    if isinstance(node, ast.If):
        yield *put("test", ast.Constant(False)), "branch"
    if isinstance(node, ast.Call) and node.keywords:
        yield *put("keywords", node.keywords[1:]), "argument"
    if (
        isinstance(node, ast.Tuple)
        and isinstance(node.ctx, ast.Load)
        and len(node.elts) == 2 == len({*map(ast.dump, node.elts)})
    ):
        yield *put("elts", node.elts[::-1]), "exchange"


def short(text):
    text = " ".join(text.split())
    return text if len(text) <= 60 else text[:57] + "..."


def harmless(file, line, what):
    text = (ROOT / "hpe_lib" / file).read_text("utf-8").splitlines()[line - 1]
    return any(part in text and what.startswith(kind) for part, kind in HARMLESS.get(file, ()))


def run_tests(folder, tests):
    """In a process of its own: end with 0 where all tests of the copy in a folder pass."""
    os.chdir(folder)
    sys.path.insert(0, str(folder))
    os.environ |= {"PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1"}
    sys.dont_write_bytecode = True
    import pytest

    gc.freeze()  # else pytest's collections at the end go through all that is imported
    command = [
        "-o",
        "addopts=",
        "-q",
        "-x",
        "-m",
        "not slow and not browser",
        "-p",
        "no:cacheprovider",
        "--assert=plain",
    ]
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        sys.exit(pytest.main([*command, *tests]))


def survives(file, changed, folder, processes, seconds=600):
    """Whether all tests of a file pass although the fault is in it. folder: a copy of the repository, for this one."""
    target = Path(folder) / "hpe_lib" / file
    good = target.read_text("utf-8")
    target.write_text(changed, "utf-8")
    process = processes.Process(target=run_tests, args=(folder, [f"tests/test_{name}.py" for name in TESTS[file]]))
    try:
        process.start()
        process.join(seconds)
        return process.exitcode == 0  # None in an endless loop, which is noticed
    finally:
        process.kill()
        target.write_text(good, "utf-8")


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", default=READ, help=f"of {', '.join(READ)}")
    parser.add_argument("--share", type=float, default=1.0, help="of the faults, by chance")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    options = parser.parse_args(arguments)
    planted = []
    for file in options.files:
        if file not in TESTS:
            sys.exit(f"{file}: choose among {', '.join(READ)}")
        planted += [(file, *fault) for fault in faults((ROOT / "hpe_lib" / file).read_text("utf-8"))]
    chance = random.Random(options.seed)
    planted = [fault for fault in planted if chance.random() < options.share]
    processes = multiprocessing.get_context("forkserver")  # what is slow to import is imported once
    processes.set_forkserver_preload(HEAVY)
    with tempfile.TemporaryDirectory() as made, ThreadPoolExecutor(options.processes) as pool:
        free = []
        for number in range(options.processes):
            free.append(Path(made) / str(number))
            for name in ("hpe_lib", "tests", "notebooks", "tools", "pyproject.toml", "requirements.txt", "README.md"):
                copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copyfile
                free[-1].mkdir(exist_ok=True)
                copy(ROOT / name, free[-1] / name)

        limits = {}
        for file in dict.fromkeys(fault[0] for fault in planted):
            began = time.monotonic()
            if not survives(file, (ROOT / "hpe_lib" / file).read_text("utf-8"), free[0], processes):
                sys.exit(f"{file}: its tests fail without any fault; mend that first")
            limits[file] = 20 + 3 * (time.monotonic() - began)  # an endless loop is not waited for

        def judge(fault):
            folder = free.pop()
            try:
                return survives(fault[0], fault[3], folder, processes, limits[fault[0]])
            finally:
                free.append(folder)

        left = 0
        for fault, lives in zip(planted, tqdm(pool.map(judge, planted), total=len(planted), unit="fault")):
            if lives and not harmless(*fault[:3]):
                left += 1
                tqdm.write(f"{fault[0]}:{fault[1]} {fault[2]}")
    print(f"{len(planted)} faults planted, {len(planted) - left} noticed, {left} not")
    sys.exit(left > 0)


if __name__ == "__main__":
    main()
