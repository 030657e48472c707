# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""On which host a set is verified, and what becomes of its journey there."""

from __future__ import annotations

import base64
import contextlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._backup.manifest import Manifest, StoredFile
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError
from ansible_collections.xorb.runbook.plugins.plugin_utils._act.backup import elsewhere
from ansible_collections.xorb.runbook.plugins.plugin_utils._act.backup.host_backups import Backup
from ansible_collections.xorb.runbook.plugins.plugin_utils._act.procedure import Answer

HOSTS = ["one", "two", "three", "four"]
ONE = Backup("app", "main", "files", {"paths": ["/etc"], "directory": "/sets", "verify_on": "spare"})
NAME = "20261130T094500Z"
DATA = bytes(range(256)) * 40
FILES = (StoredFile("data", len(DATA), "0" * 64, len(DATA), "0" * 64),)
MANIFEST = Manifest(NAME, "p", "app", "main", "one", "files", "tar", 1, 2, FILES).to_text()
RECEIPT = {"id": NAME, "host": "two", "faults": []}


class Place:
    """Stands for the connections of a step; ``silent`` are the hosts that do not answer."""

    def __init__(self, *, silent: tuple[str, ...] = (), broken: Mapping[str, Answer] | None = None) -> None:
        self.silent, self.broken = silent, broken or {}
        self.asked: list[tuple[str, str]] = []
        self.arrived = b""
        self.given_up = ""

    def step(self, host: str) -> Any:
        def ask(module: str, _wanted: str, **arguments: Any) -> Answer:
            self.asked.append((host, module))
            if host in self.silent:
                return Answer({"unreachable": True, "module_stdout": ""}, "no route")
            return self.broken.get(module) or self._answer(module, arguments)

        return SimpleNamespace(
            host=host,
            name="backup_verify",
            options={"identities": [], "scratch_dir": ""},
            platform=SimpleNamespace(name="lab"),
            inventory=SimpleNamespace(groups={"all": HOSTS, "spare": HOSTS}),
            on=self.step,
            ask=ask,
            ask_again=ask,
            ask_job=lambda module, wanted, _subject, **given: ask(module, wanted, **given),
            show=list,
        )

    def _answer(self, module: str, given: Mapping[str, Any]) -> Answer:
        if module == "backup_set_read" and "offset" not in given:
            return Answer({"manifest": MANIFEST})
        if module == "backup_set_read":
            piece = DATA[given["offset"] : given["offset"] + given["size"]]
            return Answer({"data": base64.b64encode(piece).decode()})
        if module == "backup_set_deliver":
            self.given_up = given.get("fault", "")
            data = base64.b64decode(given.get("data", ""))
            self.arrived += data
            return Answer({"taken": len(data)})
        return Answer({"set": NAME, "job": "j1", "receipt": RECEIPT, "kept": given.get("receipt")})


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextlib.contextmanager
    def no_turn(_host: str) -> Iterator[None]:
        yield

    monkeypatch.setattr(elsewhere, "PIECE", 1000)
    monkeypatch.setattr(elsewhere, "turn", no_turn)


def test_names_are_spread_over_the_hosts_and_stay_where_they_were() -> None:
    names = [f"app.main 202611{day:02}T000000Z" for day in range(1, 31)]
    first = {name: elsewhere.order(HOSTS, name)[0] for name in names}
    assert first == {name: elsewhere.order(HOSTS[::-1], name)[0] for name in names}
    assert set(Counter(first.values())) == set(HOSTS)
    # One that is gone moves its own names, and no other.
    left = {name: elsewhere.order(HOSTS[1:], name)[0] for name in names}
    assert all(left[name] == host for name, host in first.items() if host != HOSTS[0])


def test_first_host_that_answers_and_never_its_own() -> None:
    expected = elsewhere.order(HOSTS[1:], f"app.main {NAME}")
    assert elsewhere.place(Place().step("one"), ONE, NAME).host == expected[0]
    place = Place(silent=(expected[0],))
    chosen = elsewhere.place(place.step("one"), ONE, NAME)
    assert (chosen.host, chosen.silent) == (expected[1], (f"{expected[0]}: no route",))
    with pytest.raises(RunbookError, match=r"no host of spare answers: \w+: no route; \w+: no route"):
        elsewhere.place(Place(silent=tuple(HOSTS[1:])).step("one"), ONE, NAME)


def test_host_that_cannot_prove_it_is_named_and_no_other_is_asked() -> None:
    place = Place(broken={"backup_set_prove": Answer({"failed": True}, "too small")})
    chosen = elsewhere.place(place.step("one"), ONE, NAME)
    assert chosen.fault == "too small"
    assert [module for _host, module in place.asked].count("backup_set_prove") == 1


def test_set_is_brought_piece_by_piece_and_its_receipt_is_kept() -> None:
    place = Place()
    step = place.step("one")
    answer = elsewhere.proved(step, ONE, NAME, elsewhere.place(step, ONE, NAME))
    assert (answer.fault, answer.values["kept"]) == ("", RECEIPT)
    assert place.arrived == DATA
    assert place.asked[-1] == ("one", "backup_set_receipt")


def test_set_that_cannot_be_read_ends_the_job_with_the_reason() -> None:
    place = Place()
    step = place.step("one")
    chosen = elsewhere.place(step, ONE, NAME)
    place.broken = {
        "backup_set_read": Answer({"failed": True}, "data: has fewer bytes"),
        "backup_set_prove": Answer({"failed": True, "job": "j1"}, ""),
    }
    ended = {"job": Answer({"job": "j1"}), "receipt": Answer({"failed": True}, "data: has fewer bytes")}
    there: Any = chosen.there
    asking = there.ask
    there.ask = lambda module, wanted, **given: ended.get(wanted) or asking(module, wanted, **given)
    there.ask_job = lambda _module, wanted, _subject, **_given: ended[wanted]
    answer = elsewhere.proved(step, ONE, NAME, chosen)
    assert answer.fault == "one: data: has fewer bytes" and place.given_up == "data: has fewer bytes"
    assert ("one", "backup_set_receipt") not in place.asked


def test_secrets_go_to_the_proving_host_alone() -> None:
    seen: list[tuple[str, str]] = []
    place = Place()
    step = place.step("one")
    step.options["identities"] = ["AGE-SECRET-KEY-1"]

    def spied(host: str) -> Any:
        made = place.step(host)
        asking = made.ask

        def ask(module: str, wanted: str, **given: Any) -> Answer:
            seen.extend([(host, module)] if "AGE-SECRET-KEY-1" in json.dumps(given) else [])
            answer: Answer = asking(module, wanted, **given)
            return answer

        made.ask = made.ask_again = ask
        return made

    step.on = spied
    asking = step.ask
    step.ask = lambda module, wanted, **given: (
        pytest.fail("a secret for the source") if "AGE-SECRET" in json.dumps(given) else asking(module, wanted, **given)
    )
    elsewhere.proved(step, ONE, NAME, elsewhere.place(step, ONE, NAME))
    assert {module for _host, module in seen} == {"backup_set_prove"}
