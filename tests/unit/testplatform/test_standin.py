# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The stand-in of the XORB API: its routes as functions, and its faults over a real socket."""

from __future__ import annotations

import base64
import http.client
import json
import socket
import threading
import time
import typing as t
from pathlib import Path

import pytest

from tests.support.standin import EXPIRED_TOKEN, HOST, TOKEN, UP, VIEWER_TOKEN, Wire, listening, standin


@pytest.fixture
def platform() -> t.Any:
    """Return the applications with databases that answer."""
    return standin.Platform(standin.Settings(api_token=TOKEN), UP)


def get(platform: t.Any, path: str, *, states: str = "", application: str = "api", **headers: str) -> t.Any:
    """Send one GET through the routing."""
    route, _mark, query = path.partition("?")
    pairs = dict(pair.split("=") for pair in query.split("&") if pair)
    request = standin.Request(method="GET", path=route, query=pairs, headers={"host": HOST, **headers})
    return platform.answer(application, request, standin.parse_states(states.replace(",", "\n"), application))


def post(platform: t.Any, path: str, body: str, *, application: str = "api", **headers: str) -> t.Any:
    """Send one POST through the routing."""
    request = standin.Request(method="POST", path=path, headers={"host": HOST, **headers}, body=body.encode())
    return platform.answer(application, request, {})


# --- the state file ---------------------------------------------------------------------------------------------


def test_parse_states_several_lines_keeps_arguments() -> None:
    assert standin.parse_states("# a fault\nslow 3\n\nnot_ready\n", "api") == {"slow": "3", "not_ready": ""}


def test_parse_states_leading_minus_takes_away() -> None:
    assert standin.parse_states("accept_filter\n-accept_filter", "api") == {}


def test_parse_states_other_application_is_apart() -> None:
    assert standin.parse_states("grafana.hang", "api") == {}
    assert standin.parse_states("grafana.hang", "grafana") == {"hang": ""}


@pytest.mark.parametrize("text", ["unhealthy", "grafana.nonsense", "elsewhere.hang", "slow", "slow long"])
def test_parse_states_unknown_is_refused(text: str) -> None:
    with pytest.raises(standin.StateError):
        standin.parse_states(text, "api")


def test_read_states_without_file_gives_the_default_filters(tmp_path: Path) -> None:
    settings = standin.Settings(state_file=str(tmp_path / "absent"))
    assert set(standin.read_states(settings, "api")) == {"accept_filter", "invalid_host"}
    assert standin.read_states(settings, "grafana") == {}


def test_settings_from_environment_reads_every_sort_of_value() -> None:
    environment = {
        "XORB_STANDIN_API_PORT": "8000",
        "XORB_STANDIN_METRICS_PORT": "9090",
        "XORB_STANDIN_ALLOWED_HOSTS": "a.example, b.example",
        "XORB_STANDIN_POSTGRES_PORT": "5433",
        "XORB_STANDIN_REDIS_PASSWORD": "not-a-real-one",
    }
    settings = standin.Settings.from_environment(environment)
    assert settings.ports == {"api": 8000, "metrics": 9090}
    assert settings.allowed_hosts == ("a.example", "b.example")
    assert settings.postgres_port == 5433
    assert "not-a-real-one" not in repr(settings)


# --- health and readiness ---------------------------------------------------------------------------------------


def test_health_databases_down_is_still_healthy() -> None:
    down = standin.Backends(postgres=lambda: standin.judge_postgres(""), redis=lambda: standin.judge_redis(""))
    reply = get(standin.Platform(standin.Settings(), down), "/api/v1/health")
    assert (reply.status, reply.document()["status"]) == (200, "healthy")


def test_health_timestamp_is_naive_with_microseconds(platform: t.Any) -> None:
    timestamp = get(platform, "/api/v1/health").document()["timestamp"]
    assert len(timestamp) == len("2025-08-14T21:26:43.120934")
    assert not timestamp.endswith("Z")


def test_readiness_databases_up_is_ready(platform: t.Any) -> None:
    reply = get(platform, "/api/v1/readiness")
    body = reply.document()
    assert (reply.status, body["status"]) == (200, "ready")
    assert {name: check["status"] for name, check in body["checks"].items()} == {
        "database": "ok",
        "redis": "ok",
        "vector_store": "ok",
    }
    assert isinstance(body["check_duration_ms"], float)


