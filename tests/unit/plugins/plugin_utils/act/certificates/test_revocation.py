# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What may be revoked is what nobody has in service; what was begun is remembered, wherever a run is killed."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError
from ansible_collections.xorb.runbook.plugins.plugin_utils._act.certificates.revocation import (
    Decision,
    Incident,
    InService,
    decide,
    incidents,
    of_host,
    opened,
    revoke,
    revoking_authority,
    validate,
)
from ansible_collections.xorb.runbook.plugins.plugin_utils._pki.authority import Authority
from cryptography import x509

from tests.support.authorities import PASSPHRASE
from tests.support.authorities import opened as authority_of
from tests.support.crash import killed
from tests.support.signing_requests import request

SERVICES = ["api", "redis"]


@dataclass(frozen=True)
class Row:
    serial: str
    common_name: str = "api.test"
    status: str = "valid"


def in_service(serial: str, *, host: str = "one", name: str = "api.test", targeted: bool = True) -> InService:
    return InService(host, "api", "server", serial, name, targeted, reads_lists=False)


def remembered(scope: str = "service", **old: str) -> Incident:
    return Incident("INC-1", scope, "now", {f"{host} api server": serial for host, serial in old.items()})


@pytest.mark.parametrize(
    ("scope", "services", "reason", "said"),
    [
        ("", [], "key_compromise", "certificate_revoke_scope: .* service, all, intermediate, root, got ''"),
        ("root", [], "key_compromise", r"certificate_revoke_scope: root is .* -e certificate_revoke_scope=root,"),
        ("service", [], "key_compromise", "certificate_revoke_services: missing"),
        ("service", ["api", "redsi"], "key_compromise", "certificate_revoke_services: .* redsi; did you mean 'redis'"),
        ("all", ["api"], "key_compromise", "certificate_revoke_services: the scope all"),
        ("all", [], "curiosity", "certificate_revoke_reason: expected one of .*superseded.*, got 'curiosity'"),
    ],
)  # fmt: skip
def test_validate_names_the_key(scope: str, services: list[str], reason: str, said: str) -> None:
    with pytest.raises(RunbookError, match=f"^{said}"):
        validate(scope, services, reason=reason, known=SERVICES)


def test_validate_lets_pass_what_means_something() -> None:
    validate("service", ["api"], known=SERVICES)
    validate("all", [], reason="superseded", known=SERVICES)


@pytest.mark.parametrize(
    ("directory", "passphrase", "said"),
    [
        ("", PASSPHRASE, "certificate_authority_dir: missing"),
        ("/srv/ca", "", "certificate_authority_passphrase: missing"),
    ],
)
def test_revoking_needs_a_ca_that_can_revoke(directory: str, passphrase: str, said: str) -> None:
    with pytest.raises(RunbookError, match=f"^{said}"):
        revoking_authority(directory, passphrase)


# -- Decisions ---------------------------------------------------------------------------------------------------------


def test_decide_revokes_what_was_replaced_and_its_ancestors() -> None:
    register = [Row("0A"), Row("0B"), Row("0C"), Row("0D", "db.test"), Row("0E", status="revoked")]
    decision = decide(remembered(one="0B"), [in_service("0C")], register, {})
    assert decision == Decision({"one api server": "0B"}, ["0A"], {})
    assert decision.serials == ["0B", "0A"]
    everything = decide(remembered("all", one="0B"), [in_service("0C")], register, {})
    assert everything.serials == ["0B", "0A", "0D"]


def test_decide_keeps_what_could_not_be_replaced() -> None:
    now = [in_service("0A"), in_service("1B", host="two")]
    decision = decide(remembered("all", one="0A", two="0B"), now, [Row("0A"), Row("0B"), Row("1B")], {})
    assert decision.serials == ["0B"]
    assert decision.kept == {"one api server": "0A"}


def test_decide_keeps_what_another_has_in_service_still() -> None:
    now = [in_service("1A"), in_service("0A", host="two", targeted=False)]
    decision = decide(remembered(one="0A"), now, [Row("0A"), Row("1A")], {})
    assert decision.serials == []


def test_decide_leaves_others_alone_while_somebody_is_silent() -> None:
    decision = decide(remembered("all", one="0A"), [in_service("1A")], [Row("0A"), Row("1A"), Row("0F")], {"two": "?"})
    assert decision.serials == ["0A"]
    assert decision.held_back == "1 other certificates are not revoked, since what two has in service is not known"


def test_decide_keeps_what_a_host_has_that_tells_nothing_any_more() -> None:
    decision = decide(remembered(one="0A", two="0B"), [in_service("1A")], [Row("0A"), Row("0B")], {"two": "?"})
    assert decision.serials == ["0A"] and decision.kept == {"two api server": "0B"}


def test_decide_keeps_what_a_host_has_whose_newest_word_is_missing() -> None:
    """It said once that it has another one, and may have gone back to the old one since."""
    now = [in_service("1A"), in_service("1B", host="two")]
    decision = decide(remembered(one="0A", two="0B"), now, [Row("0A"), Row("0B"), Row("1B")], {"two": "it hangs"})
    assert decision.serials == ["0A"] and decision.kept == {"two api server": "0B"}


def test_decide_keeps_what_cannot_be_read_any_more() -> None:
    """Whoever loaded it before goes on with it."""
    now = [in_service(""), in_service("1B", host="two")]
    decision = decide(remembered("all", one="0A", two="0B"), now, [Row("0A"), Row("0B"), Row("1B")], {})
    assert decision.serials == ["0B"] and decision.kept == {"one api server": "0A"}


def test_decide_does_not_keep_what_is_revoked_already() -> None:
    incident = remembered(one="0A")
    incident.revoked = ["0A"]
    assert decide(incident, [], [Row("0A", status="revoked")], {"one": "it is down"}).kept == {}


