# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Stand-in of the XORB API and of the web applications beside it, for demo hosts and tests.

One process and one file, so that a host needs nothing but Python 3.11. It speaks like the real platform, its
quirks included: health is always "healthy", readiness really asks PostgreSQL and Redis, a foreign Host and
``Accept: */*`` are refused. Each application has a listener of its own, because the real ones are separate
programs with separate filters:

===========  ======================================================================
api          the XORB API (``/api/v1/...``)
metrics      the second metrics registry of the API (``/metrics``, no filters)
grafana      ``/api/health``, data source lookup and proxy, annotations
temporal_ui  ``/api/v1/namespaces/<namespace>/workflows``
envoy        the admin port of Envoy (``/ready``)
===========  ======================================================================

States are switched while it runs, by a file with one state a line (no file: only the states of
``XORB_STANDIN_DEFAULT_STATES``). ``slow 3`` carries an argument, ``-accept_filter`` takes a state away,
``grafana.hang`` is for another application than the API. A state that does not exist is answered with 500
everywhere, so that a misspelt fault can never look like a healthy platform.
"""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import datetime
import hashlib
import hmac
import http.client
import json
import math
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import typing as t
import urllib.parse
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

VERSION = "2.0.0"
PREFIX = "/api/v1"
APPLICATIONS = ("api", "metrics", "grafana", "temporal_ui", "envoy")
STATES = frozenset(
    {
        "accept_expired",  # tokens that have expired still let in
        "accept_filter",  # 400 for a request whose Accept contains */*
        "array_body",  # readiness: 200 with a two-element array
        "degraded",  # 200, health says degraded, and no scanner is there
        "early_hints",  # 103 with a link before every answer
        "error_500",  # every route: 500
        "hang",  # accepts, never answers
        "invalid_host",  # 400 plain text unless Host is allowed; an argument replaces the allowed hosts
        "metrics_json",  # /metrics answers JSON
        "no_authentication",  # guarded routes are open to everybody
        "not_ready",  # readiness: 503, whatever the databases say
        "ptaas_missing",  # every PTaaS route: 404
        "rate_limited",  # every route: 429
        "redirect_login",  # every route: 302 to a login page, which answers 200
        "slow",  # waits; the argument is the number of seconds
        "truncated",  # promises more body than it sends
        "unhealthy_body",  # health: 200, and the body says unhealthy
    }
)
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
# timeout in seconds, requests a second (None: no limit)
SCANNERS: dict[str, tuple[int, int | None]] = {
    "nmap": (300, 1000),
    "nuclei": (600, 50),
    "nikto": (300, 10),
    "sslscan": (120, 5),
    "dirb": (300, None),
    "gobuster": (300, None),
    "sqlmap": (600, 1),
}
INSTALLED_SCANNERS = {"nmap": "7.94", "nuclei": "3.1.0", "nikto": "2.5.0"}
SCAN_TYPES = ("quick", "comprehensive", "stealth", "web_focused")
POSTGRESQL = Path("/usr/lib/postgresql")
LARGEST_BODY = 1024 * 1024
LARGEST_SESSION_COUNT = 100
LONGEST_HANG = 300.0


class StateError(ValueError):
    """The state file names something that does not exist."""


# --- what a request and a reply are -----------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Request:
    """One HTTP request; header names are lower case."""

    method: str
    path: str
    query: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    headers: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    body: bytes = b""


