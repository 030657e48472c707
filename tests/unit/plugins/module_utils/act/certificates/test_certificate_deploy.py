# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Certificates on their way into service: matching at every moment, refused without harm, and ended by the next run."""

from __future__ import annotations

import errno
import json
import os
import shutil
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._act import journal as journals
from ansible_collections.xorb.runbook.plugins.module_utils._act.certificates import (
    change,
    deploy,
    recovery,
    store,
    trust,
)
from ansible_collections.xorb.runbook.plugins.module_utils._certificates.bundle import load_bundle
from ansible_collections.xorb.runbook.plugins.module_utils._certificates.served import served_certificate
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError

from tests.support import crash, issuing
from tests.support.rotating import Site


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def fingerprint(pair: issuing.Issued) -> str:
    return load_bundle(pair.pem)[0].fingerprint


def serves(options: dict[str, Any]) -> str:
    return served_certificate({**options["served_by"][0], "timeout": 5}).fingerprint


def test_new_certificate_is_served_and_the_old_set_is_kept(site: Site) -> None:
    old = site.install()
    with site.served() as how:
        given = site.given(**how)
        assert serves(how) == fingerprint(old)
        outcome = site.rotate(given)
        assert outcome.outcome == "done", outcome.message
        assert serves(how) == site.in_service() == outcome.fingerprint != fingerprint(old)
    assert outcome.previous_serial == load_bundle(old.pem)[0].serial
    key = (site.folder / "server/key.pem").stat()
    assert key.st_mode & 0o777 == 0o400
    assert not (site.folder / "server/.sets/.pending").exists()
    assert journals.unfinished(site.state) == []


def test_second_request_is_not_due(site: Site) -> None:
    site.install()
    given = site.given()
    first = site.request(given)
    assert first.due and "expires in 5 days" in first.reasons[0]
    assert site.deploy(site.issued(given, first.csr))[0].outcome == "done"
    second = site.request(given)
    assert (second.due, second.reasons, second.csr) == (False, [], "")


def test_pair_matches_at_every_moment_of_many_rotations(site: Site) -> None:
    site.install()
    folder, stop, seen, torn = site.folder / "server", threading.Event(), set(), []

    def watch() -> None:
        while not stop.is_set():
            before, key, after = ((folder / name).read_bytes() for name in ("cert.pem", "key.pem", "cert.pem"))
            # Where the certificate was the same before and after, the key between them has to be of it.
            if before == after:
                seen.add(before)
                if not _matches(before, key):
                    torn.append(before)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        for _time in range(5):
            assert site.rotate(site.given()).outcome == "done"
    finally:
        stop.set()
        watcher.join()
    assert not torn and len(seen) > 1


def _matches(certificate: bytes, key: bytes) -> bool:
    from ansible_collections.xorb.runbook.plugins.module_utils._certificates.bundle import load_key  # noqa: PLC0415

    return load_key(key).matches(load_bundle(certificate)[0])


def test_killed_at_every_step_the_next_run_ends_it(site: Site) -> None:
    """The service is a file that holds what it was told last, and it has to be what lies under the known names."""
    folder, loaded = site.folder / "server", site.folder / "loaded.pem"
    load = ["sh", "-c", f"cat {folder}/cert.pem {folder}/key.pem > {loaded}.new && mv {loaded}.new {loaded}"]
    given = site.given(reload={"kind": "command", "argv": load})
    issued: list[deploy.Issued] = []
    first: list[str] = []

    def prepare() -> None:
        for path in (folder, site.state):
            shutil.rmtree(path, ignore_errors=True)
        first[:] = [fingerprint(site.install())]
        loaded.write_bytes((folder / "cert.pem").read_bytes() + (folder / "key.pem").read_bytes())
        issued[:] = [site.issued(given, site.request(given).csr)]

    outcomes = []
    for _point in crash.every_point(lambda: site.deploy(*issued), prepare=prepare):
        new = load_bundle(issued[0].certificate.encode())[0].fingerprint
        assert site.in_service() in (first[0], new)
        outcomes += [one.outcome for one in site.recover(given)]
        now = site.in_service()
        assert now in (first[0], new)
        assert loaded.read_bytes() == (folder / "cert.pem").read_bytes() + (folder / "key.pem").read_bytes()
        assert journals.unfinished(site.state) == []
        hidden = {path.name for path in folder.glob(".sets/.*")} - {".pending"}
        assert not hidden and not list(folder.glob(".*.new"))
        keys = [path for path in folder.rglob("key.pem") if not path.is_symlink() and path.parent.name != ".pending"]
        assert len({path.parent for path in keys}) <= 2, "a key was left behind"
    assert outcomes.count("done") > 10 and outcomes.count("rolled_back") > 10


