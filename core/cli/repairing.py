"""`isobar repair`."""

from pathlib import Path
from typing import Annotated

import typer

from core.cli.options import Json
from core.cli.output import check_place, print_rows, quiet, writing
from core.cli.progress import progress_bar
from core.errors import IsobarError
from core.json_text import json_text

commands = typer.Typer()
_WRITTEN = (".npy", ".csv", ".parquet", ".safetensors")


@commands.command()
def repair(
    what: Annotated[str, typer.Argument(help="A file of embeddings, or a checkpoint: built-in name or local folder.")],
    out: Annotated[
        Path,
        typer.Option(
            help=f"A new file ({', '.join(_WRITTEN)}), or of a checkpoint a new folder, which sentence-transformers loads."
        ),
    ],
    by: Annotated[
        str,
        typer.Option(
            help="center: the mean is taken off; all-but-the-top: the first few principal directions too (Mu, Viswanath, 2018); "
            "whitening: the mean is, and every principal direction is scaled to variance 1 (Su et al., 2021)."
        ),
    ] = "center",
    top: Annotated[
        int | None, typer.Option(help="Of all-but-the-top, how many directions. [default: d / 100]", show_default=False)
    ] = None,
    keep: Annotated[
        int | None, typer.Option(help="Of whitening, how many dimensions. [default: all that vary]", show_default=False)
    ] = None,
    column: Annotated[str | None, typer.Option(help="Of a file: which column or array the embeddings are.")] = None,
    task: Annotated[str, typer.Option(help="Of a checkpoint: the texts that the repair is fitted on.")] = "grammar",
    pooling: Annotated[
        str, typer.Option(help="Of a checkpoint that declares no embedding: auto, cls, mean or last.")
    ] = "auto",
    per_class: Annotated[int, typer.Option(min=4, help="Of a checkpoint: texts a class.")] = 1_000,
    as_json: Json = False,
) -> None:
    """Take off what all embeddings of a model share, without training: every main measure before and after."""
    from core.geometry import measure
    from core.geometry.files import read_embeddings
    from core.geometry.repair import repair as fitted

    if out.exists():
        raise IsobarError(f"{out} is there already; choose another place.")
    check_place(out)
    is_model = not Path(what).is_file()
    if is_model:
        from core.models.repaired import folder_of, write_repaired
        from core.training.inspection import inspect_checkpoint
        from core.training.spec import RunSpec

        folder_of(what, pooling)  # which says what can't be done before the texts are embedded
        spec = RunSpec.parse({"pooling": pooling, "probe_per_class": per_class}, "the options")
        with quiet(as_json) as console, progress_bar(console) as progress:
            found = inspect_checkpoint(what, task, spec=spec, progress=progress)
        x, read = found.embeddings, f"{what}, {len(found.embeddings):,} examples of {found.task}."
        made = fitted(x, by, top=top, keep=keep)
        # A checkpoint's own embedding has modules behind its pooling, and is no pooling that could be declared.
        fitted_on = None if "sentence" in found.record else found.record["pooling"]
        write_repaired(what, fitted_on, x.shape[1], made, out)
    else:
        stored = read_embeddings(Path(what), None, column)
        x, read = stored.embeddings, stored.read
        made = fitted(x, by, top=top, keep=keep)
        with writing(out) as file:
            _write(file, out, made(x))
    before, after = measure(x, "main"), measure(made(x), "main")
    rows = [{"measure": name, "before": round(before[name], 4), "after": round(after[name], 4)} for name in before]
    if as_json:
        print(json_text({"read": read, "about": made.about, "measures": rows}))
        return
    print_rows(rows, None, False)
    print(f"{made.about} {read} Written: {out}")


def _write(file: Path, out: Path, x) -> None:
    """Write embeddings into `file` in the form that the name `out` tells."""
    import numpy as np

    x = x.astype(np.float32)
    if out.suffix == ".npy":
        with file.open("wb") as opened:  # to another name NumPy would add its own end
            np.save(opened, x)
    elif out.suffix == ".safetensors":
        from safetensors.numpy import save

        file.write_bytes(save({"embeddings": x}))
    elif out.suffix in (".csv", ".parquet"):
        import pandas as pd

        frame = pd.DataFrame(x, columns=[f"x{k}" for k in range(x.shape[1])])
        frame.to_csv(file, index=False) if out.suffix == ".csv" else frame.to_parquet(file, index=False)
    else:
        raise IsobarError(f"The file {out} is none of {', '.join(_WRITTEN)}, as which embeddings are written.")
