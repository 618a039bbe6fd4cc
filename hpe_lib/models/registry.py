"""Networks by name: `build` makes one, a weight file says which one it holds, and a new network adds itself.

    @register("my_network")
    class MyNetwork(nn.Module): ...

What the rest of the course asks of a pose network:
- it takes normalised images (N, 3, H, W) and returns heatmaps (N, K, H / stride, W / stride); one that returns anything
  else has a method `heatmaps(images)` that does;
- it may have a method `imagenet()` that returns its state dict with ImageNet's weights, from a source of its own;
- `stride`, image px a heatmap cell; `input_wh`, (W, H) px of the crops that it is made for; `num_keypoints`.
"""

NETWORKS = {}  # name -> class or function that makes the network from options


def register(name):
    """Let `build(name, ...)` make what is decorated, a class or a function."""

    def add(make):
        NETWORKS[name] = make
        return make

    return add


def build(name, **options):
    """Build a network by its registered name, randomly started. ValueError for an unknown name or option.

    `network.name` and `network.options` say afterwards what it is; weight files keep both.
    """
    if name not in NETWORKS:
        raise ValueError(f"no network is called {name!r}: there are {', '.join(sorted(NETWORKS))}")
    try:
        network = NETWORKS[name](**options)
    except TypeError as error:
        raise ValueError(f"the network {name!r} cannot be built with {options}: {error}") from None
    network.name, network.options = name, options
    return network


def heatmaps_of(network, images):
    """The heatmaps (N, K, H / stride, W / stride) of normalised images (N, 3, H, W), whatever else it returns."""
    return getattr(network, "heatmaps", network)(images)