def test_service_that_refuses_keeps_the_old_certificate(site: Site) -> None:
    old = site.install()
    with site.served() as how:
        given = site.given(**{**how, "reload": {"kind": "command", "argv": ["false"]}})
        outcome = site.rotate(given)
        assert outcome.outcome == "rolled_back"
        assert "false failed" in outcome.message and "the old set is in service again" in outcome.message
        assert serves(how) == site.in_service() == fingerprint(old)
    assert len(list((site.folder / "server/.sets").glob("*/key.pem"))) == 2, "the refused key is still there"


def test_service_that_ignores_it_keeps_the_old_certificate(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(change, "SETTLE", 1.0)
    old = site.install()
    with site.served() as how:
        outcome = site.rotate(site.given(**{**how, "reload": {"kind": "command", "argv": ["true"]}}))
        assert outcome.outcome == "rolled_back"
        assert "serves the certificate" in outcome.message
        assert site.in_service() == fingerprint(old)


def test_rest_is_left_alone_after_a_refusal(site: Site) -> None:
    names = ("one", "two", "three")
    old = {name: fingerprint(site.install(name)) for name in names}
    argv = {"one": ["true"], "two": ["false"], "three": ["true", "three"]}
    givens = [site.given(name, reload={"kind": "command", "argv": argv[name]}) for name in names]
    outcomes = site.deploy(*(site.issued(given, site.request(given).csr) for given in givens))
    assert [(one.point, one.outcome) for one in outcomes] == [("one", "done"), ("two", "rolled_back")]
    assert [site.in_service(name) == old[name] for name in names] == [False, True, True]


def test_old_set_that_cannot_be_put_back_is_told_beside_what_was_done(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = {name: fingerprint(site.install(name)) for name in ("one", "two")}
    argv = {"one": ["true"], "two": ["false"]}
    givens = [site.given(name, reload={"kind": "command", "argv": argv[name]}) for name in argv]
    issued = [site.issued(given, site.request(given).csr) for given in givens]

    def gone(_sets: Any, _old: str) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    with monkeypatch.context() as patched:
        patched.setattr(store.CertificateSets, "back", gone)
        outcomes = site.deploy(*issued)
    assert [(one.point, one.outcome) for one in outcomes] == [("one", "done"), ("two", "failed")]
    assert "false failed" in outcomes[1].message and "could not be put back: Read-only" in outcomes[1].message
    assert len(journals.unfinished(site.state)) == 1
    assert [one.outcome for one in site.recover(*givens)] == ["rolled_back"]
    assert [site.in_service(name) == old[name] for name in old] == [False, True]


def test_sets_of_one_service_are_told_once_and_go_back_together(site: Site) -> None:
    names = ("one", "two", "three")
    old = {name: fingerprint(site.install(name)) for name in names}
    log = site.folder / "told"
    reload = {"kind": "command", "argv": ["sh", "-c", f"echo told >> {log}"]}
    givens = [site.given(name, reload=reload) for name in names]
    outcomes = site.deploy(*(site.issued(given, site.request(given).csr) for given in givens))
    assert [one.outcome for one in outcomes] == ["done"] * 3
    assert log.read_text() == "told\n"
    reload = {"kind": "command", "argv": ["false"]}
    givens = [site.given(name, reload=reload) for name in names]
    new = {name: site.in_service(name) for name in names}
    assert all(new[name] != old[name] for name in names)
    outcomes = site.deploy(*(site.issued(given, site.request(given, force=True).csr) for given in givens))
    assert [one.outcome for one in outcomes] == ["rolled_back"] * 3
    assert {name: site.in_service(name) for name in names} == new


def test_certificate_of_another_key_changes_nothing(site: Site) -> None:
    old = site.install()
    given = site.given()
    issued = site.issued(given, site.request(given).csr)
    with_other_key = site.root.issue("localhost", ends=30 * issuing.DAY).pem.decode()
    with pytest.raises(RunbookError, match="is not of the pending key"):
        site.deploy(deploy.Issued(given, with_other_key, with_other_key, issued.ca))
    assert site.in_service() == fingerprint(old)
    assert not (site.folder / "server/.sets/current").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"begins": timedelta(minutes=10)}, "is not valid before"),
        ({"begins": timedelta(days=-40), "ends": timedelta(days=-10)}, "expired"),
        ({"names": ["elsewhere"]}, "does not cover localhost"),
        ({"usage": (issuing.CLIENT,)}, "may not be used for serverAuth"),
    ],
)
def test_certificate_that_is_no_good_is_never_in_service(site: Site, options: dict[str, Any], message: str) -> None:
    old = site.install()
    given = site.given()
    csr = site.request(given).csr
    names = options.pop("names", None)
    (outcome,) = (
        site.deploy(site.issued({**given, "names": names or given["names"]}, csr, **options))
        if not names
        else (site.deploy(deploy.Issued(given, *_texts(site, given, csr, names))))
    )
    assert outcome.outcome == "rolled_back"
    assert message in outcome.message
    assert site.in_service() == fingerprint(old)


