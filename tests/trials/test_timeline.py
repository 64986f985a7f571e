from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree as ET

from landfast.trials.timeline import Band, Bar, Span, draw, timeline
from tests.trials.stories import story


def test_everything_lies_on_the_trials_axis() -> None:
    attempts = story()
    line = timeline(attempts)
    assert line.bands == (Band(0, 70, 1, "off"), Band(70, 35, 2, "on"), Band(105, 70, 3, "off"), Band(175, 35, 4, "on"))
    assert line.ends == 210
    assert line.bars[1] == Bar(14, 14, 2, None)
    assert line.bars[5] == Bar(70, 7, 6, Span(70.4, 5))
    assert line.flags[:2] == (9.0, 23.0)
    assert line.stalls[:2] == (Span(5.3, 3.2), Span(19.3, 3.2))
    assert line.foreign is not None
    assert line.foreign[:4] == (0.5, 1.0, 5.2, 14.5)


def test_foreign_packets_that_nobody_could_see_are_not_drawn_as_none() -> None:
    attempts = [replace(attempt, foreign_source_packets=None) for attempt in story()]
    assert timeline(attempts).foreign is None
    assert "not known" in draw(timeline(attempts))


def test_the_drawing_is_one_element_that_fetches_nothing_and_has_the_pages_colours() -> None:
    drawn = draw(timeline(story()))
    ET.fromstring(drawn.strip())
    assert drawn.startswith("<svg ")
    assert not re.search(r"#0102|url\((?!#)|href=\"(?!#)", drawn)
    assert {"var(--good)", "var(--bad)", "var(--warn)", "var(--arm-0)", "var(--arm-1)"} <= set(
        re.findall(r"var\(--[a-z0-9-]+\)", drawn)
    )


def test_the_same_trial_is_drawn_the_same() -> None:
    assert draw(timeline(story())) == draw(timeline(story()))


def test_a_trial_that_has_hardly_begun_can_be_drawn() -> None:
    ET.fromstring(draw(timeline([])))
    ET.fromstring(draw(timeline(story()[:1])))
