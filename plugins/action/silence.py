# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Action ``silence``: what is not to fail a run for a while, kept where the runs are kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from ansible.utils.display import Display
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import Check
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError
from ansible_collections.xorb.runbook.plugins.module_utils._core.time import timestamp
from ansible_collections.xorb.runbook.plugins.plugin_utils._core import time as moments
from ansible_collections.xorb.runbook.plugins.plugin_utils._core.action import RunbookAction
from ansible_collections.xorb.runbook.plugins.plugin_utils._core.operator import operator
from ansible_collections.xorb.runbook.plugins.plugin_utils._platform.inventory import Inventory
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.causes import FAILING, SILENT_HOST
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.expected import described
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.ledger import location as ledger_location
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.ledger.history import History
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.ledger.ledger import Ledger
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.ledger.store import NoLedger
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.report import Report, Run, new_id, run_check
from ansible_collections.xorb.runbook.plugins.plugin_utils._prove.silences import (
    ACKNOWLEDGEMENT,
    EXPIRED,
    PROCEDURE,
    SILENCE,
    Silence,
    expiring,
    without_groups,
)

#: What each state is in the ledger.
KINDS = {"silenced": SILENCE, "acknowledged": ACKNOWLEDGEMENT}
#: A silence outlives none of the records that name its operator.
RETENTION_DAYS = 90


class ActionModule(RunbookAction):
    """Writes one run of the procedure ``silence`` into the ledger. Contacts no host."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Silence, acknowledge or expire, and return what is in force afterwards."""
        super().run(tmp, task_vars)
        variables = task_vars or {}
        patterns = {"type": "list", "elements": "str", "default": []}
        _validation, arguments = self.validate_argument_spec(
            {
                "state": {"type": "str", "choices": [*KINDS, EXPIRED], "default": "silenced"},
                "hosts": patterns,
                "services": patterns,
                "checks": patterns,
                "reason": {"type": "str", "default": ""},
                "until": {"type": "str"},
                "duration": {"type": "str"},
                "id": {"type": "int"},
                "ledger": {"type": "str"},
                "ledger_retention_days": {"type": "int", "default": RETENTION_DAYS},
            },
            mutually_exclusive=[("until", "duration")],
            required_if=[("state", EXPIRED, ["id"])],
        )
        for name in ("hosts", "services", "checks"):
            arguments[name] = [pattern for pattern in arguments[name] if pattern.strip()]
        try:
            return self._decide(Inventory(variables, self._templar), variables, arguments)
        except RunbookError as exc:
            raise self.failure(exc) from None

    def _decide(
        self, inventory: Inventory, variables: Mapping[str, Any], arguments: Mapping[str, Any]
    ) -> dict[str, Any]:
        here = inventory.platform(variables["inventory_hostname"])
        platform = here.name
        location = arguments["ledger"] or ledger_location.described(variables, self._templar.template)
        by, now = operator(variables), moments.moment(timestamp())
        in_force, failing = remembered(location, platform, now)
        if arguments["state"] == EXPIRED:
            silence = named(arguments["id"], in_force)
            action: Mapping[str, Any] | None = expiring(silence, arguments["reason"])
            after = [one for one in in_force if one is not silence]
        else:
            silence = without_groups(wanted(arguments, now, by), inventory.groups)
            if silence.kind == ACKNOWLEDGEMENT:
                refuse_nothing(silence, failing, "fails in the newest run that looked")
            else:
                refuse_nothing(silence, [*described(inventory, here), *silent_hosts(inventory)], "is described")
            known = [one for one in in_force if one.same(silence)]
            action = None if known else silence.as_action()
            silence = known[0] if known else silence
            after = in_force if known else [*in_force, silence]
        if action and not self._task.check_mode:
            moment = timestamp()
            run = Run(new_id(), platform, PROCEDURE, moment, by)
            report = Report(run, moment, expected=0, received=0, checks=())
            head = Ledger(location).append(report, [action], retention_days=arguments["ledger_retention_days"])
            after, _failing = remembered(location, platform, now)
            if arguments["state"] != EXPIRED:
                (silence,) = (one for one in after if one.id == head["sequence"])
        message = sentence(arguments["state"], silence, bool(action), by)
        Display().display(message)
        return {
            "changed": bool(action),
            "msg": message,
            "silence": {**silence.as_dict(), **_state(arguments["state"], by)},
            "in_force": [one.as_dict() for one in after],
            "diff": {"before": listed(in_force), "after": listed(after)},
        }


