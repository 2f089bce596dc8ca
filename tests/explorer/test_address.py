"""The address is the state, also of somebody who is faster than the browser hears of it."""

import pytest
from streamlit.testing.v1 import AppTest

from explorer.panels import address


def page():
    import streamlit as st

    from explorer.panels import address

    address.arrive("page")
    one = address.widget(st.number_input, "One", key="one", default=0)
    two = address.widget(st.number_input, "Two", key="two", default=0)
    three = address.widget(st.toggle, "Three", key="three", default=False)
    if st.button("Go", on_click=address.catch_up):
        st.write(f"went with {one}, {two}, {three}")


def said(app, **query):
    """Make the browser say this address with what it sends next."""
    for name in list(app.query_params):
        del app.query_params[name]
    for name, value in query.items():
        app.query_params[name] = value


def address_of(app):
    return {name: values[0] for name, values in app.query_params.items()}


@pytest.fixture
def app():
    return AppTest.from_function(page, default_timeout=60).run()


@pytest.mark.slow
def test_choices_made_before_the_browser_hears_of_the_first_are_all_kept(app):
    app.number_input(key="one").set_value(5).run()
    assert address_of(app) == {"one": "5"}
    said(app)
    app.number_input(key="two").set_value(7).run()
    assert address_of(app) == {"one": "5", "two": "7"}
    said(app, one="5")  # it has heard of the first by now
    app.toggle(key="three").set_value(True).run()
    assert address_of(app) == {"one": "5", "two": "7", "three": "1"}
    assert [box.value for box in app.number_input] == [5, 7]


def test_a_button_goes_by_what_was_chosen_just_before(app):
    app.number_input(key="one").set_value(5).run()
    said(app)
    app.button[0].click().run()
    assert app.markdown[0].value == "went with 5, 0, False"
    assert address_of(app) == {"one": "5"}


def test_a_step_back_is_no_slow_browser(app):
    app.number_input(key="one").set_value(5).run()
    said(app, one="5")
    app.run()
    said(app)
    app.run()
    assert [box.value for box in app.number_input] == [0, 0]
    app.number_input[1].set_value(7).run()
    assert address_of(app) == {"two": "7"}


def part():
    import streamlit as st

    from explorer.panels import address

    address.arrive("page")
    address.widget(st.number_input, "One", key="one", default=0)
    st.query_params.clear()  # as a timer says that went off before the browser had heard: what follows is what it draws
    st.write(f"drawn with {address.read('one', 0)}")


def test_what_a_timer_draws_goes_by_what_was_chosen_just_before():
    app = AppTest.from_function(part, default_timeout=60).run()
    app.number_input(key="one").set_value(5).run()
    assert app.markdown[0].value == "drawn with 5"


def test_a_choice_of_which_nothing_was_done_is_kept(app):
    app.number_input(key="one").set_value(5).run()
    said(app, one="5")
    app.run()
    app.session_state["one"] = 6  # it came, and what was to follow was broken off
    app.run()
    assert address_of(app) == {"one": "6"}
    assert app.number_input[0].value == 6


def test_a_link_is_followed_whatever_a_widget_holds(app):
    app.number_input(key="one").set_value(5).run()
    said(app, one="5")
    app.run()
    app.session_state["one"] = 6
    said(app, one="8")
    app.run()
    assert app.number_input[0].value == 8
    assert address_of(app) == {"one": "8"}


def held():
    import streamlit as st

    from explorer.panels import address

    address.arrive("page")
    address.write({"one": "3"})  # as a file that is uploaded decides on its column
    address.widget(st.number_input, "One", key="one", default=0)


@pytest.mark.parametrize("parts", [["minilm", "/data/a,b/model", ""], ["100%", "a%2Cb"], []])
def test_a_list_of_any_texts_is_in_the_address_and_out_of_it(parts):
    assert address.parts_of(address.text_of(parts)) == parts


def test_what_something_else_decides_each_time_stays_so():
    app = AppTest.from_function(held, default_timeout=60).run()
    app.number_input[0].set_value(5).run()
    assert not app.exception
    assert app.number_input[0].value == 3
    assert address_of(app) == {"one": "3"}


def test_a_widget_whose_first_drawing_was_broken_off_holds_what_the_address_says():
    fresh = AppTest.from_function(page, default_timeout=60)
    fresh.session_state["one"] = 0  # which is all that was left of it
    fresh.query_params["one"] = "7"
    fresh.run()
    for _ in range(2):
        assert [box.value for box in fresh.number_input] == [7, 0]
        assert address_of(fresh) == {"one": "7"}
        fresh.run()