@dataclasses.dataclass(frozen=True)
class Reply:
    """One HTTP reply."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()

    def document(self) -> t.Any:
        """Return the body as parsed JSON."""
        return json.loads(self.body)


def json_reply(status: int, document: t.Any, headers: tuple[tuple[str, str], ...] = ()) -> Reply:
    """Build a JSON reply."""
    return Reply(status=status, body=json.dumps(document).encode(), headers=headers)


def text_reply(status: int, text: str, content_type: str = "text/plain; charset=utf-8") -> Reply:
    """Build a text reply."""
    return Reply(status=status, body=text.encode(), content_type=content_type)


def not_found() -> Reply:
    """Build the answer of FastAPI to an unknown route."""
    return json_reply(404, {"detail": "Not Found"})


def naive_now() -> str:
    """Return the time as the platform writes it: UTC, microseconds, no zone."""
    return datetime.datetime.now(tz=datetime.UTC).replace(tzinfo=None).isoformat(timespec="microseconds")


# --- settings ---------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Settings:
    """Everything that comes from the environment."""

    listen: str = "127.0.0.1"
    ports: t.Mapping[str, int] = dataclasses.field(default_factory=lambda: {"api": 8000})
    state_file: str = "/run/xorb-standin/state"
    default_states: str = "accept_filter invalid_host"
    allowed_hosts: tuple[str, ...] = ("api.xorb.enterprise", "xorb.enterprise")
    api_token: str = dataclasses.field(default="", repr=False)
    api_viewer_token: str = dataclasses.field(default="", repr=False)
    api_expired_token: str = dataclasses.field(default="", repr=False)
    postgres_host: str = "localhost"
    postgres_port: int = 5432
    postgres_user: str = "xorb_user"
    postgres_database: str = "xorb_db"
    postgres_password: str = dataclasses.field(default="", repr=False)
    redis_host: str = "localhost"
    redis_port: int = 6379
    redis_password: str = dataclasses.field(default="", repr=False)
    prometheus_host: str = ""
    prometheus_port: int = 9090
    backend_timeout: float = 2.0  # seconds

    @classmethod
    def from_environment(cls, environment: t.Mapping[str, str]) -> Settings:
        """Read ``XORB_STANDIN_*``; a port of 0 or an absent one leaves that application out."""
        values: dict[str, t.Any] = {}
        for field in dataclasses.fields(cls):
            text = environment.get(f"XORB_STANDIN_{field.name.upper()}")
            if text is None or field.name == "ports":
                continue
            if field.name == "allowed_hosts":
                values[field.name] = tuple(text.replace(",", " ").split())
            elif field.name.endswith("_port"):
                values[field.name] = int(text)
            elif field.name.endswith("_timeout"):
                values[field.name] = float(text)
            else:
                values[field.name] = text
        ports = {name: int(environment.get(f"XORB_STANDIN_{name.upper()}_PORT", "0")) for name in APPLICATIONS}
        ports = {name: port for name, port in ports.items() if port}
        if ports:
            values["ports"] = ports
        return cls(**values)


# --- states -----------------------------------------------------------------------------------------------------


def parse_states(text: str, application: str) -> dict[str, str]:
    """Return the states of one application: name to argument. Later lines win over earlier ones."""
    states: dict[str, str] = {}
    for line in text.splitlines():
        words = line.strip().split(maxsplit=1)
        if not words or words[0].startswith("#"):
            continue
        name, argument = words[0], (words[1].strip() if len(words) == 2 else "")
        removed = name.startswith("-")
        owner, dot, state = name.lstrip("-").rpartition(".")
        owner = owner if dot else "api"
        if state not in STATES or owner not in APPLICATIONS:
            raise StateError(f"the stand-in has no state {words[0]!r}")
        if state == "slow" and not removed:
            try:
                float(argument)
            except ValueError as exc:
                raise StateError(f"'slow' needs a number of seconds, not {argument!r}") from exc
        if owner != application:
            continue
        if removed:
            states.pop(state, None)
        else:
            states[state] = argument
    return states


def read_states(settings: Settings, application: str) -> dict[str, str]:
    """Return the states that hold now: those of the settings, changed by those of the file."""
    lines = settings.default_states.replace(",", " ").split()
    with contextlib.suppress(FileNotFoundError):
        lines.extend(Path(settings.state_file).read_text(encoding="utf-8").splitlines())
    return parse_states("\n".join(lines), application)


# --- the databases behind readiness -----------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Finding:
    """What one database said."""

    ok: bool
    message: str
    connections: int | None = None

    def document(self) -> dict[str, str]:
        """Return it as readiness shows it."""
        return {"status": "ok" if self.ok else "error", "message": self.message}


def judge_postgres(output: str) -> Finding:
    """Judge what psql printed: the number of connections to the database, ours included."""
    count = output.strip()
    if count.isdigit() and int(count) >= 1:
        return Finding(ok=True, message="Database connection successful", connections=int(count))
    return Finding(ok=False, message="Database connection failed")


def judge_redis(output: str) -> Finding:
    """Judge what redis-cli printed; its exit status is 0 even for NOAUTH."""
    if output.strip() == "PONG":
        return Finding(ok=True, message="Redis connection successful")
    return Finding(ok=False, message="Redis connection failed")


def run_client(argv: list[str], secrets: t.Mapping[str, str], timeout: float) -> str:
    """Run a database client with its password in the environment; return what it printed to stdout.

    ``timeout`` is in seconds.
    """
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", **secrets}
    result = subprocess.run(
        argv, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout, check=False
    )
    return result.stdout.decode(errors="replace")


def psql() -> str:
    """Return psql itself where Debian has it: the one in the PATH is a Perl program that starts it, and costs more."""
    return max((str(path) for path in POSTGRESQL.glob("*/bin/psql")), default="psql")


def ask_postgres(settings: Settings) -> Finding:
    """Ask PostgreSQL as the API's own user."""
    argv = [psql(), "-XAtqw", "-h", settings.postgres_host, "-p", str(settings.postgres_port)]
    argv += ["-U", settings.postgres_user, "-d", settings.postgres_database]
    argv += ["-c", "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"]
    limit = settings.backend_timeout
    secrets = {
        "PGPASSWORD": settings.postgres_password,
        "PGCONNECT_TIMEOUT": str(math.ceil(limit)),
        "PGAPPNAME": "xorb-api",
    }
    try:
        return judge_postgres(run_client(argv, secrets, limit))
    except (OSError, subprocess.TimeoutExpired) as exc:
        return Finding(ok=False, message=f"Database check failed: {type(exc).__name__}")


def ask_redis(settings: Settings) -> Finding:
    """Ask Redis as the API's own user."""
    argv = ["redis-cli", "-h", settings.redis_host, "-p", str(settings.redis_port), "ping"]
    try:
        return judge_redis(run_client(argv, {"REDISCLI_AUTH": settings.redis_password}, settings.backend_timeout))
    except (OSError, subprocess.TimeoutExpired) as exc:
        return Finding(ok=False, message=f"Redis check failed: {type(exc).__name__}")