def test_decide_plans_as_if_everything_were_replaced() -> None:
    register = [Row("0A"), Row("0B")]
    decision = decide(remembered(one="0B"), [in_service("0B")], register, {}, planned=True)
    assert decision.serials == ["0B", "0A"] and decision.kept == {}


def test_decide_compares_numbers_and_not_texts() -> None:
    decision = decide(remembered("all", one="0a"), [in_service("1b")], [Row("0A"), Row("001B")], {})
    assert decision.serials == ["0a"]


# -- Incidents ---------------------------------------------------------------------------------------------------------


def test_incident_remembers_what_was_in_service_first(tmp_path: Path) -> None:
    store = incidents(tmp_path)
    incident = opened(store, "INC-1", "all")
    incident.take_up([in_service("0A"), in_service("", host="two"), in_service("0C", host="three", targeted=False)])
    store.write("INC-1", incident)
    again = opened(store, "INC-1", "all")
    again.take_up([in_service("1A")])
    assert again == incident and again.old == {"one api server": "0A"}
    assert again.pending([in_service("1A")]) == [] and len(again.pending([in_service("0A")])) == 1


@pytest.mark.parametrize("incident", ["", "../INC", "a b", ".hidden", "x" * 65])
def test_incident_that_names_no_file_is_refused(tmp_path: Path, incident: str) -> None:
    with pytest.raises(RunbookError, match=r"^certificate_revoke_incident: expected"):
        incidents(tmp_path).read(incident)


def test_another_scope_of_the_same_incident_is_refused(tmp_path: Path) -> None:
    store = incidents(tmp_path)
    store.write("INC-1", opened(store, "INC-1", "all"))
    with pytest.raises(RunbookError, match="INC-1 was begun with the scope all"):
        opened(store, "INC-1", "service")


@pytest.mark.parametrize("text", ["", "[]", '{"incident": "INC-1", "else": 1}'])
def test_incident_that_another_program_wrote_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "revocations/INC-1.json"
    path.parent.mkdir()
    path.write_text(text)
    with pytest.raises(RunbookError, match="cannot be read"):
        opened(incidents(tmp_path), "INC-1", "all")


def test_incident_of_an_earlier_version_is_taken_up(tmp_path: Path) -> None:
    path = tmp_path / "revocations/INC-1.json"
    path.parent.mkdir()
    fields = {"incident": "INC-1", "scope": "all", "began_at": "then", "old": {"one api server": "0A"}}
    path.write_text(json.dumps({**fields, "begun": ["0A"], "revoked": [], "reason": ""}))
    assert opened(incidents(tmp_path), "INC-1", "all").begun == ["0A"]


def test_of_host_reads_the_result_of_a_host() -> None:
    result: dict[str, Any] = {
        "sets": [
            {
                "service": "api",
                "point": "server",
                "serial": "0A",
                "common_name": "api.test",
                "targeted": True,
                "reads_lists": True,
                "sessions": "redis",
            }
        ]
    }
    (one,) = of_host("one", result)
    assert (one.name, one.reads_lists, one.sessions) == ("one api server", True, "redis")


# -- Revoking ----------------------------------------------------------------------------------------------------------


def issue(authority: Authority) -> str:
    return authority.issue(request(), profile="server", names=["api.test"]).serial


def test_revoke_tells_each_certificate_once(authority: Authority, tmp_path: Path) -> None:
    store, old, other = incidents(tmp_path), issue(authority), issue(authority)
    incident = opened(store, "INC-1", "service")
    decision = Decision({"one api server": old}, [other], {})
    assert revoke(store, incident, authority, decision, reason="superseded") == [old, other]
    assert opened(store, "INC-1", "service").revoked == [old, other]
    assert revoke(store, incident, authority, Decision({"one api server": old}, [], {}), reason="superseded") == []
    assert {row.reason for row in authority.register()} == {"superseded"}


def test_revoke_that_is_killed_anywhere_is_finished_by_the_next(directory: Path, tmp_path: Path) -> None:
    """Killed at every seventh point, each time from the start."""
    authority = authority_of(directory)
    old, other, kept = issue(authority), issue(authority), issue(authority)
    saved = tmp_path / "saved"
    shutil.copytree(directory, saved, symlinks=True)
    decision = Decision({"one api server": old}, [other], {})
    deaths = 0
    for point in range(1, 4000, 7):
        shutil.rmtree(directory)
        shutil.copytree(saved, directory, symlinks=True)
        state = tmp_path / f"state-{point}"

        def act(state: Path = state) -> list[str]:
            store = incidents(state)
            return revoke(
                store, opened(store, "INC-1", "service"), authority_of(directory), decision, reason="key_compromise"
            )

        if not killed(act, at=point):
            break
        deaths += 1
        left = opened(incidents(state), "INC-1", "service")
        done = {row.serial for row in authority_of(directory).register() if row.status == "revoked"}
        assert done in (set(), {old, other}) and set(left.revoked) <= done
        # What is left to be decided: a certificate that is revoked already is no other one any more.
        after = Decision({"one api server": old}, [] if done else [other], {})
        store = incidents(state)
        known = list(left.revoked)
        fresh = revoke(store, left, authority_of(directory), after, reason="key_compromise")
        assert sorted(opened(store, "INC-1", "service").revoked) == sorted([old, other])
        assert sorted([*known, *fresh]) == sorted([old, other]), "what was not written down is in the result"
        lists = x509.load_pem_x509_crl(authority_of(directory).crl().encode())
        assert {one.serial_number for one in lists} == {int(old, 16), int(other, 16)}
        assert {row.serial for row in authority_of(directory).register() if row.status == "valid"} == {kept}
    assert deaths > 5
