# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a failed login to PostgreSQL means; the real server is met in the scenario of the playbook."""

from __future__ import annotations

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._access.attempt import HUNG_UP, REFUSED, SILENT, Attempt
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import CRITICAL, OK, UNKNOWN
from ansible_collections.xorb.runbook.plugins.module_utils._inspect.kinds import access_postgres
from ansible_collections.xorb.runbook.plugins.module_utils._inspect.registry import KINDS

from tests.support.loopback import hang, probe, served

LOGIN = {"address": "127.0.0.1", "user": "monitor", "database": "shop", "password": "long enough"}
ASPECTS = {"valid", "no_tls", "wrong_password", "unknown_user", "wrong_database"}


@pytest.mark.parametrize(
    ("why", "outcome"),
    [
        ('password authentication failed for user "m"', REFUSED),
        ('no pg_hba.conf entry for host "::1", user "m", database "d", no encryption', REFUSED),
        ('pg_hba.conf rejects connection for host "::1", user "m", database "d", SSL off', REFUSED),
        ('permission denied for database "audit"', REFUSED),
        ('role "m" does not exist', REFUSED),
        ('role "m" is not permitted to log in', REFUSED),
        ("connection requires a valid client certificate", REFUSED),
        # A role that cannot enter a database that is not there was not refused.
        ('database "audit" does not exist', SILENT),
        ("sorry, too many clients already", SILENT),
        ("the database system is starting up", SILENT),
        ("Connection refused Is the server running on that host?", SILENT),
        ("server does not support SSL, but SSL was required", SILENT),
        ("no answer within 5 s", SILENT),
        ("server closed the connection unexpectedly", HUNG_UP),
    ],
)
def test_reason_of_a_failed_login(why: str, outcome: str) -> None:
    assert access_postgres.judge(why).met == outcome


def test_server_that_is_down_refuses_no_client(closed_port: int) -> None:
    found = probe("access_postgres", port=closed_port, forbidden_database="audit", **LOGIN)
    assert {aspect: finding.status for aspect, finding in found.items()} == dict.fromkeys(ASPECTS, UNKNOWN)


def test_server_that_hangs_is_waited_for_once() -> None:
    with served(hang) as port:
        found = probe("access_postgres", port=port, timeout=0.3, **LOGIN)
    assert {finding.status for finding in found.values()} == {UNKNOWN}


def test_every_login_is_tried_once_and_in_its_own_way(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    def log_in(_driver: object, given: dict[str, object]) -> Attempt:
        tried.append(tuple(given[name] for name in ("user", "database", "sslmode")))
        let_in = given["password"] == LOGIN["password"] and given["sslmode"] != "disable"
        return Attempt("accepted" if let_in else "refused", "so")

    monkeypatch.setattr(access_postgres, "log_in", log_in)
    found = probe("access_postgres", port=1, ca="/ca.pem", forbidden_database="audit", **LOGIN)
    assert tried[:3] == [
        ("monitor", "shop", "verify-full"),
        ("monitor", "shop", "disable"),
        ("monitor", "shop", "verify-full"),
    ]
    assert tried[3][0] != "monitor" and tried[4] == ("monitor", "audit", "verify-full")
    assert {name: one.status for name, one in found.items()} == {
        **dict.fromkeys(ASPECTS, OK),
        "wrong_database": CRITICAL,
    }
    assert found["wrong_database"].message == "accepted monitor in the database audit: so"


def test_expected_depends_on_keys_only() -> None:
    expected = KINDS["access_postgres"].expected
    assert set(expected({"forbidden_database": "{{ somewhere }}"})) == ASPECTS
    assert set(expected({"forbidden_database": None})) == ASPECTS - {"wrong_database"}
