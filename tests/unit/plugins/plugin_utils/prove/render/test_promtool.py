# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is written for Prometheus, and what is taken for its text, is so by Prometheus' own judgement."""

from __future__ import annotations

import subprocess
from dataclasses import replace

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import OK
from ansible_collections.xorb.runbook.plugins.module_utils._inspect.expect import Body, metrics
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.render import textfile
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import peers
from tests.support.sample_reports import assembled, check

_ODD = st.sampled_from(list("\u2028\u2029\u0085\x0b\x0c\x1c\r\n\t\"\\ {}#,='\u00a0\u202e\ud800\x00é"))
_VALUE = st.lists(_ODD | st.characters(), max_size=12).map("".join)


def parsed(text: str) -> bool:
    """Whether promtool can read a text; what it would like to be named otherwise ends with another status."""
    words = [*peers.program("promtool"), "check", "metrics"]
    ended = subprocess.run(words, input=text.encode(errors="replace"), capture_output=True, check=False)
    assert ended.returncode in (0, 1, 3), ended
    return ended.returncode != 1


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.lists(_VALUE, min_size=3, max_size=3))
def test_textfile_of_any_names_can_be_read(values: list[str]) -> None:
    one, other, unit = values
    checks = [
        replace(check("one", "api", "port", "connect"), host=one, value=1.5, unit=unit),
        replace(check("one", "api", "port", "connect"), host=other + "x" + one, owner=other),
    ]
    assert parsed(textfile.render(assembled(checks)))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(_VALUE.map(lambda text: text.encode(errors="replace").decode()))
def test_metrics_of_any_label_are_taken_where_promtool_takes_them(value: str) -> None:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    text = f'# HELP up_total Ups.\n# TYPE up_total counter\nup_total{{name="{escaped}"}} 1\n'
    # A carriage return inside a label is taken by both; one in front of the end of a line is a mark of it.
    assert (metrics(Body(text))[0].status == OK) is parsed(text)


@pytest.mark.parametrize("text", ["up 1", "up{a=b} 1\n", "<html>\n", "up{} one\n", 'up{a="b" 1\n', "1up 1\n"])
def test_metrics_that_promtool_cannot_read_are_refused(text: str) -> None:
    whole = text if text.endswith("\n") else f"{text}\n"
    assert (metrics(Body(whole))[0].status == OK) is parsed(whole)
