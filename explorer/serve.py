"""``python -P -m explorer app``: Streamlit's server with the app in it, which ends as the other commands do."""

import signal
from contextlib import suppress
from pathlib import Path


def main(arguments: list[str]) -> int:
    """Serve until a signal ends it, with `arguments` of ``streamlit run``; returns the exit code."""
    from streamlit.web import cli

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(KeyboardInterrupt, cli.click.Abort):
        cli.main(["run", str(Path(__file__).with_name("app.py")), *arguments], standalone_mode=False)
    return 130  # nothing but a signal ends it, whether the server lets it through or not
