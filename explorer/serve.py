"""``python -P -m explorer app``: Streamlit's server with the app in it, which ends as the other commands do."""

import gc
import signal
from contextlib import suppress
from pathlib import Path


def main(arguments: list[str]) -> int:
    """Serve until a signal ends it, with `arguments` of ``streamlit run``; returns the exit code."""
    gc.disable()  # of what is imported nothing goes away; the app turns it on again
    import streamlit.delta_generator as drawing
    from streamlit.web import cli

    # At a process's first element Streamlit would ask whether it runs in a REPL, by `inspect.stack`, which looks up the
    # files of all modules that were ever imported. This marks that as done.
    drawing._use_warning_has_been_displayed = True
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(KeyboardInterrupt, cli.click.Abort):
        cli.main(["run", str(Path(__file__).with_name("app.py")), *arguments], standalone_mode=False)
    return 130  # nothing but a signal ends it, whether the server lets it through or not
