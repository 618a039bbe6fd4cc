"""What the commands ask of whoever names weights on the command line."""

from importlib import import_module

from hpe_lib.models.resnet import DEPTHS, parse_depth


def add_weights_options(parser, default):
    """What `load_model` asks for, on the command line: --weights (or `default`), --depth, --channels."""
    known = "a file, 'photos', 'tiny' (drawn people), or a published name (openmmlab/res50-256x192)"
    parser.add_argument("--weights", default=default, help=f"{known}; default: {default}")
    parser.add_argument(
        "--depth", type=parse_depth, choices=DEPTHS, help="of the network, for weight files that do not say it"
    )
    parser.add_argument("--module", type=import_module, help="import this first: it registers a network of your own")
    parser.add_argument(
        "--channels",
        choices=("auto", "rgb", "bgr"),
        default="auto",
        help="the order that the weights learnt (default: as file or published name say, else rgb)",
    )
