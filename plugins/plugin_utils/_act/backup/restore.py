# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The procedure ``backup_restore``: one set of one backup is restored, put back, or what was kept is removed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import Check
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError
from ansible_collections.xorb.runbook.plugins.module_utils._core.text import some_of

from ..._platform import backups
from ..procedure import Answer, Context, Options, Step
from ..result import StepResult
from . import host_copies, lines
from .host_backups import Backup, selected

#: What the module takes as the operator gave it.
_WANTED = (
    "set",
    "at",
    "transaction",
    "unverified",
    "database",
    "target",
    "in_place",
    "undo",
    "drop",
    "release",
    "accept_collations",
    "identities",
)

OPTIONS: Options = {
    "service": {"type": "str"},
    "backup": {"type": "str"},
    "set": {"type": "str"},
    "at": {"type": "str"},
    "transaction": {"type": "str"},
    "unverified": {"type": "bool"},
    "from": {"type": "str"},
    "of": {"type": "str"},
    "database": {"type": "str"},
    "target": {"type": "str"},
    "in_place": {"type": "str"},
    "undo": {"type": "str"},
    "drop": {"type": "str"},
    "release": {"type": "str"},
    "accept_collations": {"type": "bool"},
    "identities": {"type": "list", "elements": "str", "no_log": True},
    "scratch_dir": {"type": "path"},
    "incident": {"type": "str"},
}

_FAILED = "failed"
_NAMED = 5


def plan(context: Context) -> StepResult:
    """What would be restored and where to, how long that takes, and what refuses it; changes nothing."""
    one, result = _backup(context)
    if one is None:
        return result
    answer = context.ask("backup_set_restore", "lines", only_plan=True, **_arguments(context, one))
    context.show(f"{context.host}: {one.label}: {line}" for line in _planned(answer))
    acts = not answer.fault
    return result + StepResult(changed=context.check_mode and acts, acts=acts, faults=_faults(one, answer))


def restore(context: Context) -> StepResult:
    """Do it, and say how long it took and how much is lost."""
    one, result = _backup(context)
    if one is None:
        return result
    answer = context.ask_job("backup_set_restore", "done", one.label, **_arguments(context, one))
    recovered = context.recovered(answer)
    why = context.options["incident"] or "a restore was requested"
    if answer.fault:
        failed = context.action(one.label, f"nothing was restored: {answer.fault}", why=why, outcome=_FAILED)
        return result + StepResult(changed=answer.changed, actions=[*recovered, failed], faults=_faults(one, answer))
    message = _message(answer.values)
    context.show([f"{context.host}: {one.label}: {message}"])
    return result + StepResult(
        changed=True,
        acts=True,
        actions=[*recovered, context.action(one.label, message, why=why)],
        checks=[_of_host(context, check) for check in answer.values["checks"]],
        values={"restored": answer.values["restored"]},
    )


def _backup(context: Context) -> tuple[Backup | None, StepResult]:
    """The backup that is meant, where this host has it, and what is wrong with its description."""
    options = context.options
    if not (options["service"] and options["backup"]):
        raise RunbookError("service and backup: which one is to be restored?")
    hosts = _hosts(context, options["service"], options["backup"])
    if len(hosts) > 1:
        name = f"{options['service']}.{options['backup']}"
        raise RunbookError(f"{', '.join(hosts)} have a backup {name}: choose one of them with --limit")
    found, faults = selected(context, [options["service"]], [f"{options['service']}.{options['backup']}"])
    return (found[0] if found else None), StepResult(faults=faults)


def _hosts(context: Context, service: str, name: str) -> list[str]:
    """The hosts of the play that have a backup."""
    return [
        host
        for host in context.play_hosts
        if any(
            target.point == name
            for target in context.platform.targets(observer=host, services=[service], kinds=backups.PROBES)
        )
    ]


def _arguments(context: Context, one: Backup) -> dict[str, Any]:
    options = context.options
    scratch = {"scratch_dir": options["scratch_dir"]} if options["scratch_dir"] else {}
    wanted = {name: options[name] for name in _WANTED}
    return {**one.arguments(context), **wanted, **scratch, **_source(context, one)}


def _source(context: Context, one: Backup) -> dict[str, Any]:
    """The copy that the set is brought back from, where this host has none of its own."""
    name, host = context.options["from"], context.options["of"]
    if not name:
        if host:
            raise RunbookError(f"of: {host} is the host of the sets in a copy, which backup_restore_from has to name")
        return {}
    try:
        copy = host_copies.of(context, one.service, one.name, name)
    except RunbookError as exc:
        raise RunbookError(f"from: {exc}") from exc
    if copy.fault:
        raise RunbookError(copy.fault)
    return {"copy": copy.source(host or context.host)}


def _planned(answer: Answer) -> Iterator[str]:
    values = answer.values
    yield from (
        f"left half done by a run that was killed, and ended first: {one}" for one in values.get("unfinished", ())
    )
    yield from values.get("lines", ())
    if values.get("seconds") is not None:
        beside = ", and the time that it takes to bring it back" if values.get("brought") else ""
        yield f"takes about {lines.duration(values['seconds'])}, by its verification{beside}"
    if answer.fault:
        yield f"refused: {answer.fault}"


def _message(values: Mapping[str, Any]) -> str:
    restored = values["restored"]
    if not restored:
        return str(values["done"])
    lost = lines.duration(restored["lost_seconds"])
    held = restored["facts"].get("held back")
    back = f"; held back until backup_restore_release={restored['name']}: {some_of(held, _NAMED)}" if held else ""
    return f"{values['done']}; RTO {lines.duration(restored['seconds'])}, RPO {lost}{back}"


def _of_host(context: Context, values: Mapping[str, Any]) -> Check:
    """A check of the host, which does not know by which name it goes."""
    return Check.from_dict({**values, "host": context.host, "owner": context.host})


def _faults(one: Backup, answer: Answer) -> list[str]:
    return [f"{one.label}: {answer.fault}"] if answer.fault else []


STEPS: Mapping[str, Step] = {"plan": Step(plan, in_check_mode=True), "restore": Step(restore, stops_after=("plan",))}

VALUES: Mapping[str, Any] = {"restored": {}}
