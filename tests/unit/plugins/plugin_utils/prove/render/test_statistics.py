# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The arithmetic of the plots."""

from __future__ import annotations

from itertools import pairwise

import pytest
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.render import statistics as series


def test_percentiles_need_twenty_samples() -> None:
    assert series.percentiles([1.0] * 19) is None
    assert series.percentiles([1.0] * 20) == series.Percentiles(1, 1, 1, 1)


def test_percentiles_are_values_that_were_measured() -> None:
    samples = [float(number) for number in range(1, 21)]
    assert series.percentiles(samples[::-1]) == series.Percentiles(p50=10, p95=19, least=1, most=20)


def test_clusters_are_apart_and_lose_no_member() -> None:
    positions = [0, 1, 5, 5.1, 9.9, 10.2, 15.1, 60, 100]
    found = series.clusters([(at, index) for index, at in enumerate(positions)], apart=5)
    assert sorted(index for cluster in found for index in cluster.members) == list(range(len(positions)))
    gaps = [later.at - earlier.at for earlier, later in pairwise(found)]
    assert min(gaps) >= 5


@pytest.mark.parametrize(("value", "at"), [(1, 0), (10, 50), (100, 100), (0.1, 0), (1e9, 100)])
def test_logarithmic_stays_on_the_axis(value: float, at: float) -> None:
    assert series.logarithmic(value, 1, 100) == pytest.approx(at)


def test_decades_hold_every_value() -> None:
    assert series.decades([0.4, 3000], least=1, most=200) == (0.1, 10000)
    assert series.decades([], least=1, most=200) == (1, 1000)
    assert series.decades([0, -5], least=1, most=200) == (1, 1000)
