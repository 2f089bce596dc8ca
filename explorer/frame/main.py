"""The navigation, and the frame around the page. A page more is a file in `pages` and a line here.

Addresses: each page has its path, and what it shows is in the query: ``/run?run=NAME&view=Barcodes&class=NAME``,
``/train?run=NAME``, ``/inspect?of=NAME``, ``/compare?runs=A,B,C``, ``/layers?of=NAME``,
``/landscape?of=NAME``. ``/?page=run&run=NAME`` leads to the same. ``/train`` and ``/inspect`` without a name are forms, whose
fields are in the address (``/train?task=paraphrase&seed=7``); of the others, a page that
is opened without a query shows what is newest, and puts that into its address. Of a run's views, ``axes``, ``colour`` and
``tree`` are Cloud's, ``step`` and ``tree`` Timeline's, ``about`` Anisotropy's, ``by`` that of the examples that moved.
"""

from pathlib import Path

import streamlit as st

from explorer.frame import runs_list, status_line
from explorer.panels import address, data

HERE = Path(__file__).resolve().parent
PAGES = HERE.parent / "pages"
ASSETS = HERE.parents[1] / "assets"


def _home() -> None:
    """Lead to the page that ``?page=`` names, or to the newest run."""
    query = st.query_params.to_dict()
    wanted = query.pop("page", "run")
    by_path = {page.url_path: page for page in pages}
    to = by_path.get(wanted, by_path["run"])
    if to is by_path["run"] and "run" not in query and (newest := data.newest()):
        query["run"] = newest
    st.switch_page(to, query_params=query)


pages = [
    st.Page(PAGES / "learn.py", title="Learn", url_path="learn", icon=":material/school:"),
    st.Page(PAGES / "inspect.py", title="Inspect", url_path="inspect", icon=":material/biotech:"),
    st.Page(PAGES / "train.py", title="Train", url_path="train", icon=":material/play_arrow:"),
    st.Page(PAGES / "run.py", title="Run", url_path="run", icon=":material/equalizer:"),
    st.Page(PAGES / "compare.py", title="Compare", url_path="compare", icon=":material/balance:"),
    st.Page(PAGES / "layers.py", title="Layers", url_path="layers", icon=":material/layers:"),
    st.Page(PAGES / "landscape.py", title="Landscape", url_path="landscape", icon=":material/landscape:"),
]
home = st.Page(_home, title="Isobar", default=True, visibility="hidden")

st.set_page_config(page_title="Isobar", page_icon=str(ASSETS / "icon.svg"), layout="wide")
st.logo(str(ASSETS / "logo.svg"), size="large", icon_image=str(ASSETS / "icon.svg"))
page = st.navigation([home, *pages], position="top")
if page is home:
    page.run()  # it leads elsewhere: nothing is drawn here
else:
    address.arrive(page.url_path)
    st.html(HERE / "frame.css")
    with st.sidebar:
        runs_list.show()
    status_line.show()
    page.run()
