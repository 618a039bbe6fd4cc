"""The widgets of the notebooks, one file a notebook. Each builder returns a `Live` panel."""

from hpe_lib.widgets.live import Live

__all__ = ["Live"]
