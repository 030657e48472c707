# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Action ``certificate_authority``: a small CA on the control node, for a platform that has none."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from ansible.utils.display import Display
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError
from ansible_collections.xorb.runbook.plugins.plugin_utils._core import paths
from ansible_collections.xorb.runbook.plugins.plugin_utils._core.action import RunbookAction
from ansible_collections.xorb.runbook.plugins.plugin_utils._pki import create
from ansible_collections.xorb.runbook.plugins.plugin_utils._pki.authority import Authority, Summary
from ansible_collections.xorb.runbook.plugins.plugin_utils._pki.create import SUBJECT, Blueprint, Ensured
from ansible_collections.xorb.runbook.plugins.plugin_utils._pki.issuance import DAY, now_utc
from ansible_collections.xorb.runbook.plugins.plugin_utils._pki.signing import KEY_TYPES

ARGUMENTS: dict[str, Any] = {
    "directory": {"type": "path", "required": True},
    "passphrase": {"type": "str", "required": True, "no_log": True},
    "root_passphrase": {"type": "str", "no_log": True},
    "name": {"type": "str", "required": True},
    "subject": {"type": "dict", "options": {key: {"type": "str"} for key in SUBJECT}},
    "key_type": {"type": "str", "choices": list(KEY_TYPES), "default": "rsa-4096"},
    "root_days": {"type": "int", "default": 3650},
    "intermediate_days": {"type": "int", "default": 1825},
    "crl_days": {"type": "int", "default": 30},
    "allow_throwaway": {"type": "bool", "default": False},
}


class ActionModule(RunbookAction):
    """Makes, adopts and fixes the CA. Runs on the control node and contacts no host."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return what became of the CA."""
        super().run(tmp, task_vars)
        _validation, given = self.validate_argument_spec(ARGUMENTS)
        check = bool(self._task.check_mode)
        try:
            ensured = _ensure(given, check=check)
            result = _result(ensured, given, check=check)
        except RunbookError as exc:
            raise self.failure(exc) from None
        if self._task.diff and ensured.changes:
            result["diff"] = {"before": "", "after": "".join(f"{change}\n" for change in ensured.changes)}
        # The default output shows no message of a task that succeeds.
        Display().display(result["msg"])
        return result


def _ensure(given: Mapping[str, Any], *, check: bool) -> Ensured:
    why = paths.thrown_away(Path(given["directory"]))
    if why and not given["allow_throwaway"]:
        raise RunbookError(f"directory: {why} (or set allow_throwaway, for a test)")
    blueprint = Blueprint(
        name=given["name"],
        subject={key: value for key, value in (given["subject"] or {}).items() if value},
        key_type=given["key_type"],
        root_days=given["root_days"],
        intermediate_days=given["intermediate_days"],
        crl_days=given["crl_days"],
    )
    return create.ensure(
        given["directory"],
        blueprint,
        passphrase=given["passphrase"],
        root_passphrase=given["root_passphrase"] or "",
        check=check,
    )


def _result(ensured: Ensured, given: Mapping[str, Any], *, check: bool) -> dict[str, Any]:
    directory = Path(given["directory"]).expanduser().absolute()
    result: dict[str, Any] = {
        "changed": bool(ensured.changes),
        "outcome": ensured.outcome,
        "changes": ensured.changes,
        "directory": str(directory),
        "ca": str(directory / "ca.pem"),
        "chain": str(directory / "ca-chain.cert.pem"),
    }
    if check and ensured.changes:
        # What is there is about to change, or not there at all.
        return {**result, "msg": f"The CA in {directory} would be {_done(ensured)}:\n" + "\n".join(ensured.changes)}
    summary = Authority.open(directory).summary()
    return {**result, **_described(summary), "msg": _sentence(directory, ensured, summary)}


def _done(ensured: Ensured) -> str:
    return "put right" if ensured.outcome == "present" and ensured.changes else ensured.outcome


def _sentence(directory: Path, ensured: Ensured, summary: Summary) -> str:
    ends = summary.certificates["intermediate"].not_valid_after_utc
    counts = ", ".join(f"{number} {status}" for status, number in summary.counts.items())
    return f"The CA in {directory} is {_done(ensured)}: issues until {ends:%Y-%m-%d}; certificates: {counts}."


def _described(summary: Summary) -> dict[str, Any]:
    now = now_utc()
    described: dict[str, Any] = {"phase": summary.phase, "certificates": summary.counts}
    for name, certificate in summary.certificates.items():
        described[name] = {
            "subject": certificate.subject.rfc4514_string(),
            "serial": f"{certificate.serial_number:X}",
            "fingerprint": summary.fingerprints[name],
            "not_before": _text(certificate.not_valid_before_utc),
            "not_after": _text(certificate.not_valid_after_utc),
            "days_left": round((certificate.not_valid_after_utc - now) / DAY, 1),
        }
    described["crls"] = [
        {"level": name, "path": str(path), "number": number, "next_update": _text(ends) if ends else ""}
        for name, path, number, ends in summary.crls
    ]
    return described


def _text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
