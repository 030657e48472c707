# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How a module logs in to PostgreSQL."""

from __future__ import annotations


class ModuleDocFragment:
    """Options of every module that logs in to PostgreSQL; in step with ``_clients/postgres.py``."""

    DOCUMENTATION = r"""
options:
  login_host:
    description: Address of the server, or the directory of its socket.
    type: str
    default: localhost
  login_port:
    description: Port of the server.
    type: int
    default: 5432
  login_user:
    description: Role to log in as.
    type: str
    required: true
  login_password:
    description: Password of that role.
    type: str
  login_db:
    description: Database to connect to. Indexes, sequences and statements are those of this database.
    type: str
    required: true
  login_timeout:
    description: Seconds that connecting and each query may take.
    type: float
    default: 5.0
  sslmode:
    description: How much TLS is demanded. Without it, V(verify-full) where O(ca) is given, else V(prefer).
    type: str
    choices: [disable, allow, prefer, require, verify-ca, verify-full]
  ca:
    description: PEM file with the certificates to trust.
    type: path
  client_cert:
    description: PEM file with the client certificate to present.
    type: path
  client_key:
    description: PEM file with its key, which only its user may read.
    type: path
  server_name:
    description: Name that the server's certificate must carry, where it is not the address.
    type: str
"""
