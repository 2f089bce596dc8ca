"""What the pages of studies share: which there are, how one that is under way stands, and how one begins."""

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from core.errors import IsobarError
from core.file_version import file_version
from core.runs import Run, layout, list_runs
from core.runs.names import new_directory
from explorer import jobs
from explorer.panels import data
from explorer.panels.words import moment, plain

SAMPLE = "sample"
_SHIPPED = Path(__file__).resolve().parents[2] / "assets" / "studies"


class Studies:
    """The studies of one kind, in a folder within that of the runs, and the one that ships with Isobar.

    Args:
        kind: "layers" or "landscape", as the command line calls it.
        folder: of :mod:`core.runs.layout`.
        file: what a study's findings are called.
        link: of their page.
    """

    def __init__(self, kind: str, folder: str, file: str, link: str):
        self.kind, self.folder, self.file, self.link = kind, folder, file, link

    def names(self) -> list[str]:
        """Return what studies are called, newest first, and the shipped one last."""
        found = [run.name for run in list_runs(data.runs_dir() / self.folder)]
        return found + [SAMPLE] * (_SHIPPED / self.kind / self.file).exists()

    def find(self, name: str) -> Run:
        """Return the directory of the study `name`.

        Raises:
            IsobarError: there is none.
        """
        if name == SAMPLE and (_SHIPPED / self.kind).is_dir():
            return Run(_SHIPPED / self.kind)
        path = data.runs_dir() / self.folder / name
        if not name or Path(name).name != name or name in (".", "..") or not path.is_dir():
            raise IsobarError(f"There is no study {name!r} in {data.runs_dir() / self.folder}.")
        return Run(path)

    def state(self, run: Run) -> str:
        """Return how a study stands; the shipped one has no status, since nobody runs it."""
        return "finished" if run.path.is_relative_to(_SHIPPED) else run.state

    def version(self, run: Run) -> tuple:
        """Return what changes whenever the study's findings do."""
        return file_version(run.path / self.file)

    def start(self, spec, like: Run | None = None) -> None:
        """Start the study that `spec` describes, or go on with `like`, and show it."""
        path = like.path if like is not None else new_directory(data.runs_dir() / self.folder, spec.name)
        jobs.study(self.kind, spec.model_dump(mode="json"), path)
        st.query_params.from_dict({"of": path.name})

    def chosen(self) -> str | None:
        """Draw the list of studies and return the name of the one that is shown; None where a new one is to be asked for."""
        names = self.names()
        asked = st.query_params.get("of")
        if "new" in st.query_params or (asked is None and not names):
            return None
        name = asked if asked is not None else names[0]
        if asked is None:
            st.query_params["of"] = name
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
            listed = names if name in names else [name, *names]
            picked = st.selectbox(
                "Study", listed, index=listed.index(name), format_func=called, key=f"study-{self.kind}-{name}"
            )
            st.page_link(
                self.link, label="New study", icon=":material/add:", query_params={"new": "1"}, width="content"
            )
        if picked != name:
            st.query_params.from_dict({"of": picked})
            st.rerun()
        return name

    def under_way(self, run: Run) -> None:
        """Say how far a study has come, with a stop button; once it ends, the page is drawn anew."""
        _watch(self, run.name)

    def ended(self, run: Run, parse: Callable) -> None:
        """Say why a study did not finish, and let it go on."""
        state = self.state(run)
        if state in ("running", "queued"):
            self.under_way(run)
        elif state == "stopped":
            st.warning("Stopped; what had finished is kept.", icon=":material/stop_circle:")
        elif state != "finished":
            st.error(plain(run.status.get("error") or "It left no word why it failed.", 500), icon=":material/error:")
            if log := run.log(4000).strip():
                with st.expander("Log"):
                    st.code(log, language=None, height=300)
        if state in ("stopped", "failed") and st.button(
            "Go on", icon=":material/play_arrow:", key=f"go-on-{self.kind}"
        ):
            try:
                self.start(parse({k: v for k, v in run.spec.items() if k != "format"}), run)
                st.rerun()
            except IsobarError as error:
                st.error(plain(error, 300), icon=":material/error:")


def called(name: str) -> str:
    """Return what a person calls a study: its models and when it was begun."""
    if name == SAMPLE:
        return "Sample, shipped with Isobar"
    when = moment(name)
    return f"{plain(name.partition('_')[2] or name, 60)} · {when}" if when else name


@st.fragment(run_every=1.0)
def _watch(studies: Studies, name: str) -> None:
    run = studies.find(name)
    if run.state not in ("running", "queued"):
        st.rerun()
    status = run.status
    done, total = status.get("done") or 0, status.get("total") or 0
    words = "Waiting for its turn" if run.state == "queued" else str(status.get("phase") or "about to start")
    if total > 1:
        words += f", {done:,} of {total:,}"
    with st.container(border=True), st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        st.progress(min(done / total, 1.0) if total > 1 else 0.0, text=plain(words[:1].upper() + words[1:], 120))
        asked = (run.path / layout.STOP).exists()
        st.button(
            "Stopping…" if asked else "Stop",
            key=f"stop-{studies.kind}",
            on_click=jobs.stop,
            args=[run],
            disabled=asked,
            icon=":material/stop:",
        )
    st.caption("This goes on if the page is closed; its address shows what was found.")
