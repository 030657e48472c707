# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The procedure ``certificate_rotate``: the certificates of a host that are due, from the request to the proof."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.xorb.runbook.plugins.module_utils._certificates.spec import ISSUED_OPTIONS
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError

from ..._pki.authority import Authority, PresentList
from ..._pki.external_issuer import issuer
from ..procedure import Context, Options, Step
from ..result import StepResult
from .host_sets import (
    Gathered,
    Issue,
    Name,
    Set,
    described,
    due_rows,
    gather,
    label,
    name_of,
    put_trust,
    replace_sets,
)

OPTIONS: Options = {
    "services": {"type": "list", "elements": "str"},
    "force": {"type": "bool"},
    "incident": {"type": "str"},
    "ca_dir": {"type": "path"},
    "ca_passphrase": {"type": "str", "no_log": True},
    "ca_root_passphrase": {"type": "str", "no_log": True},
    "issuer_command": {"type": "list", "elements": "str"},
    "issuer_trust": {"type": "str"},
}


@dataclass(frozen=True)
class Renewal:
    """A set whose revocation lists are to be renewed: why, and all that its file is to hold of this CA, in PEM."""

    name: Name
    why: str
    text: str


def renewals(found: Iterable[Mapping[str, Any]], present: Sequence[PresentList]) -> list[Renewal]:
    """The sets with a list in service that the CA has a newer one of, or is about to make.

    They get the lists of every CA that they have one of or trust. Which set begins to read lists is decided elsewhere.
    """
    return [
        Renewal(name_of(one), "; ".join(whys), "".join(each.text for each in present if each.issuer in known))
        for one in found
        if (numbers := {each["issuer"]: each["number"] for each in one["lists"]})
        and (whys := [why for each in present if each.issuer in numbers and (why := _outdated(each, numbers))])
        and (known := {*numbers, *one["trusts"]})
    ]


def _outdated(present: PresentList, numbers: Mapping[str, int]) -> str:
    number = numbers[present.issuer]
    if present.due:
        return f"the next list of the {present.name} is due, {present.due}"
    if present.number > number:
        return f"the {present.name} has list {present.number}, and {number} is in service"
    return ""


def plan(context: Context) -> StepResult:
    """What is due, and why; changes nothing."""
    gathered = gather(context, described(context, context.options["services"]), force=context.options["force"])
    stale, remark = _renewals_planned(context, gathered)
    context.show(f"{context.host}: {line}" for line in _lines(gathered, stale, remark))
    acts = bool(gathered.due or gathered.unfinished or stale or remark)
    return StepResult(
        changed=context.check_mode and acts,
        acts=acts,
        values={"due": due_rows(gathered.due)},
        diff=gathered.diff or {},
    )


def replace_due(context: Context) -> StepResult:
    """Replace what is due, then renew the lists in service."""
    sets = described(context, context.options["services"])
    # The issuer is used only when something is due, but that there is none is known before.
    authority = _issuer(context) if sets else None
    result, gathered = replace_sets(context, sets, issue_by(authority), force=context.options["force"], why="; ".join)
    if not result.failed and _renews(context, gathered):
        result += _renewed(context, sets, gathered, authority)
    return replace(result, faults=[*result.faults, *_never_ended(gathered)])


def issue_by(authority: Any) -> Issue:
    """Has certificates issued by a CA, or by an outside issuer, and hands them out as they are."""

    def issue(one: Set, csr: str) -> Set:
        made = authority.issue(
            csr,
            profile=one["profile"],
            names=one["names"],
            common_name=one.get("common_name") or "",
            days=one["days"],
        )
        return {**one, **{name: getattr(made, name) for name in ISSUED_OPTIONS}}

    return issue


def _issuer(context: Context) -> Any:
    options = context.options
    return issuer(
        command=options["issuer_command"],
        trust=options["issuer_trust"],
        directory=options["ca_dir"],
        passphrase=options["ca_passphrase"],
        root_passphrase=options["ca_root_passphrase"],
    )


def _renews(context: Context, gathered: Gathered) -> bool:
    """Whether lists are this procedure's business: there are some, and the CA is ours."""
    options = context.options
    return bool(options["ca_dir"] and not options["issuer_command"] and any(one["lists"] for one in gathered.found))


def _renewals_planned(context: Context, gathered: Gathered) -> tuple[list[Renewal], str]:
    """What is going to be done about the lists in service, or why that is found out later."""
    if not _renews(context, gathered):
        return [], ""
    try:
        return renewals(gathered.found, Authority.open(context.options["ca_dir"]).lists()), ""
    except RunbookError as exc:
        return [], f"whether revocation lists are renewed is found out by the run: {exc}"


def _renewed(context: Context, sets: Iterable[Set], gathered: Gathered, authority: Any) -> StepResult:
    try:
        authority.crls()
        stale = {one.name: one for one in renewals(gathered.found, authority.lists())}
    except RunbookError as exc:
        return StepResult(faults=[f"no revocation list was renewed: {exc}"])
    readers = [{**one, "revocations": stale[name_of(one)].text} for one in sets if name_of(one) in stale]
    return put_trust(context, readers, what="the revocation lists", why=lambda one: stale[name_of(one)].why)


def _lines(gathered: Gathered, stale: Iterable[Renewal], remark: str) -> Iterable[str]:
    """The plan: which certificates change, and why; and which do not."""
    yield from gathered.lines()
    for one in gathered.found:
        if one["due"]:
            yield f"{label(one)} is replaced: {'; '.join(one['reasons'])}"
        else:
            yield f"{label(one)} stays: valid until {one['not_after'] or 'nothing that can be read'}"
    yield from (f"{' '.join(one.name)} gets the revocation lists: {one.why}" for one in stale)
    yield from [remark] if remark else []


def _never_ended(gathered: Gathered) -> list[str]:
    """What stays half done fails the run, whatever else was done."""
    return [
        f"left half done by a run that was killed, and not ended: {entry}: this takes a run that has its sets, by the"
        " same names, with their password"
        for entry in gathered.left
    ]


#: In the order in which the playbook takes them.
STEPS: Mapping[str, Step] = {
    "plan": Step(plan, in_check_mode=True),
    "replace": Step(replace_due, stops_after=("replace",)),
}

VALUES: Mapping[str, Any] = {"due": []}
