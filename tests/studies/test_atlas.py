"""The table that is handed over to other explorers of embeddings."""

import numpy as np
import pyarrow.parquet as pq
import pytest
from sklearn.neighbors import NearestNeighbors

from core.cli.runs import atlas
from core.errors import IsobarError
from core.geometry import neighbours_kept
from core.runs import load_run
from core.studies.atlas import NEIGHBOURS, atlas_table, command, write_atlas
from tests.explorer.synthetic import write_inspection, write_run


@pytest.fixture
def run(tmp_path):
    return load_run(write_run(tmp_path))


def test_a_row_is_an_example_with_its_place_text_label_vector_and_neighbours(run, tmp_path):
    assert write_atlas(run, tmp_path / "a.parquet") == 80
    found = pq.read_table(tmp_path / "a.parquet")
    frame, last = found.to_pandas(), run.snapshot(run.steps[-1])
    assert np.stack(frame["vector"]) == pytest.approx(last.embeddings)
    assert frame["text"].tolist() == run.probe["text"].astype(str).tolist()
    assert frame["label"].tolist() == run.probe["label_name"].tolist()
    assert frame["neighbours_kept"].to_numpy() == pytest.approx(
        neighbours_kept(run.before.embeddings, last.embeddings), abs=1e-6
    )
    judge = NearestNeighbors(n_neighbors=NEIGHBOURS + 1).fit(last.embeddings).kneighbors(last.embeddings)
    assert [row["ids"].tolist() for row in frame["neighbors"]] == judge[1][:, 1:].tolist()
    assert np.stack([row["distances"] for row in frame["neighbors"]]) == pytest.approx(judge[0][:, 1:], abs=1e-4)
    assert np.square(frame[["x", "y"]]).to_numpy().sum(1).mean() <= 1 + 1e-6
    assert {field.name: str(field.type.value_type) for field in found.schema.field("neighbors").type} == {
        "ids": "int64",
        "distances": "double",
    }


def test_an_inspection_has_one_side(tmp_path):
    table = atlas_table(load_run(write_inspection(tmp_path)))
    assert not [name for name in table.column_names if name.endswith("_before")]
    assert {"x", "y", "text", "label", "vector", "neighbors"} <= set(table.column_names)


@pytest.mark.slow
def test_places_by_umap(run):
    pytest.importorskip("umap")
    table = atlas_table(run, "umap").to_pandas()
    assert np.isfinite(table[["x", "y", "x_before", "y_before"]].to_numpy()).all()
    assert (table["x"] != atlas_table(run).to_pandas()["x"]).any()


def test_what_can_t_be_handed_over_is_said(run, tmp_path):
    with pytest.raises(IsobarError, match="axes or umap"):
        atlas_table(run, "tsne")
    with pytest.raises(IsobarError, match="can't be written"):
        write_atlas(run, tmp_path / "nowhere" / "a.parquet")
    for snapshot in (run.path / "snapshots").iterdir():
        snapshot.unlink()
    with pytest.raises(IsobarError, match="no snapshot"):
        atlas_table(load_run(run.path))


def test_the_command_says_how_to_open_it(run, tmp_path, capsys):
    out = tmp_path / "a.parquet"
    atlas(run.name, runs=run.path.parent, out=out)
    assert capsys.readouterr().out.endswith(f"\n{command(out)}\n")
    assert command(out) == f"embedding-atlas {out} --x x --y y --text text --neighbors neighbors"
    assert pq.read_metadata(out).num_rows == 80
