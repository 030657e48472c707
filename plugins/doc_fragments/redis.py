# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How a module logs in to Redis."""

from __future__ import annotations


class ModuleDocFragment:
    """Options of every module that logs in to Redis; in step with ``_clients/redis_login.py``."""

    DOCUMENTATION = r"""
options:
  login_host:
    description: Address of the server.
    type: str
    default: localhost
  login_port:
    description: Port of the server.
    type: int
    default: 6379
  login_user:
    description: User to log in as. Without it, the server's default user.
    type: str
  login_password:
    description: Password of that user.
    type: str
  login_timeout:
    description: Seconds that one command may take.
    type: float
    default: 5.0
  tls:
    description: Whether the server speaks TLS.
    type: bool
    default: false
  ca:
    description: PEM file with the certificates to trust, instead of the system's.
    type: path
  client_cert:
    description: PEM file with the client certificate to present.
    type: path
  client_key:
    description: PEM file with its key.
    type: path
"""