def _texts(site: Site, given: dict[str, Any], csr: str, names: list[str]) -> tuple[str, str, str]:
    issued = site.issued({**given, "names": names}, csr)
    return issued.certificate, issued.fullchain, issued.ca


@pytest.mark.parametrize("call", ["write", "symlink", "mkdir"])
def test_full_disk_keeps_the_old_certificate(site: Site, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    """The disk is full from some moment on, for good: every moment is tried."""
    given = site.given(reload={"kind": "command", "argv": ["true"]})
    real, undone = getattr(os, call), 0
    for moment in range(1, 12):
        for path in (site.folder / "server", site.state):
            shutil.rmtree(path, ignore_errors=True)
        old = site.install()
        issued = site.issued(given, site.request(given).csr)
        calls = iter(range(1, 1000))

        def full(*words: Any, at: int = moment, counted: Any = calls, **options: Any) -> Any:
            if next(counted) >= at:
                raise OSError(errno.ENOSPC, "No space left on device")
            return real(*words, **options)

        monkeypatch.setattr(os, call, full)
        try:
            (outcome,) = site.deploy(issued)
            message = outcome.message
        except RunbookError as exc:  # not even the lock's folder could be made
            message = str(exc)
        finally:
            monkeypatch.setattr(os, call, real)
        if "No space left" not in message:
            assert outcome.outcome == "done"
            break
        undone += 1
        assert site.in_service() == fingerprint(old)
        site.recover(given)
        assert site.in_service() == fingerprint(old)
    assert undone


def test_journal_on_a_full_disk_keeps_the_old_certificate(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    given = site.given(reload={"kind": "command", "argv": ["true"]})
    real = os.pwrite
    for moment in range(2, 7):  # the first is the lock's
        for path in (site.folder / "server", site.state):
            shutil.rmtree(path, ignore_errors=True)
        old = site.install()
        issued = site.issued(given, site.request(given).csr)
        calls = iter(range(1, 1000))

        def full(fd: int, data: bytes, offset: int, at: int = moment, counted: Any = calls) -> int:
            if next(counted) >= at:
                raise OSError(errno.ENOSPC, "No space left on device")
            return real(fd, data, offset)

        monkeypatch.setattr(os, "pwrite", full)
        try:
            (outcome,) = site.deploy(issued)
        finally:
            monkeypatch.setattr(os, "pwrite", real)
        assert "cannot be written down" in outcome.message
        assert (site.in_service() == fingerprint(old)) == (outcome.outcome != "done")
        site.recover(given)
        assert (site.in_service() == fingerprint(old)) == (outcome.outcome != "done")


def test_journal_and_disk_hold_no_key_and_no_password(site: Site) -> None:
    site.install()
    reload = {"kind": "redis", "port": 1, "password": "sesame-open-wide", "unit": None}
    given = site.given(reload=reload)
    outcome = site.rotate(given)
    assert outcome.outcome == "rolled_back"  # nobody listens at port 1
    lines = "".join(path.read_text() for path in (site.state / "journal").iterdir())
    assert "sesame" not in lines and "PRIVATE" not in lines
    assert json.loads(lines.splitlines()[0])["needs"]["sets"][0]["secrets"] is True


def test_operation_that_needs_a_secret_waits_for_who_has_it(site: Site) -> None:
    site.install()
    given = site.given(reload={"kind": "redis", "port": 1, "password": "sesame-open-wide"})
    issued = site.issued(given, site.request(given).csr)

    def cut_off() -> None:
        with journals.locked(site.state, what="test", operator="test") as journal:
            deploy.deploy(journal, [issued], now=_now()).__next__()

    assert crash.killed(cut_off, at=80)
    with journals.locked(site.state, what="test", operator="test") as journal:
        ended, left = journals.recover(journal, {deploy.PROCEDURE: recovery.recovery([])})
        assert (len(ended), len(left)) == (0, 1)
    assert [one.outcome for one in site.recover(given)] == ["rolled_back"]


def _now() -> Any:
    from datetime import UTC, datetime  # noqa: PLC0415

    return datetime.now(UTC)


def test_first_certificate_of_all(site: Site) -> None:
    (site.folder / "server").mkdir()
    given = site.given(files={"pkcs12": "server.p12"})
    wanted = site.request(given)
    assert wanted.due and "does not exist" in wanted.reasons[0]
    (outcome,) = site.deploy(site.issued(given, wanted.csr))
    assert (outcome.outcome, outcome.previous_serial) == ("done", "")
    assert site.in_service() == outcome.fingerprint
    assert (site.folder / "server/server.p12").stat().st_mode & 0o777 == 0o400
    assert not site.request(given).due


def test_pending_key_is_used_again_until_it_does_not_fit(site: Site) -> None:
    site.install()
    given = site.given()
    first = site.request(given)
    assert first.key_made
    again = site.request(given)
    assert (again.csr, again.key_made) == (first.csr, False)
    other = site.request(site.given(key_type="ecdsa-p384"))
    assert other.key_made and other.csr != first.csr
    named = site.request(site.given(key_type="ecdsa-p384", names=["localhost", "127.0.0.1", "web"]))
    assert named.csr != other.csr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"names": ["localhost", "web"]}, "does not cover web"),
        ({"profile": "both"}, "may not be used for clientAuth"),
    ],
)
def test_due_is_what_a_new_certificate_mends(site: Site, options: dict[str, Any], message: str) -> None:
    site.install(ends=80 * issuing.DAY)
    assert not site.request(site.given()).due
    found = site.request(site.given(**options))
    assert found.due and any(message in reason for reason in found.reasons)