def test_readiness_redis_down_is_503_and_names_redis() -> None:
    half = standin.Backends(postgres=UP.postgres, redis=lambda: standin.judge_redis("NOAUTH Authentication required."))
    reply = get(standin.Platform(standin.Settings(), half), "/api/v1/readiness")
    assert reply.status == 503
    assert reply.document()["checks"]["redis"] == {"status": "error", "message": "Redis connection failed"}
    assert reply.document()["checks"]["database"]["status"] == "ok"


@pytest.mark.parametrize("output", ["NOAUTH Authentication required.\n", "", "WRONGPASS invalid", "pong"])
def test_judge_redis_anything_but_pong_is_an_error(output: str) -> None:
    assert not standin.judge_redis(output).ok


@pytest.mark.parametrize("output", ["", "0", "psql: error: connection refused", "1\n2"])
def test_judge_postgres_anything_but_a_count_is_an_error(output: str) -> None:
    assert not standin.judge_postgres(output).ok


def test_ask_without_clients_is_an_error_and_no_traceback(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(standin, "POSTGRESQL", tmp_path)
    settings = standin.Settings()
    assert standin.ask_postgres(settings).message == "Database check failed: FileNotFoundError"
    assert standin.ask_redis(settings).message == "Redis check failed: FileNotFoundError"


def test_psql_is_the_program_itself_where_it_is_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(standin, "POSTGRESQL", tmp_path)
    assert standin.psql() == "psql"
    for version in ("15", "17"):
        program = tmp_path / version / "bin" / "psql"
        program.parent.mkdir(parents=True)
        program.touch()
    assert standin.psql() == str(tmp_path / "17" / "bin" / "psql")


def test_dependencies_names_all_three(platform: t.Any) -> None:
    dependencies = get(platform, "/api/v1/dependencies").document()["dependencies"]
    assert {name: one["critical"] for name, one in dependencies.items()} == {
        "postgresql": True,
        "redis": True,
        "oidc_provider": False,
    }


# --- states -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "path", "status", "evidence"),
    [
        ("not_ready", "/api/v1/readiness", 503, '"not_ready"'),
        ("unhealthy_body", "/api/v1/health", 200, '"unhealthy"'),
        ("degraded", "/api/v1/health", 200, '"degraded"'),
        ("degraded", "/api/v1/ptaas/health", 200, "No scanners available"),
        ("array_body", "/api/v1/readiness", 200, '[{"status": "not_ready"'),
        ("error_500", "/api/v1/health", 500, "Internal server error"),
        ("rate_limited", "/api/v1/health", 429, "RATE_LIMIT_EXCEEDED"),
        ("ptaas_missing", "/api/v1/ptaas/health", 404, "Not Found"),
        ("metrics_json", "/api/v1/metrics", 200, '{"active_connections"'),
        ("redirect_login", "/api/v1/health", 302, ""),
        ("redirect_login", "/login", 200, "Sign in"),
        ("invalid_host elsewhere.example", "/api/v1/health", 400, "Invalid host header"),
    ],
)
def test_state_answers_as_named(platform: t.Any, state: str, path: str, status: int, evidence: str) -> None:
    reply = get(platform, path, states=state)
    assert reply.status == status
    assert evidence in reply.body.decode()


def test_every_state_is_tried_here() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    assert [state for state in standin.STATES if f'"{state}' not in text and f'"{state} ' not in text] == []


def test_invalid_host_checks_the_name_without_its_port(platform: t.Any) -> None:
    assert get(platform, "/api/v1/health", states="invalid_host", host=f"{HOST}:8443").status == 200
    refused = get(platform, "/api/v1/health", states="invalid_host", host="localhost:8000")
    assert (refused.status, refused.content_type) == (400, "text/plain; charset=utf-8")


def test_accept_filter_refuses_curl_and_not_json(platform: t.Any) -> None:
    assert get(platform, "/api/v1/health", states="accept_filter", accept="*/*").status == 400
    assert get(platform, "/api/v1/health", states="accept_filter", accept="application/json").status == 200
    assert get(platform, "/api/v1/health", states="accept_filter").status == 200


# --- tokens -----------------------------------------------------------------------------------------------------


