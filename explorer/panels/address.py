"""The address is the state: what a widget shows is read from it, and what a person chooses is written into it at once.

So a link, a step back, a reload and a copied address all show the same. Streamlit binds widgets to the address as well
(``bind="query-params"``), but a widget that is bound keeps its value where a link has none, and those that one button sets
are as many steps back. What is one step is decided in the browser: see `explorer/frame/steps.js`.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

# In the session: which page is shown, the addresses of all as they were left, how often a widget was made anew, what it was
# last drawn with, and what the browser was told, with the addresses that it may say until it has heard it.
_PAGE, _LEFT, _TURNS, _DRAWN, _TOLD = "address:page", "address:left", "address:turns", "address:drawn", "address:told"
_UNHEARD = 3  # such addresses
_HELD = {
    "selectbox": lambda value, options: {"index": None if value is None else list(options).index(value)},
    "segmented_control": lambda value, _: {"default": value},
    "pills": lambda value, _: {"default": value},
    "multiselect": lambda value, _: {"default": value},
}
_NOTHING = "~"  # what stands for an empty word in a list
_TRUTH = {"true": True, "1": True, "false": False, "0": False}


def arrive(page: str) -> None:
    """Begin to draw `page`: where its address says nothing, as it was left.

    A link within a page changes what is drawn, but not what the browser shows as the address: that is told here.
    """
    came_from, query = st.session_state.get(_PAGE), st.query_params.to_dict()
    if not query and came_from not in (None, page):
        query = st.session_state[_LEFT].get(page, {})
    st.session_state[_PAGE] = page
    context = get_script_run_ctx()
    if context is not None and context.is_history_navigation:
        st.session_state[_DRAWN] = {}  # a step back takes choices back
    if query != _told()[0]:
        st.session_state[_TOLD] = (query, [])  # a person has gone somewhere else
    _tell(query)


def write(changed: Mapping[str, str | None]) -> None:
    """Change these parts of the address; None takes one away."""
    query = {**_heard(), **changed}
    _tell({key: text for key, text in query.items() if text is not None})


def catch_up() -> None:
    """Go by the address that the browser was told: what is done when a button is pressed whose act goes by the address.

    Somebody who chooses and presses at once is faster than the browser, which then still says the address of before.
    """
    _tell(_heard())


def only(**query: str) -> None:
    """Make these all that the address says."""
    _tell(query)


def put(values: Mapping[str, Any], defaults: Mapping[str, Any]) -> None:
    """Write `values` into the address; it does not say what is as in `defaults`."""
    write({at: None if value == defaults[at] else text_of(value) for at, value in values.items()})


def read(
    at: str,
    default: Any,
    options: Sequence | None = None,
    *,
    format_func: Callable[[Any], str] = str,
    new: bool = False,
    low: float | None = None,
    high: float | None = None,
) -> Any:
    """Return what the address says under the name `at`; `default` where it says nothing, or nothing that could be chosen.

    It is the address that the browser was told: what draws a part of a page anew may be asked for by a timer that went off
    before the browser had heard it, and what was just chosen would be taken back.

    Args:
        at: the name.
        default: of the type that is returned; None stands for a text that isn't there.
        options: what may be chosen, if not all of that type; the address may call an option as `format_func` does.
        format_func: what an option is called.
        new: whether other texts may be chosen as well.
        low: the least number.
        high: the greatest.
    """
    text = _heard().get(at)
    if text is None:
        return default
    if options is not None:
        named = {format_func(option): option for option in options} | {str(option): option for option in options}
        if isinstance(default, list):
            parts = parts_of(text)
            return [named.get(part, part) for part in parts if part in named or new]
        return named.get(text, text if new and text else default)
    if isinstance(default, bool):
        return _TRUTH.get(text.lower(), default)
    if isinstance(default, int | float):
        try:
            value = type(default)(text)
        except ValueError:
            return default
        inside = (low is None or value >= low) and (high is None or value <= high)
        return value if math.isfinite(value) and inside else default
    return text


def widget(
    draw: Callable,
    label: str,
    options: Sequence | None = None,
    *,
    key: str,
    default: Any,
    at: str = "",
    then: Callable[[], None] | None = None,
    always: bool = False,
    **about,
) -> Any:
    """Draw a widget whose value is what the address says, and return that value.

    Args:
        draw: such as `st.selectbox`.
        label: its label.
        options: of which one, or where `default` is a list several, are chosen.
        key: the widget's own name; `own_value` returns what it holds.
        default: its value where the address says nothing, or nonsense.
        at: its name in the address; `key` by default.
        then: what is done after a choice.
        always: whether a choice is in the address even where it is the default, which may be another one next time.
        about: more arguments of `draw`; an ``on_change`` among them writes the address itself.
    """
    at = at or key
    limits = {"low": about.get("min_value"), "high": about.get("max_value")} if options is None else {}
    named = {"format_func": about["format_func"]} if "format_func" in about else {}
    reading = partial(read, at, default, options, new=about.get("accept_new_options", False), **limits, **named)
    value = reading()
    about.setdefault("on_change", partial(_chosen, key, at, None if always else default, value, then))
    if _is_unsaid(key, value):
        del st.session_state[_DRAWN][_named(key)]  # said once: something else may hold the address to what it says
        about["on_change"]()
        if reading() != value:
            st.rerun()
    if isinstance(value, list) and options is not None:
        options = list(dict.fromkeys([*options, *value]))  # those that somebody typed are options too
    # What it holds is told twice: to the server, and to a browser that has not seen it yet.
    held = _HELD.get(draw.__name__, lambda value, _: {"value": value})(value, options)
    name = _holding(key, value)
    chosen = draw(label, *([] if options is None else [list(options)]), key=name, **held, **about)
    st.session_state.setdefault(_DRAWN, {})[name] = value
    return chosen


def text_of(value: Any) -> str:
    """Return a value as the address has it."""
    if isinstance(value, bool):
        return "1" if value else "0"
    return (
        ",".join(str(one).replace("%", "%25").replace(",", "%2C") or _NOTHING for one in value)
        if isinstance(value, list)
        else ""
        if value is None
        else f"{value}"
    )


def parts_of(text: str) -> list[str]:
    """Return the texts of a list that `text_of` wrote."""
    parts = (part.replace("%2C", ",").replace("%25", "%") for part in text.split(",") if part)
    return ["" if part == _NOTHING else part for part in parts]


def own_value(key: str) -> Any:
    """Return what the widget `key` holds, which is what was chosen until it is in the address."""
    return st.session_state[_named(key)]


def _named(key: str) -> str:
    turn = st.session_state.setdefault(_TURNS, {}).get(key)
    return f"{key}-{turn}" if turn else key


def _is_unsaid(key: str, value: Any) -> bool:
    """Return whether the widget `key` holds a choice that no address says, though it was drawn with what this one says.

    Where a timer's request brings the choice, a moment before the widget's own, Streamlit breaks off what was to be done
    after it and does not do it again; or the widget's own request brings the address of before.
    """
    name, drawn = _named(key), st.session_state.get(_DRAWN, {})
    return name in st.session_state and name in drawn and st.session_state[name] != value == drawn[name]


def _holding(key: str, value: Any) -> str:
    """Return the name of the widget `key`, which holds `value`.

    Where something else has changed the address it is a new widget: the browser keeps what one holds that it does not
    show, as in a popover that is closed, and sends it back as if it had been chosen. So is one that was never drawn to its
    end: Streamlit would go back to what it was to hold then whenever it is drawn again.
    """
    name, drawn = _named(key), st.session_state.get(_DRAWN, {})
    if name in st.session_state and (name not in drawn or st.session_state[name] != value):
        st.session_state[_TURNS][key] = st.session_state[_TURNS].get(key, 0) + 1
        name = _named(key)
    if name not in st.session_state:
        st.session_state[name] = value
    return name


def _chosen(key: str, at: str, default: Any, drawn: Any, then: Callable[[], None] | None) -> None:
    value = own_value(key)
    if value == drawn:  # which the browser had not told yet
        return
    nothing = value is None or (value == "" and default is None)
    put({at: default if nothing else value}, {at: default})
    if then:
        then()


def _told() -> tuple[dict[str, str], list[dict[str, str]]]:
    return st.session_state.get(_TOLD, ({}, []))


def _heard() -> dict[str, str]:
    """Return the address that the browser says, or was told where it has not heard that yet: two choices may be that fast."""
    said, (told, unheard) = st.query_params.to_dict(), _told()
    return told if said in unheard else said


def _tell(query: Mapping[str, str]) -> None:
    said, (told, unheard) = st.query_params.to_dict(), _told()
    unheard = [*unheard, told] if said == told or said in unheard else [said]
    st.session_state[_TOLD] = (dict(query), [one for one in unheard if one != query][-_UNHEARD:])
    st.session_state.setdefault(_LEFT, {})[st.session_state.get(_PAGE)] = dict(query)
    st.query_params.from_dict(query)