def test_due_where_the_key_does_not_match(site: Site) -> None:
    site.install(ends=80 * issuing.DAY)
    key = site.folder / "server/key.pem"
    key.unlink()
    key.write_bytes(issuing.key_pem(issuing.new_key()))
    key.chmod(0o400)
    found = site.request(site.given())
    assert "key.pem does not match the certificate in cert.pem" in found.reasons
    assert site.deploy(site.issued(site.given(), found.csr))[0].outcome == "done"
    site.in_service()


def test_due_where_everybody_can_read_the_key(site: Site) -> None:
    site.install(ends=80 * issuing.DAY)
    (site.folder / "server/key.pem").chmod(0o644)
    assert "a key that every user may read" in site.request(site.given()).reasons[0]


def trusted(site: Site) -> list[str]:
    """The fingerprints of the authorities in service."""
    return [one.fingerprint for one in load_bundle((site.folder / "server/ca.pem").read_bytes())]


def test_whom_the_service_trusts_beside_its_issuer_stays_trusted(site: Site) -> None:
    """A partner's authority that somebody put there by hand, also where a replacement would not take it."""
    site.install(ends=80 * issuing.DAY)
    partner = issuing.root("Partner")
    expired = issuing.root("Old Partner", begins=-9 * issuing.DAY, ends=-issuing.DAY)
    own = site.folder / "server/ca.pem"
    own.chmod(0o644)
    own.write_bytes(b"# of the partner\n" + partner.pem + expired.pem + site.root.pem + partner.pem)
    assert not site.request(site.given()).due, "what is wrong with an authority, a new certificate does not mend"
    for _time in range(2):
        outcome = site.rotate(site.given())
        assert outcome.outcome == "done", outcome.message
        assert trusted(site) == [fingerprint(one) for one in (site.root, partner, expired)]


def test_what_certificate_trust_put_there_stays_trusted(site: Site) -> None:
    site.install()
    partner = issuing.root("Partner")
    both = (site.root.pem + partner.pem).decode()
    assert site.trust(trust.Wanted(site.given(), trust=both))[0].outcome == "done"
    assert site.rotate(site.given()).outcome == "done"
    assert (site.folder / "server/ca.pem").read_text() == both


def test_self_signed_certificate_that_is_replaced_is_not_trusted_any_more(site: Site) -> None:
    site.install()
    placeholder = issuing.root("localhost")
    for file, content in (("key.pem", placeholder.key_pem), *((f"{name}.pem", placeholder.pem) for name in SAME)):
        (site.folder / "server" / file).unlink()
        (site.folder / "server" / file).write_bytes(content)
    assert site.rotate(site.given()).outcome == "done"
    assert trusted(site) == [fingerprint(site.root)]


SAME = ("cert", "fullchain", "ca")


@pytest.mark.parametrize("content", [b"-----BEGIN CERTIFICATE-----\nMII", b"no certificate at all"])
def test_authorities_that_cannot_be_read_are_never_lost(site: Site, content: bytes) -> None:
    old = site.install()
    own = site.folder / "server/ca.pem"
    own.chmod(0o644)
    own.write_bytes(issuing.root("Partner").pem + content if b"BEGIN" in content else content)
    before = own.read_bytes()
    with pytest.raises(RunbookError, match=r"nginx server: .*/server/ca\.pem .*: what the service trusts .* be read"):
        site.rotate(site.given())
    assert (own.read_bytes(), site.in_service()) == (before, fingerprint(old))
    assert journals.unfinished(site.state) == [] and not (site.folder / "server/.sets/current").exists()
    own.write_bytes(b"")
    assert site.rotate(site.given()).outcome == "done"
    assert trusted(site) == [fingerprint(site.root)]
