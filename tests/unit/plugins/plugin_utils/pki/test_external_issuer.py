# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An outside issuer: a real command, here with the small CA behind it, and everything that it may get wrong."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError
from ansible_collections.xorb.runbook.plugins.plugin_utils._pki.authority import Authority
from ansible_collections.xorb.runbook.plugins.plugin_utils._pki.external_issuer import CommandIssuer, issuer
from ansible_collections.xorb.runbook.plugins.plugin_utils._pki.issuance import now_utc

from tests.support.authorities import NAMES, PASSPHRASE, opened
from tests.support.signing_requests import new_key, request, verified

REQUESTED: dict[str, Any] = {"profile": "server", "names": NAMES}


@pytest.fixture
def printing(tmp_path: Path) -> Callable[..., CommandIssuer]:
    """Makes an issuer that prints a text, whatever is requested of it."""

    def make(text: str, **options: Any) -> CommandIssuer:
        answer = tmp_path / "answer.pem"
        answer.write_text(text)
        return CommandIssuer(["cat", str(answer)], **options)

    return make


def test_command_gets_the_request_and_what_is_wanted(directory: Path, tmp_path: Path) -> None:
    program = tmp_path / "issue.py"
    program.write_text(
        textwrap.dedent(
            f"""
            import os, sys
            sys.path[:0] = {sys.path!r}
            from tests.support.authorities import opened
            from pathlib import Path
            wanted = {{key: os.environ["CERTIFICATE_" + key] for key in
                      ("PROFILE", "COMMON_NAME", "NAMES", "DAYS", "ORGANIZATIONAL_UNIT")}}
            issued = opened(Path(sys.argv[1])).issue(
                sys.stdin.read(), profile=wanted["PROFILE"], names=wanted["NAMES"].split(","),
                common_name=wanted["COMMON_NAME"], days=float(wanted["DAYS"]),
                organizational_unit=wanted["ORGANIZATIONAL_UNIT"])
            print(issued.certificate + issued.ca)
            """
        )
    )
    outside = CommandIssuer([sys.executable, str(program), str(directory)])
    issued = outside.issue(request(), profile="both", names=NAMES, common_name="api", days=7, organizational_unit="Ops")
    assert verified(issued.certificate, issued.ca, tmp_path) == "leaf.pem: OK\n"
    (row,) = opened(directory).register()
    assert (row.serial, row.common_name, row.organizational_unit) == (issued.serial, "api", "Ops")
    assert timedelta(days=6) < issued.not_after - now_utc() <= timedelta(days=7)
    assert issued.chain.count("BEGIN") == 1 and issued.fullchain == issued.certificate + issued.chain
    assert issued.ca == opened(directory).trust_bundle()


def test_root_that_is_not_printed_comes_from_trust(
    authority: Authority, printing: Callable[..., CommandIssuer], tmp_path: Path, directory: Path
) -> None:
    csr = request()
    made = authority.issue(csr, **REQUESTED)
    root = (directory / "root-ca.pem").read_text()
    issued = printing(made.fullchain, trust=root).issue(csr, **REQUESTED)
    assert verified(issued.certificate, issued.ca, tmp_path) == "leaf.pem: OK\n"
    assert issued.ca == made.ca


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"names": [*NAMES, "other.local"]}, "lacks the name other.local"),
        ({"profile": "client"}, "cannot be used as client"),
        ({"profile": "both"}, "cannot be used as both"),
    ],
)
def test_certificate_that_was_not_asked_for_is_refused(
    changed: dict[str, Any], message: str, authority: Authority, printing: Callable[..., CommandIssuer]
) -> None:
    csr = request()
    made = authority.issue(csr, **REQUESTED)
    with pytest.raises(RunbookError, match=f"certificate_issuer_command: .*{message}.*nothing was installed"):
        printing(made.certificate + made.ca).issue(csr, **{**REQUESTED, **changed})


def test_certificate_for_another_key_is_refused(authority: Authority, printing: Callable[..., CommandIssuer]) -> None:
    made = authority.issue(request(), **REQUESTED)
    with pytest.raises(RunbookError, match="is for another key than the request"):
        printing(made.certificate + made.ca).issue(request(new_key()), **REQUESTED)


def test_chain_that_does_not_hold_is_refused(authority: Authority, printing: Callable[..., CommandIssuer]) -> None:
    csr = request()
    made = authority.issue(csr, **REQUESTED)
    intermediate, root = (
        f"{part}-----END CERTIFICATE-----\n" for part in made.ca.split("-----END CERTIFICATE-----\n")[:2]
    )
    with pytest.raises(RunbookError, match=r"CN=Shop Root CA.* did not sign CN=nginx"):
        printing(made.certificate + root + intermediate).issue(csr, **REQUESTED)
    with pytest.raises(RunbookError, match="comes without its issuer"):
        printing(made.certificate).issue(csr, **REQUESTED)
    foreign = made.certificate
    with pytest.raises(RunbookError, match="not signed by anything in certificate_issuer_trust"):
        printing(made.fullchain, trust=foreign).issue(csr, **REQUESTED)


def test_certificate_out_of_its_time_is_refused(authority: Authority, printing: Callable[..., CommandIssuer]) -> None:
    csr = request()
    made = authority.issue(csr, **REQUESTED)
    for days, message in ((40, "expired at"), (-1, "is not valid before")):
        late = printing(made.certificate + made.ca, clock=lambda days=days: now_utc() + timedelta(days=days))
        with pytest.raises(RunbookError, match=message):
            late.issue(csr, **REQUESTED)


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["false"], "false ended with status 1"),
        (["sh", "-c", "echo first >&2; echo 'no quota left' >&2; exit 3"], "ended with status 3: no quota left"),
        (["/no/such/program"], "/no/such/program cannot be run: No such file"),
        (["echo", "hello"], "it printed: no certificate in PEM"),
        (["sleep", "30"], "sleep gave no answer within 0.5 s"),
        (["sh", "-c", "sleep 30; true"], "sh gave no answer within 0.5 s"),
    ],
)
def test_command_that_fails_is_one_sentence(argv: list[str], message: str) -> None:
    with pytest.raises(
        RunbookError, match=f"certificate_issuer_command: .*{message}|certificate_issuer_command: {message}"
    ):
        CommandIssuer(argv, patience=0.5).issue(request(), **REQUESTED)


@pytest.mark.parametrize("argv", [[], "step ca sign", ["step", 1], [""]])
def test_command_must_be_a_list_of_words(argv: Any) -> None:
    with pytest.raises(RunbookError, match="expected a list of words"):
        CommandIssuer(argv)


def test_command_does_not_run_for_what_no_issuer_may_issue() -> None:
    outside = CommandIssuer(["/no/such/program"])
    with pytest.raises(RunbookError, match=r"names\[0\]"):
        outside.issue(request(), profile="server", names=["not ok"])
    with pytest.raises(RunbookError, match="csr: "):
        outside.issue("nonsense", **REQUESTED)


def test_issuer_is_the_command_or_the_authority(directory: Path) -> None:
    assert isinstance(issuer(command=["true"], directory=str(directory)), CommandIssuer)
    found = issuer(directory=str(directory), passphrase=PASSPHRASE)
    assert found.issue(request(), **REQUESTED).serial == opened(directory).register()[0].serial
    with pytest.raises(RunbookError, match="certificate_authority_dir: missing"):
        issuer()
