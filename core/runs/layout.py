"""File names of a run directory, in one place for writer and reader."""

SPEC = "spec.yaml"
RECORD = "record.yaml"  # what was found of versions, machine, model and data; spec.yaml is what was asked for
STATUS = "status.json"
EVENTS = "events.jsonl"
SNAPSHOTS = "snapshots"
PROBE = "probe.parquet"
PREVIEWS = "previews"  # of images and sounds, a file for each row of the probe set
REPORT = "report.json"
LOG = "log.txt"
MODEL = "model"
INSPECTION = "inspection.json"  # of an inspection: what `isobar inspect --json` prints
NOTE = "note.json"  # what a person added: a name, tags, a text
LOCK = ".lock"  # held by the process that leads the run through its states
STOP = "stop"  # an empty file that asks the run to end; works across machines, unlike a signal

INSPECTIONS = ".inspections"  # in the folder of runs: directories of the same form that nothing was trained in
LAYERS, LANDSCAPES = ".layers", ".landscapes"  # likewise: studies
TRASH = ".trash"  # in each such folder: runs that were thrown away, until it is emptied

# Of each state, those that may follow it. A run that runs says in its phase what it is at: loading, training, saving, ...
STATES = {
    "queued": ("queued", "running", "stopped", "failed"),
    "running": ("running", "finished", "stopped", "failed"),
    "stopped": ("queued", "running"),
    "failed": ("queued", "running"),
    "finished": (),
}
ENDS = ("finished", "failed", "stopped")
HEARTBEAT_SECONDS = 2.0


def snapshot_name(step: int) -> str:
    """Return the file name of the snapshot taken after `step` optimizer steps."""
    return f"step_{step:06d}.safetensors"


def preview_name(row: int) -> str:
    """Return the name, without its suffix, of the file that shows row `row` of the probe set."""
    return f"row_{row:06d}"
