"""hpe_lib: the shared code of the human pose estimation course, small enough to read in an afternoon."""

__version__ = "0.1.0"
