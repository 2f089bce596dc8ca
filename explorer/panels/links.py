"""Where the pages are, for links to them."""

from pathlib import Path

_PAGES = Path(__file__).resolve().parents[1] / "pages"
INSPECT = str(_PAGES / "inspect.py")
RUN = str(_PAGES / "run.py")
TRAIN = str(_PAGES / "train.py")
