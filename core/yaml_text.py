"""YAML as it is read everywhere: data alone, and no more of it than its text holds."""

from typing import Any

import yaml

_MOST_BYTES, _MOST_VALUES = 4_000_000, 200_000
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def parsed(text: str | bytes) -> Any:
    """Return what the YAML `text` holds.

    An alias stands for all that its anchor holds, so that nine lines can spell a thousand million values, and a list itself:
    values are counted as they would be written out before any of them is made.

    Raises:
        ValueError: it is no YAML, or too large; the message is a clause for a sentence.
    """
    if len(text) > _MOST_BYTES:
        raise ValueError(f"it has {len(text):,} bytes, of which at most {_MOST_BYTES:,} are read")
    try:
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            if node is None:
                return None
            if _written_out(node, {}) > _MOST_VALUES:
                raise ValueError(f"its aliases spell more than {_MOST_VALUES:,} values; write out what is meant")
            return loader.construct_document(node)
        finally:
            loader.dispose()
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"it is not UTF-8 ({error.reason})") from error
    except (yaml.YAMLError, ValueError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError(" ".join(str(error).split()) or type(error).__name__) from error


def _written_out(node: yaml.Node, known: dict[int, float]) -> float:
    """Return how many values `node` holds once its aliases are written out; infinity where it holds itself."""
    if isinstance(node, yaml.ScalarNode):
        return 1
    if id(node) not in known:
        known[id(node)] = float("inf")  # until it is known: it is met again only within itself
        inside = [part for pair in node.value for part in pair] if isinstance(node, yaml.MappingNode) else node.value
        known[id(node)] = 1 + sum(_written_out(part, known) for part in inside)
    return known[id(node)]