def _login(platform: t.Any, name: str, password: str = TOKEN) -> t.Any:
    return post(platform, "/api/v1/auth/token", f"username={name}&password={password}")


@pytest.mark.parametrize("path", ["/api/v1/status", "/api/v1/protected/endpoint"])
@pytest.mark.parametrize(
    "header", [None, "Bearer invalid_token", "Bearer ", f"Basic {TOKEN}"], ids=["none", "invalid", "empty", "basic"]
)
def test_guarded_route_without_valid_token_is_401(platform: t.Any, path: str, header: str | None) -> None:
    reply = get(platform, path, **({"authorization": header} if header else {}))
    assert (reply.status, reply.document()) == (401, {"detail": "Authentication required"})
    assert ("WWW-Authenticate", "Bearer") in reply.headers


@pytest.mark.parametrize(
    ("user", "status_code", "protected_code"), [("admin", 200, 200), ("operator", 403, 200), ("viewer", 403, 403)]
)
def test_roles_decide(platform: t.Any, user: str, status_code: int, protected_code: int) -> None:
    bearer = f"Bearer {_login(platform, user).document()['access_token']}"
    assert get(platform, "/api/v1/status", authorization=bearer).status == status_code
    assert get(platform, "/api/v1/protected/endpoint", authorization=bearer).status == protected_code


def test_issued_tokens_have_roles_and_an_end() -> None:
    viewer, expired = VIEWER_TOKEN, EXPIRED_TOKEN
    settings = standin.Settings(api_token=TOKEN, api_viewer_token=viewer, api_expired_token=expired)
    platform = standin.Platform(settings, UP)
    answers = {token: get(platform, "/api/v1/status", authorization=f"Bearer {token}") for token in (viewer, expired)}
    assert (answers[viewer].status, answers[expired].status) == (403, 401)
    late = get(platform, "/api/v1/status", states="accept_expired", authorization=f"Bearer {expired}")
    assert late.status == 200
    assert get(platform, "/api/v1/status", states="no_authentication").status == 200


def test_tokens_that_were_not_issued_let_nobody_in(platform: t.Any) -> None:
    assert get(platform, "/api/v1/status", states="accept_expired", authorization="Bearer ").status == 401


def test_login_wrong_password_is_401(platform: t.Any) -> None:
    assert _login(platform, "admin", "wrong").status == 401
    assert _login(platform, "nobody").status == 401


def test_empty_token_lets_nobody_in() -> None:
    platform = standin.Platform(standin.Settings(api_token=""), UP)
    assert get(platform, "/api/v1/status", authorization="Bearer ").status == 401
    assert _login(platform, "admin", "").status == 401


# --- PTaaS, metrics and the applications beside the API ---------------------------------------------------------


def test_ptaas_sessions_filter_by_either_name(platform: t.Any) -> None:
    for name in ("status", "status_filter"):
        body = get(platform, f"/api/v1/ptaas/sessions?{name}=failed").document()
        assert [session["status"] for session in body["sessions"]] == ["failed"]
        assert body["pagination"]["total"] == 1


def test_ptaas_sessions_limit_above_100_is_422(platform: t.Any) -> None:
    assert get(platform, "/api/v1/ptaas/sessions?limit=101").status == 422


def test_ptaas_session_lifecycle(platform: t.Any) -> None:
    wish = {"targets": [{"host": "192.0.2.1", "ports": [80], "authorized": True}], "scan_type": "quick"}
    session_id = post(platform, "/api/v1/ptaas/sessions", json.dumps(wish)).document()["session_id"]
    assert get(platform, "/api/v1/ptaas/queue/status").document()["pending_jobs"] == 1
    assert post(platform, f"/api/v1/ptaas/sessions/{session_id}/cancel", "").status == 200
    assert get(platform, f"/api/v1/ptaas/sessions/{session_id}").document()["status"] == "cancelled"
    assert get(platform, "/api/v1/ptaas/sessions/unknown").status == 404


@pytest.mark.parametrize(
    ("wish", "status"),
    [
        ({"targets": [{"host": "192.0.2.1"}], "scan_type": "quick"}, 400),
        ({"targets": [{"host": "192.0.2.1", "authorized": True}], "scan_type": "other"}, 400),
        ({"targets": []}, 422),
        ([], 422),
    ],
)
def test_ptaas_create_refuses_bad_wishes(platform: t.Any, wish: t.Any, status: int) -> None:
    assert post(platform, "/api/v1/ptaas/sessions", json.dumps(wish)).status == status


