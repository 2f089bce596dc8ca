"""The way into Embedding Atlas, for clouds of more points than a page draws: its table to download, and itself where it is installed."""

from importlib.util import find_spec

import streamlit as st

from core.errors import IsobarError
from core.runs import Run
from core.studies.atlas import atlas_table, parquet
from explorer.panels import data
from explorer.panels.words import plain

LABEL = "Embedding Atlas, parquet"


def download(run: Run) -> None:
    """Draw the button that saves the run's table."""
    name = f"{data.name_of(run)}-atlas.parquet"
    st.download_button(
        LABEL,
        lambda: parquet(atlas_table(run)),
        name,
        "application/vnd.apache.parquet",
        on_click="ignore",
        disabled=not run.steps or data.probe(run).empty,
        width="stretch",
        help="Places, labels, vectors and neighbours; `isobar atlas` writes the same, and says the command that opens it.",
    )


def installed() -> bool:
    """Whether Embedding Atlas can be shown on the page."""
    return find_spec("embedding_atlas") is not None


def show(run: Run) -> None:
    """Draw Embedding Atlas with the run's table in it."""
    from embedding_atlas.streamlit import embedding_atlas

    try:
        table = atlas_table(run)
    except IsobarError as error:
        st.info(plain(error, 300), icon=":material/blur_off:")
        return
    embedding_atlas(
        table.drop_columns("vector").to_pandas(),
        text="text",
        x="x",
        y="y",
        neighbors="neighbors",
        show_table=True,
        key=f"atlas-{data.name_of(run)}",
    )
