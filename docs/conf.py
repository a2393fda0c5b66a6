"""Sphinx: `pip install sphinx furo myst-parser`, then `sphinx-build docs docs/_build`."""

from netsurf import __version__

project = "NetSurf"
author = "The NetSurf developers"
release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]
html_theme = "furo"
