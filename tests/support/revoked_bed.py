# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The hosts of the bed with certificates of a CA that can revoke: nginx, PostgreSQL, Redis, and their client."""

from __future__ import annotations

import json
from typing import Any

from tests.support.authorities import PASSPHRASE, opened
from tests.support.rotated_bed import BED, Ran, run, shell

CA = BED.directory / "revoking-ca"
#: Folder of the client, on the host that monitors.
CLIENT = "/etc/client-tls"
#: Which file of a role's hosts holds the lists, and whose it is.
LISTS = {"web": ("/etc/nginx/tls/crl.pem", "root"), "db": ("/etc/postgresql/tls/crl.pem", "postgres")}


def secret(name: str) -> str:
    """A secret of the bed, as a description names it."""
    return f"{{{{ lookup('ansible.builtin.file', demo_secrets ~ '/{name}') }}}}"


def doors() -> list[dict[str, Any]]:
    """The ports that let the client in: those that read revocation lists, and Redis, which cannot."""
    names = {"nginx": "api.xorb.enterprise", "postgres": "postgres.xorb.local", "redis": "redis.xorb.local"}
    web, db = (BED.host(role).address for role in ("web", "db"))
    door: dict[str, dict[str, Any]] = {
        "nginx": {"address": web, "port": 9443, "path": "/api/v1/health", "host_header": names["nginx"]},
        "postgres": {"address": db, "port": 5432, "starttls": "postgres"},
        "redis": {"address": db, "port": 6380},
    }
    return [{**options, "server_name": names[name], "ca": f"{CLIENT}/ca.pem"} for name, options in door.items()]


def overrides(*, redis: bool) -> dict[str, Any]:
    """The description of the demo with lists, sessions and a client; ``redis`` is whether that is a door of it."""
    client = {
        "directory": CLIENT,
        "names": ["client.test"],
        "profile": "client",
        "accepted_by": doors() if redis else doors()[:-1],
    }
    postgres = {
        "crl": LISTS["db"][0],
        "sessions": {
            "kind": "postgres",
            "user": "xorb_monitor",
            "database": "xorb_db",
            "password": secret("postgres_monitor_password"),
        },
    }
    return {
        "nginx": {
            "endpoints": {"certificate": {"ca": "/etc/nginx/tls/ca.pem"}},
            "checks": {"tls_files": {"paths": ["/etc/nginx/tls"], "trust": "/etc/nginx/tls/ca.pem"}},
        },
        "prometheus": {"certificates": {"client": client}},
        "postgres": {"certificates": {"server": postgres}},
        "redis": {"certificates": {"server": {"sessions": {"kind": "redis", "password": secret("redis_password")}}}},
    }


def revoke(*words: str, redis: bool = False, **variables: Any) -> Ran:
    """Run the playbook; ``variables`` are those of its name."""
    given = {
        # A machine that is busy with others is no reason to give up looking.
        "platform_deadline": 200,
        "platform_overrides": overrides(redis=redis),
        "certificate_authority_dir": str(CA),
        "certificate_authority_passphrase": PASSPHRASE,
        **{f"certificate_revoke_{name}": value for name, value in variables.items()},
    }
    return run("ansible-playbook", "xorb.runbook.certificate_revoke", "-e", json.dumps(given), *words)


def statuses() -> dict[str, str]:
    """The register of the CA: the status of each certificate by its serial number."""
    return {row.serial: row.status for row in opened(CA).register()}


def sql(statement: str) -> str:
    """What PostgreSQL answers to its superuser."""
    return shell("db", f'runuser -u postgres -- psql -XAtq -v ON_ERROR_STOP=1 -c "{statement}"').strip()