def test_ptaas_shapes_carry_what_the_runbook_reads(platform: t.Any) -> None:
    assert get(platform, "/api/v1/ptaas/health").document()["scanner_status"]["nmap"] == "available"
    assert get(platform, "/api/v1/ptaas/scanners/status").document()["total"] == 7
    assert get(platform, "/api/v1/ptaas/sessions/active").document()["count"] == 1
    assert set(get(platform, "/api/v1/ptaas/metrics").document()["scan_times"]) == {"count", "average", "p95", "max"}


def test_metrics_text_counts_requests_and_database_connections(platform: t.Any) -> None:
    get(platform, "/api/v1/readiness")
    platform.metrics.started()
    platform.metrics.finished("GET", "/api/v1/health", 200, 0.003)
    reply = get(platform, "/metrics", application="metrics")
    text = reply.body.decode()
    assert reply.content_type.startswith("text/plain; version=0.0.4")
    assert 'http_requests_total{method="GET",endpoint="/api/v1/health",status="200"} 1' in text
    assert 'http_request_duration_seconds_bucket{method="GET",endpoint="/api/v1/health",le="0.005"} 1' in text
    assert "\nactive_connections 3\n" in text
    assert "\nptaas_scans_active 1\n" in text


def test_endpoint_label_is_bounded(platform: t.Any) -> None:
    assert platform.endpoint_label("/api/v1/health") == "/api/v1/health"
    assert platform.endpoint_label("/api/v1/ptaas/sessions/x") == "/api/v1/ptaas/sessions/{session_id}"
    assert platform.endpoint_label('/"}\n') == "unmatched"


def test_unknown_route_and_wrong_method(platform: t.Any) -> None:
    assert get(platform, "/api/v1/nothing").document() == {"detail": "Not Found"}
    assert get(platform, "/health").status == 404
    assert post(platform, "/api/v1/health", "").status == 405


def test_grafana_health_is_open_and_the_rest_is_not(platform: t.Any) -> None:
    assert get(platform, "/api/health", application="grafana").document()["database"] == "ok"
    for path in ("/api/datasources/proxy/1/api/v1/query?query=up", "/api/datasources/name/Prometheus"):
        assert get(platform, path, application="grafana").status == 401
    assert post(platform, "/api/annotations", "{}", application="grafana").status == 401


def test_grafana_with_login_finds_its_source_and_takes_annotations(platform: t.Any) -> None:
    basic = "Basic " + base64.b64encode(f"admin:{TOKEN}".encode()).decode()
    found = get(platform, "/api/datasources/name/Prometheus", application="grafana", authorization=basic)
    assert found.document()["uid"] == "prometheus"
    body = '{"text": "Test annotation", "tags": ["test"]}'
    reply = post(platform, "/api/annotations", body, application="grafana", authorization=f"Bearer {TOKEN}")
    assert reply.document()["message"] == "Annotation added"


def test_grafana_proxy_without_prometheus_is_502() -> None:
    platform = standin.Platform(standin.Settings(api_token=TOKEN, prometheus_host="127.0.0.1", prometheus_port=1), UP)
    path = "/api/datasources/proxy/uid/prometheus/api/v1/query?query=up"
    assert get(platform, path, application="grafana", authorization=f"Bearer {TOKEN}").status == 502


def test_temporal_ui_lists_only_its_namespace(platform: t.Any) -> None:
    path = "/api/v1/namespaces/{}/workflows"
    assert get(platform, path.format("default"), application="temporal_ui").document()["executions"]
    assert get(platform, path.format("xorb-prod"), application="temporal_ui").status == 404


def test_envoy_ready(platform: t.Any) -> None:
    assert get(platform, "/ready", application="envoy").body == b"LIVE\n"
    assert get(platform, "/ready", application="envoy", states="envoy.not_ready").status == 503


# --- the wire ---------------------------------------------------------------------------------------------------


def ask(wire: Wire, path: str, *, timeout: float = 5, method: str = "GET", accept: str = "application/json") -> t.Any:
    """Send one request; return the response, read to its end, with its body as an attribute."""
    connection = http.client.HTTPConnection("127.0.0.1", wire.port, timeout=timeout)
    try:
        connection.request(method, path, headers={"Host": HOST, "Accept": accept})
        response = connection.getresponse()
        response.content = response.read()  # type: ignore[attr-defined]
        return response
    finally:
        connection.close()


