"""``python -P -m explorer COMMAND``: what `isobar` starts in a process of its own, because core does not import the face."""

import logging
import sys
from importlib import import_module

from core.errors import IsobarError

_COMMANDS = {
    "app": "explorer.serve",
    "report": "explorer.report",
    "bench": "explorer.benchmark",
    "tradeoff": "explorer.tradeoff",
}


def main() -> int:
    """Run the command, and return its exit code."""
    name, *arguments = sys.argv[1:]
    if name != "app":
        logging.disable(logging.WARNING)  # Streamlit would complain that no app is running
    try:
        return import_module(_COMMANDS[name]).main(arguments)
    except IsobarError as error:
        print(f"isobar: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
