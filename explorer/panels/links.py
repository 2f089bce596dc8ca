"""Where the pages are, for links to them."""

from pathlib import Path

_PAGES = Path(__file__).resolve().parents[1] / "pages"
INSPECT = str(_PAGES / "inspect.py")
RUN = str(_PAGES / "run.py")
LAYERS = str(_PAGES / "layers.py")
LANDSCAPE = str(_PAGES / "landscape.py")
TRAIN = str(_PAGES / "train.py")