@pytest.fixture
def wire(tmp_path: Path) -> t.Iterator[Wire]:
    """Start the API on a free port with its filters on, and stop it."""
    with listening(tmp_path, "api") as started:
        yield started


def test_wire_healthy_answers_and_keeps_the_connection(wire: Wire) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", wire.port, timeout=5)
    for _attempt in range(2):
        connection.request("GET", "/api/v1/health", headers={"Host": HOST, "Accept": "application/json"})
        response = connection.getresponse()
        assert response.status == 200
        assert json.loads(response.read())["status"] == "healthy"
    connection.close()


def test_wire_head_has_no_body(wire: Wire) -> None:
    response = ask(wire, "/api/v1/health", method="HEAD")
    assert (response.status, response.content) == (200, b"")


def test_wire_default_filters_refuse_the_runbooks_curl(wire: Wire) -> None:
    assert ask(wire, "/api/v1/health", accept="*/*").status == 400
    wire.state("-accept_filter\n")
    assert ask(wire, "/api/v1/health", accept="*/*").status == 200


def test_wire_unknown_state_is_loud(wire: Wire) -> None:
    wire.state("unhealthy\n")
    response = ask(wire, "/api/v1/health")
    assert response.status == 500
    assert b"no state 'unhealthy'" in response.content


def test_wire_slow_waits(wire: Wire) -> None:
    wire.state("slow 0.3\n")
    begin = time.monotonic()
    assert ask(wire, "/api/v1/health").status == 200
    assert 0.3 <= time.monotonic() - begin < 30


def test_wire_truncated_promises_more_than_it_sends(wire: Wire) -> None:
    wire.state("truncated\n")
    with pytest.raises(http.client.IncompleteRead):
        ask(wire, "/api/v1/health")


def test_wire_early_hints_come_before_the_answer(wire: Wire) -> None:
    wire.state("early_hints\n")
    with socket.create_connection(("127.0.0.1", wire.port), timeout=60) as client:
        client.sendall(f"GET /api/v1/health HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode())
        received = b"".join(iter(lambda: client.recv(65536), b""))
    hints, answer, body = received.split(b"\r\n\r\n")
    assert hints == b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload; as=style"
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert json.loads(body)["status"] == "healthy"


def test_wire_hang_never_answers_and_ends_with_the_state(wire: Wire) -> None:
    wire.state("hang\n")
    with pytest.raises(TimeoutError):
        ask(wire, "/api/v1/health", timeout=0.5)
    outcome: list[BaseException] = []

    def hold() -> None:
        try:
            ask(wire, "/api/v1/health", timeout=5)
        except (http.client.HTTPException, OSError) as exc:
            outcome.append(exc)

    thread = threading.Thread(target=hold)
    thread.start()
    time.sleep(0.3)
    wire.state("")
    thread.join(5)
    assert [type(exc) for exc in outcome] == [http.client.RemoteDisconnected]
    assert ask(wire, "/api/v1/health").status == 200


def test_wire_answers_others_while_one_hangs(wire: Wire) -> None:
    wire.state("hang\n")
    with socket.create_connection(("127.0.0.1", wire.port), timeout=5) as hanging:
        hanging.sendall(f"GET /api/v1/health HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
        time.sleep(0.3)
        wire.state("")
        assert ask(wire, "/api/v1/health").status == 200


def test_wire_too_large_body_is_refused(wire: Wire) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", wire.port, timeout=5)
    connection.putrequest("POST", "/api/v1/auth/token")
    connection.putheader("Content-Length", str(2 * 1024 * 1024))
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()


def test_wire_log_is_json_without_query_or_header(wire: Wire, capsys: pytest.CaptureFixture[str]) -> None:
    ask(wire, "/api/v1/health?token=secret-in-a-query")
    deadline = time.monotonic() + 60
    output = ""
    while not output and time.monotonic() < deadline:
        output = capsys.readouterr().out
        time.sleep(0.02)
    line = json.loads(output)
    assert (line["path"], line["status_code"], line["level"]) == ("/api/v1/health", "200", "info")
    assert "secret-in-a-query" not in output
