"""What the pages of studies share: which there are, how one that is under way stands, and how one begins."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

from core.errors import IsobarError
from core.file_version import file_version
from core.runs import Run, list_runs
from core.studies.study import StudySpec
from explorer import jobs
from explorer.panels import address, data, progress
from explorer.panels.words import moment, plain

SAMPLE = "sample-"  # begins the name of a study that ships with Isobar; its directory's name follows
_SHIPPED = Path(__file__).resolve().parents[2] / "assets" / "studies"


class Studies:
    """The studies of one kind: those in a folder within that of the runs, and those that ship with Isobar.

    Args:
        kind: "layers" or "landscape", as the command line calls it.
        folder: of :mod:`core.runs.layout`.
        file: what a study's findings are called.
        link: of their page.
    """

    def __init__(self, kind: str, folder: str, file: str, link: str):
        self.kind, self.folder, self.file, self.link = kind, folder, file, link

    def names(self) -> list[str]:
        """Return what studies are called, newest first, and the shipped ones last."""
        shipped = sorted(path.parent.name for path in (_SHIPPED / self.kind).glob(f"*/{self.file}"))
        return [run.name for run in list_runs(data.runs_dir() / self.folder)] + [SAMPLE + name for name in shipped]

    def find(self, name: str) -> Run:
        """Return the directory of the study `name`.

        Raises:
            IsobarError: there is none.
        """
        folder = _SHIPPED / self.kind if name.startswith(SAMPLE) else data.runs_dir() / self.folder
        own = name.removeprefix(SAMPLE)
        path = folder / own
        if not own or Path(own).name != own or own in (".", "..") or not path.is_dir():
            raise IsobarError(f"There is no study {name!r} in {data.runs_dir() / self.folder}.")
        return Run(path)

    def state(self, run: Run) -> str:
        """Return how a study stands; a shipped one has no status, since nobody runs it."""
        return "finished" if run.path.is_relative_to(_SHIPPED) else run.state

    def version(self, run: Run) -> tuple:
        """Return what changes whenever the study's findings do."""
        return file_version(run.path / self.file)

    def page(self, form: Callable[[], None], read: Callable[[Path], Any], show: Callable[[Run, Any], None]) -> None:
        """Draw the study that the address names or the newest one, whatever its state, or the form of a new one.

        Args:
            form: draws the form.
            read: returns what the study in a directory has found so far.
            show: draws that.
        """
        name = self.chosen()
        if name is None:
            form()
            return
        try:
            run = self.find(name)
            self.state_of(run)
            if (run.path / self.file).exists():
                show(run, read(run.path))
        except IsobarError as error:
            st.error(plain(error, 300), icon=":material/link_off:")

    def start(self, spec: StudySpec) -> None:
        """Start the study that `spec` describes, and show it."""
        try:
            path = jobs.study(self.kind, spec, data.runs_dir() / self.folder)
        except IsobarError as error:
            st.error(plain(error, 300), icon=":material/error:")
            return
        address.only(of=path.name)
        st.rerun()

    def chosen(self) -> str | None:
        """Draw the list of studies and return the name of the one that is shown; None where a new one is to be asked for."""
        names = self.names()
        asked = address.read("of", None)
        if address.read("new", None) is not None or (asked is None and not names):
            return None
        name = asked if asked is not None else names[0]
        if asked is None:
            address.write({"of": name})
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
            listed = names if name in names else [name, *names]
            picked = st.selectbox(
                "Study", listed, index=listed.index(name), format_func=called, key=f"study-{self.kind}-{name}"
            )
            st.page_link(
                self.link, label="New study", icon=":material/add:", query_params={"new": "1"}, width="content"
            )
        if picked != name:
            address.only(of=picked)
            st.rerun()
        return name

    def state_of(self, run: Run) -> None:
        """Say how far a study has come, or why it did not finish, and let it be stopped or gone on with."""
        state = self.state(run)
        if state in ("running", "queued"):
            _watch(self, run.name)
        elif state == "stopped":
            st.warning("Stopped; what had finished is kept.", icon=":material/stop_circle:")
        elif state != "finished":
            progress.failed(run)
        if state in ("stopped", "failed") and st.button(
            "Go on", icon=":material/play_arrow:", key=f"go-on-{self.kind}"
        ):
            jobs.go_on(self.kind, run)
            st.rerun()


def called(name: str) -> str:
    """Return what a person calls a study: its models and when it was begun."""
    if name.startswith(SAMPLE):
        return f"Sample: {name.removeprefix(SAMPLE)}"
    when = moment(name)
    return f"{(name.partition('_')[2] or name)[:60]} · {when}" if when else name


@st.fragment(run_every=1.0)
def _watch(studies: Studies, name: str) -> None:
    run = studies.find(name)
    if run.state not in ("running", "queued"):
        st.rerun()
    words = "Waiting for its turn" if run.state == "queued" else str(run.status.get("phase") or "about to start")
    with st.container(border=True):
        progress.show(run, *progress.counted(run, words), key=f"stop-{studies.kind}")
    st.caption("This goes on if the page is closed; its address shows what was found.")
