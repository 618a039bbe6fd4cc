"""The widgets of the notebooks, one file a notebook. Each builder returns a `Live` panel."""
