"""Whether the model and data hub answers, asked once and quickly: its client would retry for half a minute first."""

import os
import socket
from functools import cache
from urllib.parse import urlsplit
from urllib.request import getproxies


@cache
def hub_reachable(timeout: float = 3.0) -> bool:
    """Return whether a connection to the Hub's host can be opened within `timeout` seconds.

    Behind a proxy a direct connection says nothing, so the answer is yes and the client finds out.
    """
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "TRUE", "YES", "ON"):
        return False
    if {"https", "all"} & set(getproxies()):
        return True
    endpoint = urlsplit(os.environ.get("HF_ENDPOINT") or "https://huggingface.co")
    try:
        address = (endpoint.hostname or "huggingface.co", endpoint.port or (80 if endpoint.scheme == "http" else 443))
        with socket.create_connection(address, timeout=timeout):
            return True
    except OSError:
        return False
