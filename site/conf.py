"""Sphinx's settings for the course on the web. `python tools/site.py` writes the pages that it reads, and calls it."""

import os
from pathlib import Path

HERE = Path(__file__).parent
REPOSITORY = os.environ["COURSE_REPOSITORY"]  # tools/site.py reads it in pyproject.toml, as tools/stamp.py does

project = "Human pose estimation by deep learning"
author = "the course's authors"
copyright = "the course's authors. Text and figures: CC BY 4.0, code: MIT"
language = "en"
extensions = ["myst_nb", "sphinx.ext.mathjax"]
source_suffix = {".md": "myst-nb", ".ipynb": "myst-nb"}

nb_execution_mode = "off"  # the saved outputs are shown
nb_ipywidgets_js = {}  # panels need a kernel: tools/site.py puts their saved pictures there
nb_merge_streams = True
myst_enable_extensions = ["dollarmath", "amsmath", "colon_fence", "attrs_block"]
myst_heading_anchors = 4
mathjax_path = "mathjax/tex-chtml.js"
mathjax3_config = {"options": {"enableMenu": False}}  # the menu would fetch more

html_theme = "sphinx_book_theme"
html_title = project
html_static_path = [str(HERE / "_static")]
html_favicon = str(HERE / "_static" / "favicon.svg")
html_context = {"default_mode": "auto"}
html_css_files = ["course.css"]
html_js_files = ["course.js"]
html_show_sphinx = False
html_copy_source = True
html_last_updated_fmt = None
html_theme_options = {
    "repository_url": REPOSITORY,
    "repository_branch": "main",
    "repository_provider": "github",
    "path_to_docs": "",
    "use_repository_button": True,
    "use_edit_page_button": True,
    "use_issues_button": False,
    "use_download_button": True,
    "use_fullscreen_button": False,
    "launch_buttons": {"colab_url": "https://colab.research.google.com"},
    "navbar_start": [],
    "navbar_center": [],
    "navbar_end": [],
    "navbar_persistent": [],
    "home_page_in_toc": True,
    "show_toc_level": 2,
    "show_navbar_depth": 1,
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
