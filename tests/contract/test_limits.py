# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every option of every kind says what it can be, and what is shipped keeps to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._core.options import (
    PORTS,
    Option,
    Range,
    crossed,
    problems,
)
from ansible_collections.xorb.runbook.plugins.module_utils._inspect.kinds.http import PAGE_OPTIONS
from ansible_collections.xorb.runbook.plugins.module_utils._inspect.kinds.prometheus import QUERY_OPTIONS
from ansible_collections.xorb.runbook.plugins.module_utils._inspect.registry import KINDS
from ansible_collections.xorb.runbook.plugins.plugin_utils._platform.settings import declared

#: Numbers that can be anything: what a service says of itself, Prometheus of anything, or a query of the owner's.
ANYTHING = {
    *("http.page.expect.min", "http.page.expect.max", "prometheus.queries.warning", "prometheus.queries.critical"),
    *("backup_postgres.assertions.min", "backup_postgres.assertions.max"),
}
#: Times of procedures, which have no deadline of probes.
ACTING = {"backup_postgres.login.timeout", "backup_redis.login.timeout"}


def leaves(options: Mapping[str, Option], path: str) -> Iterator[tuple[str, Option]]:
    """Every option with its path, however deep."""
    for name, option in options.items():
        yield f"{path}.{name}", option
        yield from leaves(option.options, f"{path}.{name}")


def every() -> list[tuple[str, Option]]:
    """Every option of every kind, and of what their maps hold."""
    kinds = [leaf for name, kind in KINDS.items() for leaf in leaves(kind.all_options, name)]
    deeper = {"http.page": PAGE_OPTIONS, "prometheus.queries": QUERY_OPTIONS}
    return [*kinds, *(leaf for path, options in deeper.items() for leaf in leaves(options, path))]


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_shipped_values_keep_to_their_limits(kind: str) -> None:
    options = KINDS[kind].probe_options
    shipped = {name: option.default for name, option in options.items() if option.default is not None}
    wrong = [fault for fault in problems(options, shipped) if fault[0] in shipped]
    assert [*wrong, *crossed(options, shipped)] == []


def test_every_number_says_what_it_can_be() -> None:
    numbers = [(path, option) for path, option in every() if {option.type, option.elements} & {"int", "float"}]
    assert len(numbers) > 100
    assert {path for path, option in numbers if option.within == Range()} == ANYTHING


def test_every_port_is_one() -> None:
    ports = [option for path, option in every() if path.endswith("port")]
    assert len(ports) > 15 and all(option.within == PORTS for option in ports)


def test_every_pair_of_thresholds_has_one_direction() -> None:
    for kind in KINDS.values():
        for name, option in kind.options.items():
            pair = kind.options.get(name.replace("warning", "critical"))
            assert pair is None or (pair.falling, pair.within) == (option.falling, option.within), f"{kind.name}.{name}"
            assert option.falling == (" below " in option.description or " fewer " in option.description) or (
                "warning" not in name and "critical" not in name
            ), f"{kind.name}.{name}"


def test_every_time_that_a_look_takes_has_to_fit_into_the_deadline() -> None:
    lasting = {path.rpartition(".")[2] for path, option in every() if option.lasting}
    assert lasting == {"timeout", "sample_seconds", "seconds"}
    named = {path for path, option in every() if path.endswith((".timeout", ".sample_seconds", ".seconds"))}
    assert named - ACTING == {path for path, option in every() if option.lasting}


def test_every_number_of_a_role_says_what_it_can_be() -> None:
    numbers = {name: option for name, option in declared().items() if option and option.type in ("int", "float")}
    assert {"platform_deadline", "platform_report_keep", "certificate_authority_root_days"} <= numbers.keys()
    assert [name for name, option in numbers.items() if option.within == Range()] == []
    roles = [leaf for name, option in declared().items() if option for leaf in leaves(option.options, name)]
    ports = [option for path, option in roles if path.endswith("port")]
    assert ports and all(option.within == PORTS for option in ports)