def remembered(location: str, platform: str, now: datetime) -> tuple[list[Silence], list[Check]]:
    """What is in force, and what failed in the newest run that looked at it. Raises `RunbookError`."""
    try:
        with History(location).recollection(platform) as past:
            silences, faults = past.silences()
            failing = past.failing()
    except NoLedger:
        return [], []
    if faults:
        raise RunbookError(f"{'; '.join(faults)}; see xorb.runbook.ledger_verify")
    return [silence for silence in silences if not silence.ended(now)], failing


def wanted(arguments: Mapping[str, Any], now: datetime, by: str) -> Silence:
    """The silence or acknowledgement that the arguments describe. Raises `RunbookError` where it is none."""
    reason = " ".join(arguments["reason"].split())
    if not reason:
        raise RunbookError("reason: missing; say why, for the readers of the report")
    if not any(arguments[name] for name in ("hosts", "services", "checks")):
        raise RunbookError("checks, hosts, services: give at least one pattern, for example postgres.* as a check")
    return Silence(
        kind=KINDS[arguments["state"]],
        reason=reason,
        by=by,
        until=moments.utc(end(arguments, now)),
        hosts=tuple(arguments["hosts"]),
        services=tuple(arguments["services"]),
        checks=tuple(arguments["checks"]),
    )


def end(arguments: Mapping[str, Any], now: datetime) -> datetime:
    """When it ends: always, and before the ledger forgets its operator."""
    if arguments["duration"]:
        try:
            until = now + moments.duration(arguments["duration"])
        except (RunbookError, OverflowError) as exc:
            raise RunbookError(f"duration: {exc}") from exc
    elif arguments["until"]:
        text = arguments["until"].strip()
        try:
            until = datetime.fromisoformat(text.replace("Z", "+00:00"))
        except ValueError as exc:
            raise RunbookError(f"until: expected a moment such as 2026-11-25T18:00+01:00, got {text!r}") from exc
        if not until.tzinfo:
            raise RunbookError(f"until: {text} means another moment in every time zone; end it with Z or +01:00")
    else:
        raise RunbookError("duration: missing; every silence ends, for example after 2h")
    given = "duration" if arguments["duration"] else "until"
    if until <= now:
        raise RunbookError(f"{given}: {moments.spoken(until)} is over")
    if until > now + timedelta(days=arguments["ledger_retention_days"]):
        raise RunbookError(
            f"{given}: {moments.spoken(until)} is later than the ledger keeps its operator"
            f" ({arguments['ledger_retention_days']} days, platform_ledger_retention); what is never to fail is a"
            " matter for the platform description"
        )
    return until


def named(number: int, in_force: Iterable[Silence]) -> Silence:
    """The one with this id. Raises `RunbookError`, saying which there are."""
    known = list(in_force)
    for silence in known:
        if silence.id == number:
            return silence
    there = f"in force: {'; '.join(map(str, known))}" if known else "nothing is silenced or acknowledged"
    raise RunbookError(f"id: {number} is not in force; {there}")


def refuse_nothing(silence: Silence, checks: Iterable[Check], what: str) -> None:
    """A pattern that matches nothing is a typo. Raises `RunbookError`."""
    if not any(map(silence.matches, checks)):
        raise RunbookError(f"{silence.scope}: nothing that {what} matches; see the ids in a report")


def silent_hosts(inventory: Inventory) -> Iterable[Check]:
    """The check that each host has when it does not answer."""
    point, aspect = SILENT_HOST.split(".")[1:]
    return [run_check(aspect, FAILING[-1], "", host=host, point=point) for host in inventory.hosts]


def listed(silences: Iterable[Silence]) -> str:
    """One a line, for a diff."""
    return "".join(f"{silence}\n" for silence in silences)


def _state(wanted_state: str, by: str) -> dict[str, str]:
    """Whether it is in force, and which operator ended it: one that ends by itself is in no result."""
    ended = wanted_state == EXPIRED
    return {"state": EXPIRED if ended else "active", "expired_by": by if ended else ""}


def sentence(state: str, silence: Silence, changed: bool, by: str) -> str:
    """What was done."""
    if state == EXPIRED:
        return f"expired by {by}: {silence}"
    return str(silence) if changed else f"in force already: {silence}"