@dataclasses.dataclass(frozen=True)
class Backends:
    """How the databases are asked; tests put functions of their own here."""

    postgres: t.Callable[[], Finding]
    redis: t.Callable[[], Finding]
    timeout: float = Settings.backend_timeout  # seconds

    @classmethod
    def real(cls, settings: Settings) -> Backends:
        """Ask by psql and redis-cli."""
        return cls(lambda: ask_postgres(settings), lambda: ask_redis(settings), settings.backend_timeout)

    def ask(self) -> tuple[Finding, Finding]:
        """Ask both at once."""
        findings: dict[str, Finding] = {}
        thread = threading.Thread(target=lambda: findings.update(postgres=self.postgres()), daemon=True)
        thread.start()
        redis = self.redis()
        thread.join(self.timeout + 1)
        return findings.get("postgres", Finding(ok=False, message="Database check failed: no answer")), redis


# --- metrics ----------------------------------------------------------------------------------------------------


class Metrics:
    """Counters and histograms of the requests that the API answered."""

    def __init__(self) -> None:
        """Start with nothing counted."""
        self._lock = threading.Lock()
        self._requests: dict[tuple[str, str, int], int] = {}
        self._durations: dict[tuple[str, str], list[float]] = {}
        self.database_connections = 0
        self.in_flight = 0

    def started(self) -> None:
        """Count a request that is being answered."""
        with self._lock:
            self.in_flight += 1

    def finished(self, method: str, endpoint: str, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        with self._lock:
            self.in_flight -= 1
            key = (method, endpoint, status)
            self._requests[key] = self._requests.get(key, 0) + 1
            # one count a bucket, then the sum and the number of observations
            row = self._durations.setdefault((method, endpoint), [0.0] * (len(BUCKETS) + 2))
            for index, bound in enumerate(BUCKETS):
                if seconds <= bound:
                    row[index] += 1
            row[-2] += seconds
            row[-1] += 1

    def text(self, gauges: t.Mapping[str, float]) -> str:
        """Return the exposition format."""
        with self._lock:
            lines = ["# HELP http_requests_total Total HTTP requests", "# TYPE http_requests_total counter"]
            for (method, endpoint, status), count in sorted(self._requests.items()):
                labels = f'method="{method}",endpoint="{endpoint}",status="{status}"'
                lines.append(f"http_requests_total{{{labels}}} {count}")
            name = "http_request_duration_seconds"
            lines += [f"# HELP {name} HTTP request duration", f"# TYPE {name} histogram"]
            for (method, endpoint), row in sorted(self._durations.items()):
                labels = f'method="{method}",endpoint="{endpoint}"'
                for bound, observed in zip(BUCKETS, row, strict=False):
                    lines.append(f'{name}_bucket{{{labels},le="{bound}"}} {observed:g}')
                lines.append(f'{name}_bucket{{{labels},le="+Inf"}} {row[-1]:g}')
                lines.append(f"{name}_sum{{{labels}}} {row[-2]:.6f}")
                lines.append(f"{name}_count{{{labels}}} {row[-1]:g}")
        for gauge, value in gauges.items():
            lines += [f"# TYPE {gauge} gauge", f"{gauge} {value:g}"]
        lines += ["# TYPE app_info gauge", f'app_info{{version="{VERSION}"}} 1']
        return "\n".join(lines) + "\n"


# --- scan sessions ----------------------------------------------------------------------------------------------


class Sessions:
    """Scan sessions in memory, beginning with one of each sort."""

    def __init__(self) -> None:
        """Make the first sessions."""
        self._lock = threading.Lock()
        self._sessions: dict[str, dict[str, t.Any]] = {}
        for status in ("completed", "completed", "failed", "running"):
            self.create(scan_type="quick", targets_count=1, status=status)

    def create(self, *, scan_type: str, targets_count: int, status: str = "created") -> dict[str, t.Any]:
        """Add a session; the oldest one makes room."""
        now = naive_now()
        digest = hashlib.sha256(os.urandom(16)).hexdigest()[:8]
        results: dict[str, t.Any] | None = None
        if status == "failed":
            results = {"error": "Scanner process exited with status 1"}
        elif status == "completed":
            results = {"scan_results": [], "summary": session_summary(targets_count)}
        session_id = f"ptaas_{now[:19].replace('-', '').replace(':', '').replace('T', '_')}_{digest}"
        session = {
            "session_id": session_id,
            "status": status,
            "scan_type": scan_type,
            "targets_count": targets_count,
            "created_at": now,
            "started_at": None if status == "created" else now,
            "completed_at": now if status in ("completed", "failed") else None,
            "results": results,
        }
        with self._lock:
            while len(self._sessions) >= LARGEST_SESSION_COUNT:
                self._sessions.pop(next(iter(self._sessions)))
            self._sessions[session_id] = session
        return session

    def all(self, *statuses: str) -> list[dict[str, t.Any]]:
        """Return the sessions with one of the statuses, or every one."""
        with self._lock:
            sessions = [dict(session) for session in self._sessions.values()]
        return [session for session in sessions if not statuses or session["status"] in statuses]

    def get(self, session_id: str) -> dict[str, t.Any] | None:
        """Return one session."""
        with self._lock:
            session = self._sessions.get(session_id)
            return dict(session) if session else None

    def cancel(self, session_id: str) -> bool:
        """Cancel one session; say whether there is one of that name."""
        with self._lock:
            session = self._sessions.get(session_id)
            if session is None:
                return False
            session.update(status="cancelled", completed_at=naive_now())
            return True


def session_summary(targets_count: int) -> dict[str, t.Any]:
    """Return the summary of a session that found nothing."""
    severities = {f"{severity}_vulnerabilities": 0 for severity in ("total", "critical", "high", "medium", "low")}
    counts = {"targets_scanned": targets_count, "successful_scans": targets_count, "failed_scans": 0}
    return {**counts, **severities, "tools_used": ["nmap"], "risk_level": "low"}


# --- the applications -------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Principal:
    """Who a bearer token belongs to."""

    name: str
    permissions: frozenset[str]
    super_admin: bool = False


PRINCIPALS = (
    Principal(name="admin", permissions=frozenset({"system:read", "system:write"}), super_admin=True),
    Principal(name="operator", permissions=frozenset({"system:read", "system:write"})),
    Principal(name="viewer", permissions=frozenset({"system:read"})),
)
PROTECTED_PERMISSIONS = ("system:read", "system:write")


class Platform:
    """The applications as functions: a request and the states that hold, in; a reply, out."""

    def __init__(self, settings: Settings, backends: Backends | None = None) -> None:
        """Keep the settings; ask the real databases unless told otherwise."""
        self.settings = settings
        self.backends = backends or Backends.real(settings)
        self.metrics = Metrics()
        self.sessions = Sessions()
        self._applications: dict[str, t.Callable[[Request, t.Mapping[str, str]], Reply]] = {
            "api": self._api,
            "metrics": self._metrics_port,
            "grafana": self._grafana,
            "temporal_ui": self._temporal_ui,
            "envoy": self._envoy,
        }

    def answer(self, application: str, request: Request, states: t.Mapping[str, str]) -> Reply:
        """Answer a request in the given states (all but those of the wire: hang, slow, truncated)."""
        if refusal := self._refuse(request, states):
            return refusal
        return self._applications[application](request, states)

    def endpoint_label(self, path: str) -> str:
        """Return the path as a metric label: the routes of the API, anything else in one word."""
        if path in {f"{PREFIX}{route}" for route in self._api_routes()}:
            return path
        if path.startswith(f"{PREFIX}/ptaas/sessions/"):
            return f"{PREFIX}/ptaas/sessions/{{session_id}}"
        return "unmatched"

    # -- filters in front of every application -------------------------------------------------------------------

    def _refuse(self, request: Request, states: t.Mapping[str, str]) -> Reply | None:
        if "invalid_host" in states:
            allowed = states["invalid_host"].replace(",", " ").split() or self.settings.allowed_hosts
            if request.headers.get("host", "").partition(":")[0] not in allowed:
                return text_reply(400, "Invalid host header")
        if "accept_filter" in states and "*/*" in request.headers.get("accept", ""):
            error = {"detail": "Invalid input detected", "error_type": "security_violation", "timestamp": naive_now()}
            return json_reply(400, error)
        if "rate_limited" in states:
            return rate_limited()
        if "redirect_login" in states:
            return login_page(request.path)
        return json_reply(500, {"detail": "Internal server error"}) if "error_500" in states else None

    # -- the API -------------------------------------------------------------------------------------------------

    def _api_routes(self) -> dict[str, tuple[str, t.Callable[[Request, t.Mapping[str, str]], Reply]]]:
        return {
            "/health": ("GET", self._health),
            "/readiness": ("GET", self._readiness),
            "/metrics": ("GET", self._metrics_route),
            "/version": ("GET", self._version),
            "/dependencies": ("GET", self._dependencies),
            "/status": ("GET", self._status),
            "/protected/endpoint": ("GET", self._protected),
            "/auth/token": ("POST", self._token),
            "/ptaas/health": ("GET", self._ptaas_health),
            "/ptaas/scanners/status": ("GET", self._ptaas_scanners),
            "/ptaas/queue/status": ("GET", self._ptaas_queue),
            "/ptaas/metrics": ("GET", self._ptaas_metrics),
            "/ptaas/sessions": ("GET POST", self._ptaas_sessions),
            "/ptaas/sessions/active": ("GET", self._ptaas_active),
        }

    def _api(self, request: Request, states: t.Mapping[str, str]) -> Reply:
        if not request.path.startswith(f"{PREFIX}/"):
            return not_found()
        path = request.path.removeprefix(PREFIX)
        if path.startswith("/ptaas/") and "ptaas_missing" in states:
            return not_found()
        methods, route = self._api_routes().get(path, ("", None))
        if route is None:
            return self._ptaas_session(request, path) if path.startswith("/ptaas/sessions/") else not_found()
        if request.method.replace("HEAD", "GET") not in methods.split():
            return json_reply(405, {"detail": "Method Not Allowed"}, (("Allow", methods.replace(" ", ", ")),))
        return route(request, states)

    def _health(self, _request: Request, states: t.Mapping[str, str]) -> Reply:
        if "degraded" in states:
            return json_reply(200, {"status": "degraded", "version": VERSION, "redis": "error"})
        status = "unhealthy" if "unhealthy_body" in states else "healthy"
        body = {"status": status, "timestamp": naive_now(), "version": VERSION, "service": "xorb-api"}
        return json_reply(200, body)

    def _readiness(self, _request: Request, states: t.Mapping[str, str]) -> Reply:
        if "array_body" in states:
            return json_reply(200, [{"status": "not_ready", "redis": "error"}, 503])
        begin = time.monotonic()
        if "not_ready" in states:
            postgres, redis = judge_postgres(""), Finding(ok=True, message="Redis connection successful")
        else:
            postgres, redis = self._ask()
        ready = postgres.ok and redis.ok
        body = {
            "status": "ready" if ready else "not_ready",
            "timestamp": naive_now(),
            "checks": {
                "database": postgres.document(),
                "redis": redis.document(),
                "vector_store": {"status": "ok", "message": "Vector store initialized"},
            },
            "check_duration_ms": round((time.monotonic() - begin) * 1000, 2),
        }
        return json_reply(200 if ready else 503, body)

    def _ask(self) -> tuple[Finding, Finding]:
        postgres, redis = self.backends.ask()
        self.metrics.database_connections = postgres.connections or 0
        return postgres, redis

    def _gauges(self) -> dict[str, float]:
        return {
            "active_connections": self.metrics.database_connections,
            "xorb_api_active_connections": self.metrics.in_flight,
            "ptaas_scans_active": len(self.sessions.all("queued", "running")),
        }

    def _metrics_route(self, _request: Request, states: t.Mapping[str, str]) -> Reply:
        if "metrics_json" in states:
            return json_reply(200, self._gauges())
        return text_reply(200, self.metrics.text(self._gauges()), "text/plain; version=0.0.4; charset=utf-8")

    def _version(self, _request: Request, _states: t.Mapping[str, str]) -> Reply:
        body = {
            "version": VERSION,
            "build_date": "2025-08-14T00:00:00",
            "commit_hash": "5fa514b",
            "build_number": "1",
            "environment": "production",
            "python_version": sys.version.split()[0],
            "features": {"ptaas": True, "metrics": True},
        }
        return json_reply(200, body)

    def _dependencies(self, _request: Request, _states: t.Mapping[str, str]) -> Reply:
        postgres, redis = self._ask()

        def entry(finding: Finding, sort: str) -> dict[str, t.Any]:
            return {"status": "healthy" if finding.ok else "unhealthy", "type": sort, "critical": True}

        provider = {"status": "healthy", "type": "authentication", "critical": False}
        databases = {"postgresql": entry(postgres, "database"), "redis": entry(redis, "cache")}
        return json_reply(200, {"timestamp": naive_now(), "dependencies": {**databases, "oidc_provider": provider}})

    # -- tokens --------------------------------------------------------------------------------------------------

    def token_of(self, name: str) -> str:
        """Return the bearer token that a login of this user gets; it depends on the secret of this machine."""
        return hmac.new(self.settings.api_token.encode(), name.encode(), hashlib.sha256).hexdigest()

    def principal(self, request: Request, states: t.Mapping[str, str]) -> Principal | None:
        """Return whose bearer token this is; nobody's once it has expired."""
        admin, viewer = PRINCIPALS[0], PRINCIPALS[-1]
        if "no_authentication" in states:
            return admin
        scheme, _space, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token or not self.settings.api_token:
            return None
        # Whoever has an expired token was an administrator once, and is one still where nobody looks at its time.
        expired = self.settings.api_expired_token if "accept_expired" in states else ""
        issued = [(admin, self.settings.api_token), (viewer, self.settings.api_viewer_token), (admin, expired)]
        issued += [(one, self.token_of(one.name)) for one in PRINCIPALS]
        return next((one for one, own in issued if own and same(token, own)), None)

    def _token(self, request: Request, _states: t.Mapping[str, str]) -> Reply:
        form = dict(urllib.parse.parse_qsl(request.body.decode(errors="replace")))
        known = any(one.name == form.get("username") for one in PRINCIPALS)
        if known and self.settings.api_token and same(form.get("password", ""), self.settings.api_token):
            return json_reply(200, {"access_token": self.token_of(form["username"]), "token_type": "bearer"})
        return json_reply(401, {"detail": "Incorrect username or password"}, (("WWW-Authenticate", "Bearer"),))

    def _status(self, request: Request, states: t.Mapping[str, str]) -> Reply:
        principal = self.principal(request, states)
        if principal is None:
            return authentication_required()
        if not principal.super_admin:
            return json_reply(403, {"detail": "Super admin access required"})
        return json_reply(200, {"status": "operational", "version": VERSION, "timestamp": naive_now()})

    def _protected(self, request: Request, states: t.Mapping[str, str]) -> Reply:
        principal = self.principal(request, states)
        if principal is None:
            return authentication_required()
        missing = [name for name in PROTECTED_PERMISSIONS if name not in principal.permissions]
        if missing:
            return json_reply(403, {"detail": f"Missing permissions: {', '.join(missing)}"})
        return json_reply(200, {"user": principal.name, "timestamp": naive_now()})

    # -- PTaaS ---------------------------------------------------------------------------------------------------

    def _ptaas_health(self, _request: Request, states: t.Mapping[str, str]) -> Reply:
        installed = {} if "degraded" in states else INSTALLED_SCANNERS
        body = {
            "success": True,
            "status": "healthy" if installed else "degraded",
            "message": "PTaaS Orchestrator is operational" if installed else "No scanners available",
            "checks": {
                "active_sessions": len(self.sessions.all("running")),
                "queue_size": len(self.sessions.all("created", "queued")),
                "available_scanners": len(installed),
                "worker_tasks": 3,
            },
            "scanner_status": {name: "available" if name in installed else "missing" for name in SCANNERS},
            "timestamp": naive_now(),
        }
        return json_reply(200, body)

    def _ptaas_scanners(self, _request: Request, states: t.Mapping[str, str]) -> Reply:
        installed = {} if "degraded" in states else INSTALLED_SCANNERS
        scanners = {
            name: {
                "available": name in installed,
                "version": installed.get(name),
                "path": f"/usr/bin/{name}" if name in installed else None,
                "timeout": timeout,
                "max_rate": rate,
            }
            for name, (timeout, rate) in SCANNERS.items()
        }
        body = {"status": "healthy" if "nmap" in installed else "degraded", "scanners": scanners}
        if "nmap" not in installed:
            body["message"] = "Some critical scanners unavailable"
        return json_reply(200, {**body, "available": len(installed), "total": len(SCANNERS), "timestamp": naive_now()})

    def _ptaas_queue(self, _request: Request, _states: t.Mapping[str, str]) -> Reply:
        pending = self.sessions.all("created", "queued")
        body = {
            "queue_name": "ptaas",
            "pending_jobs": len(pending),
            "running_jobs": len(self.sessions.all("running")),
            "completed_jobs_24h": len(self.sessions.all("completed")),
            "failed_jobs_24h": len(self.sessions.all("failed")),
            "avg_execution_time": 42.5,
            "oldest_pending_job": min((session["created_at"] for session in pending), default=None),
        }
        return json_reply(200, body)

    def _ptaas_metrics(self, _request: Request, states: t.Mapping[str, str]) -> Reply:
        installed = {} if "degraded" in states else INSTALLED_SCANNERS
        completed = len(self.sessions.all("completed"))
        body = {
            "total_sessions": len(self.sessions.all()),
            "active_sessions": len(self.sessions.all("queued", "running")),
            "completed_sessions": completed,
            "failed_sessions": len(self.sessions.all("failed")),
            "total_vulnerabilities_found": 0,
            "average_scan_duration": 42.5,
            "scanner_availability": {name: name in installed for name in SCANNERS},
            "scan_times": {"count": completed, "average": 42.5, "p95": 61.0, "max": 63.2},
        }
        return json_reply(200, body)

    def _ptaas_active(self, _request: Request, _states: t.Mapping[str, str]) -> Reply:
        active = self.sessions.all("queued", "running")
        return json_reply(200, {"count": len(active), "sessions": active, "timestamp": naive_now()})

    def _ptaas_sessions(self, request: Request, _states: t.Mapping[str, str]) -> Reply:
        if request.method == "POST":
            return self._ptaas_create(request)
        try:
            limit, offset = int(request.query.get("limit", "50")), int(request.query.get("offset", "0"))
        except ValueError:
            return json_reply(422, {"detail": "limit and offset must be numbers"})
        if not (1 <= limit <= 100 and offset >= 0):
            return json_reply(422, {"detail": "limit must be between 1 and 100"})
        wanted = request.query.get("status_filter") or request.query.get("status")
        found = self.sessions.all(wanted) if wanted else self.sessions.all()
        page = found[offset : offset + limit]
        paging = {"total": len(found), "limit": limit, "offset": offset, "has_more": offset + len(page) < len(found)}
        body = {"success": True, "sessions": page, "pagination": paging, "filters": {"status_filter": wanted}}
        return json_reply(200, {**body, "timestamp": naive_now()})

    def _ptaas_create(self, request: Request) -> Reply:
        try:
            wish = json.loads(request.body)
            targets, scan_type = list(wish["targets"]), str(wish["scan_type"])
            authorized = bool(targets) and all(target.get("authorized") is True for target in targets)
        except (ValueError, KeyError, TypeError, AttributeError):
            return json_reply(422, {"detail": "targets and scan_type are required"})
        if not authorized:
            return json_reply(400, {"detail": "Every target must be authorized"})
        if scan_type not in SCAN_TYPES:
            return json_reply(400, {"detail": f"Unknown scan type: {scan_type[:40]}"})
        return json_reply(200, self.sessions.create(scan_type=scan_type, targets_count=len(targets)))

    def _ptaas_session(self, request: Request, path: str) -> Reply:
        session_id, _slash, verb = path.removeprefix("/ptaas/sessions/").partition("/")
        if verb not in ("", "cancel"):
            return not_found()
        session = self.sessions.get(session_id)
        if session is None:
            return json_reply(404, {"detail": "Scan session not found"})
        if not verb:
            return json_reply(200, session)
        if request.method != "POST":
            return json_reply(405, {"detail": "Method Not Allowed"}, (("Allow", "POST"),))
        self.sessions.cancel(session_id)
        return json_reply(200, {"message": "Session cancelled successfully", "session_id": session_id})

    # -- the applications beside the API -------------------------------------------------------------------------

    def _metrics_port(self, request: Request, states: t.Mapping[str, str]) -> Reply:
        return self._metrics_route(request, states) if request.path == "/metrics" else text_reply(404, "Not Found")

    def _grafana_known(self, request: Request) -> bool:
        scheme, _space, credential = request.headers.get("authorization", "").partition(" ")
        if not self.settings.api_token:
            return False
        if scheme.lower() == "basic":
            expected = base64.b64encode(f"admin:{self.settings.api_token}".encode()).decode()
            return same(credential, expected)
        return scheme.lower() == "bearer" and same(credential, self.settings.api_token)

    def _grafana(self, request: Request, states: t.Mapping[str, str]) -> Reply:
        if request.path == "/api/health":
            database = "failing" if "unhealthy_body" in states else "ok"
            body = {"commit": "849c612", "database": database, "version": "10.1.0"}
            return json_reply(200 if database == "ok" else 503, body)
        if not self._grafana_known(request):
            return json_reply(401, {"message": "Unauthorized"})
        if request.path == "/api/annotations" and request.method == "POST":
            return annotated(request.body)
        source = {"id": 1, "uid": "prometheus", "name": "Prometheus", "type": "prometheus", "access": "proxy"}
        if request.path in {f"/api/datasources/{key}" for key in ("name/Prometheus", "uid/prometheus", "1")}:
            return json_reply(200, source)
        for proxy in ("/api/datasources/proxy/1", "/api/datasources/proxy/uid/prometheus"):
            if request.path.startswith(f"{proxy}/"):
                return self._prometheus(request.path.removeprefix(proxy), request.query)
        return json_reply(404, {"message": "Not found"})

    def _prometheus(self, path: str, query: t.Mapping[str, str]) -> Reply:
        host, port = self.settings.prometheus_host, self.settings.prometheus_port
        limit = self.settings.backend_timeout
        with contextlib.closing(http.client.HTTPConnection(host, port, timeout=limit)) as connection:
            try:
                connection.request("GET", f"{urllib.parse.quote(path)}?{urllib.parse.urlencode(query)}")
                response = connection.getresponse()
                return Reply(status=response.status, body=response.read(LARGEST_BODY))
            except (OSError, http.client.HTTPException):
                return json_reply(502, {"message": "Bad Gateway"})

    def _temporal_ui(self, request: Request, _states: t.Mapping[str, str]) -> Reply:
        words = request.path.strip("/").split("/")
        if len(words) != 5 or words[:3] != ["api", "v1", "namespaces"] or words[4] != "workflows":
            return json_reply(404, {"code": 5, "message": "Not Found", "details": []})
        if words[3] != "default":
            return json_reply(404, {"code": 5, "message": f"Namespace {words[3][:60]} is not found.", "details": []})
        execution = {
            "execution": {"workflowId": "domain::example.com", "runId": "5d5f7a4e-0000-4000-8000-000000000001"},
            "type": {"name": "DynamicScanWorkflow"},
            "startTime": f"{naive_now()}Z",
            "closeTime": None,
            "status": "WORKFLOW_EXECUTION_STATUS_RUNNING",
            "taskQueue": "xorb-task-queue",
        }
        return json_reply(200, {"executions": [execution], "nextPageToken": ""})

    def _envoy(self, request: Request, states: t.Mapping[str, str]) -> Reply:
        if request.path != "/ready":
            return text_reply(404, "invalid path. admin commands are: /ready")
        live = "not_ready" not in states
        return text_reply(200 if live else 503, "LIVE\n" if live else "PRE_INITIALIZING\n")


def same(left: str, right: str) -> bool:
    """Compare two secrets in constant time."""
    return hmac.compare_digest(left.encode(), right.encode())


def authentication_required() -> Reply:
    """Build the answer to a request without a valid token."""
    return json_reply(401, {"detail": "Authentication required"}, (("WWW-Authenticate", "Bearer"),))


def annotated(body: bytes) -> Reply:
    """Build Grafana's answer to a new annotation."""
    try:
        text = json.loads(body)["text"]
    except (ValueError, KeyError, TypeError):
        text = ""
    added = {"id": 1, "message": "Annotation added"}
    return json_reply(200, added) if text else json_reply(400, {"message": "bad request data"})


def login_page(path: str) -> Reply:
    """Build what a proxy in front of an application says to a stranger: go to the login page, which answers 200."""
    if path == "/login":
        return text_reply(200, "<html><body><form>Sign in</form></body></html>", "text/html; charset=utf-8")
    return Reply(status=302, body=b"", content_type="text/html; charset=utf-8", headers=(("Location", "/login"),))


def rate_limited() -> Reply:
    """Build the answer to a client that asked too often."""
    details = {"tokens_remaining": 0, "retry_after_seconds": 60, "reputation_level": "neutral", "correlation_id": "-"}
    error = {"code": "RATE_LIMIT_EXCEEDED", "message": "Rate limit exceeded", "details": details}
    headers = (("Retry-After", "60"), ("X-RateLimit-Limit", "60"), ("X-RateLimit-Remaining", "0"))
    return json_reply(429, {"success": False, "errors": [error]}, headers)


# --- the wire ---------------------------------------------------------------------------------------------------


class Server(ThreadingHTTPServer):
    """One listener of one application."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], platform: Platform, application: str) -> None:
        """Bind at once, so that a port in use is an error of the start."""
        self.platform = platform
        self.application = application
        self.stopping = threading.Event()
        super().__init__(address, Handler)

    def server_bind(self) -> None:
        """Bind without the reverse look-up of the standard library, which can wait for a name server."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def handle_error(self, request: t.Any, client_address: t.Any) -> None:
        """Keep quiet about clients that went away; show everything else."""
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """Turns bytes into a Request and a Reply into bytes, and plays the faults of the wire."""

    protocol_version = "HTTP/1.1"
    server_version = "xorb-api"
    sys_version = ""
    timeout = 30
    server: Server

    def do_GET(self) -> None:
        """Answer any method."""
        begin = time.monotonic()
        split = urllib.parse.urlsplit(self.path)
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit() or int(length) > LARGEST_BODY or "Transfer-Encoding" in self.headers:
            self.close_connection = True
            self._send(json_reply(413, {"detail": "Request body too large"}), {})
            return
        request = Request(
            method=self.command,
            path=urllib.parse.unquote(split.path),
            query=dict(urllib.parse.parse_qsl(split.query)),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(int(length)),
        )
        if self.server.application != "api":
            self._answer(request)
            return
        metrics = self.server.platform.metrics
        metrics.started()
        status = 0
        try:
            status = self._answer(request)
        finally:
            seconds = time.monotonic() - begin
            metrics.finished(request.method, self.server.platform.endpoint_label(request.path), status, seconds)
            self._log(request, status, seconds)

    def _answer(self, request: Request) -> int:
        states: dict[str, str] = {}
        try:
            states = read_states(self.server.platform.settings, self.server.application)
            if "hang" in states:
                self._hang()
                return 499
            if "slow" in states:
                self.server.stopping.wait(float(states["slow"]))
            reply = self.server.platform.answer(self.server.application, request, states)
        except (StateError, OSError) as exc:
            reply = json_reply(500, {"detail": f"stand-in: {exc}"})
        self._send(reply, states)
        return reply.status

    def _hang(self) -> None:
        """Say nothing until the state is gone, the client is, or the server stops; then close."""
        self.close_connection = True
        end = time.monotonic() + LONGEST_HANG
        while time.monotonic() < end and not self.server.stopping.is_set():
            readable, _writable, _broken = select.select([self.connection], [], [], 0.2)
            if readable and not self.connection.recv(1, socket.MSG_PEEK):
                return
            if readable:
                self.server.stopping.wait(0.2)  # a second request is waiting; it is not answered either
            with contextlib.suppress(StateError, OSError):
                if "hang" not in read_states(self.server.platform.settings, self.server.application):
                    return

    def _send(self, reply: Reply, states: t.Mapping[str, str]) -> None:
        length = len(reply.body)
        if "truncated" in states:
            length += 100
            self.close_connection = True
        if "early_hints" in states:
            self.send_response_only(HTTPStatus.EARLY_HINTS)
            self.send_header("Link", "</style.css>; rel=preload; as=style")
            self.end_headers()
        self.send_response(reply.status, HTTPStatus(reply.status).phrase)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(length))
        for name, value in reply.headers:
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body)

    def _log(self, request: Request, status: int, seconds: float) -> None:
        """Write the platform's JSON line: values are strings, no query, no header."""
        line = {
            "method": request.method,
            "path": request.path[:200],
            "status_code": str(status),
            "duration_seconds": f"{seconds:.4f}",
            "event": "Request failed" if status >= 500 else "Request completed",
            "logger": "middleware.logging",
            "level": "error" if status >= 500 else "info",
            "timestamp": f"{naive_now()}Z",
        }
        # one write, so that the lines of two threads are never mixed
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Leave out the standard library's line of every request."""


for _method in ("HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
    setattr(Handler, f"do_{_method}", Handler.do_GET)


def start(settings: Settings, backends: Backends | None = None) -> list[Server]:
    """Start every listener in a thread of its own."""
    platform = Platform(settings, backends)
    servers = [Server((settings.listen, port), platform, name) for name, port in settings.ports.items()]
    for server in servers:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
    return servers


def stop(servers: t.Iterable[Server]) -> None:
    """Stop every listener; connections that hang are let go."""
    for server in servers:
        server.stopping.set()
        server.shutdown()
        server.server_close()


def main() -> int:
    """Serve until a signal ends the process; there is nothing to tidy up."""
    try:
        settings = Settings.from_environment(os.environ)
        read_states(dataclasses.replace(settings, state_file=os.devnull), "api")
        start(settings)
    except (StateError, ValueError, OSError) as exc:
        print(f"xorb-standin: {exc}", file=sys.stderr)
        return 1
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            signal.pause()
    return 0


if __name__ == "__main__":
    sys.exit(main())
