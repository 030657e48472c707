# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Authorities and revocation lists on their way into service: obeyed, refused without harm, ended by the next run."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import ssl
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._act import journal
from ansible_collections.xorb.runbook.plugins.module_utils._act.certificates import change, recovery
from ansible_collections.xorb.runbook.plugins.module_utils._act.certificates import trust as trust_change
from ansible_collections.xorb.runbook.plugins.module_utils._act.certificates.trust import Wanted
from ansible_collections.xorb.runbook.plugins.module_utils._certificates.bundle import load_bundle
from ansible_collections.xorb.runbook.plugins.module_utils._core.errors import RunbookError

from tests.support import crash, issuing
from tests.support.issuing import CLIENT, crl_pem
from tests.support.rotating import Site


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def fingerprint(pair: issuing.Issued) -> str:
    return load_bundle(pair.pem)[0].fingerprint


def welcomes(site: Site, port: int, client: issuing.Issued) -> bool:
    """Whether the service accepts a client; a service that is down is an error and no refusal."""
    pair = site.folder / "client.pem"
    pair.write_bytes(client.key_pem + client.pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.load_cert_chain(pair)
    with socket.create_connection(("127.0.0.1", port), timeout=30) as plain:
        try:
            with context.wrap_socket(plain) as secure:
                return secure.recv(7) == b"welcome"
        except (ssl.SSLError, ConnectionResetError):
            return False


def given_of(site: Site, **options: Any) -> dict[str, Any]:
    return site.given(**{"crl": str(site.folder / "server/crl.pem"), **options})


def test_revoked_client_is_refused_and_the_certificate_stays(site: Site) -> None:
    pair = site.install()
    good, bad = (site.root.issue(name, usage=(CLIENT,)) for name in ("good", "bad"))
    (site.folder / "server/crl.pem").write_text(crl_pem(site.root.crl()))
    with site.served(clients=["ca.pem", "crl.pem"]) as how:
        given, port = given_of(site, **how), how["served_by"][0]["port"]
        assert welcomes(site, port, good) and welcomes(site, port, bad)
        wanted = Wanted(given, revocations=crl_pem(site.root.crl(bad, number=8)))
        (outcome,) = site.trust(wanted)
        assert outcome.outcome == "done", outcome.message
        assert welcomes(site, port, good) and not welcomes(site, port, bad)
        assert site.in_service() == fingerprint(pair)
        assert [one.outcome for one in site.trust(wanted)] == ["unchanged"]
        assert load_previous(site) == crl_pem(site.root.crl()).count("BEGIN")
    assert not (site.folder / "server/.sets").exists(), "a list needs no variant of the set"


def load_previous(site: Site) -> int:
    return (site.folder / "server/.crl.pem.previous").read_text().count("BEGIN")


def test_authority_that_is_new_is_trusted_beside_the_old_one(site: Site) -> None:
    pair, other = site.install(), issuing.root("Other")
    here, there = site.root.issue("here", usage=(CLIENT,)), other.issue("there", usage=(CLIENT,))
    (site.folder / "server/crl.pem").write_text(crl_pem(site.root.crl()))
    with site.served(clients=["ca.pem", "crl.pem"]) as how:
        given, port = given_of(site, **how), how["served_by"][0]["port"]
        assert welcomes(site, port, here) and not welcomes(site, port, there)
        both = (site.root.pem + other.pem).decode()
        wanted = Wanted(given, both, crl_pem(site.root.crl(), other.crl()))
        (outcome,) = site.trust(wanted)
        assert outcome.outcome == "done", outcome.message
        assert welcomes(site, port, here) and welcomes(site, port, there)
        assert [one.outcome for one in site.trust(wanted)] == ["unchanged"]
    folder = site.folder / "server"
    assert site.in_service() == fingerprint(pair)
    key = (folder / "key.pem").stat()
    assert key.st_mode & 0o777 == 0o400
    assert {path.stat().st_ino for path in folder.rglob("key.pem")} == {key.st_ino}, "there is a second copy of the key"
    assert journal.unfinished(site.state) == []


def test_rotation_after_it_keeps_the_old_pair_and_one_variant_of_each(site: Site) -> None:
    site.install()
    other = issuing.root("Other").pem
    given = given_of(site)
    for number in range(3):
        assert site.rotate(given).outcome == "done"
        for _time in range(3):
            trust = (site.root.pem + other * (_time % 2)).decode()
            assert site.trust(Wanted(given, trust))[0].outcome in ("done", "unchanged"), number
    found = {path.name: load_bundle((path / "cert.pem").read_bytes())[0].serial for path in _sets(site)}
    assert len(set(found.values())) == 3, found
    assert len(found) == 4, "but for the one before the present one, a pair has one variant"


def _sets(site: Site) -> list[Path]:
    return [path for path in (site.folder / "server/.sets").iterdir() if path.is_dir() and not path.is_symlink()]


@pytest.mark.parametrize("part", ["trust", "revocations", "both"])
def test_killed_at_every_step_the_next_run_ends_it(site: Site, part: str) -> None:
    """The service is a file that holds what it was told last, and it has to be what lies under the known names."""
    folder, loaded = site.folder / "server", site.folder / "loaded.pem"
    files = " ".join(f"{folder}/{name}" for name in ("cert.pem", "key.pem", "ca.pem", "crl.pem"))
    given = given_of(site, reload={"kind": "command", "argv": ["sh", "-c", f"cat {files} > {loaded}"]})
    other = issuing.root("Other")
    issuers = [site.root] if part == "revocations" else [site.root, other]
    old_list = crl_pem(*(one.crl() for one in issuers))
    trust = (site.root.pem + other.pem).decode()
    revocations = crl_pem(*(one.crl(number=8) for one in issuers))
    wanted = Wanted(given, trust if part != "revocations" else None, revocations if part != "trust" else None)
    pair: list[str] = []

    def contents() -> tuple[str, str]:
        return (folder / "ca.pem").read_text(), (folder / "crl.pem").read_text()

    def prepare() -> None:
        for path in (folder, site.state):
            shutil.rmtree(path, ignore_errors=True)
        pair[:] = [fingerprint(site.install())]
        (folder / "crl.pem").write_text(old_list)
        loaded.write_bytes(
            b"".join((folder / name).read_bytes() for name in ("cert.pem", "key.pem", "ca.pem", "crl.pem"))
        )

    before = (site.root.pem.decode(), old_list)
    after = (wanted.trust or before[0], wanted.revocations or before[1])
    outcomes = []
    for _point in crash.every_point(lambda: site.trust(wanted), prepare=prepare):
        assert site.in_service() == pair[0]
        outcomes += [one.outcome for one in site.recover(given)]
        assert site.in_service() == pair[0]
        assert contents() in (before, after)
        names = ("cert.pem", "key.pem", "ca.pem", "crl.pem")
        assert loaded.read_bytes() == b"".join((folder / name).read_bytes() for name in names)
        assert journal.unfinished(site.state) == []
        assert (
            not list(folder.glob(".sets/.*")) and not list(folder.glob(".*.new")) and not list(folder.glob(".*.next"))
        )
        assert [one.outcome for one in site.trust(wanted)] in (["done"], ["unchanged"])
        assert contents() == after and site.in_service() == pair[0]
    assert outcomes.count("done") > 5 and outcomes.count("rolled_back") > 5


def test_service_that_refuses_has_what_it_had(site: Site) -> None:
    pair = site.install()
    given = given_of(site, reload={"kind": "command", "argv": ["false"]})
    wanted = Wanted(given, (site.root.pem + issuing.root("Other").pem).decode())
    (outcome,) = site.trust(wanted)
    assert outcome.outcome == "rolled_back" and "the old set is in service again" in outcome.message
    assert (site.folder / "server/ca.pem").read_bytes() == site.root.pem
    (outcome,) = site.trust(Wanted(given, revocations=crl_pem(site.root.crl())))
    assert outcome.outcome == "rolled_back"
    assert not (site.folder / "server/crl.pem").exists(), "there was no list before"
    assert site.in_service() == fingerprint(pair)


def test_service_that_serves_no_longer_has_what_it_had(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(change, "SETTLE", 1.0)
    site.install()
    old = crl_pem(site.root.crl())
    (site.folder / "server/crl.pem").write_text(old)
    with site.served() as how:
        kill = ["kill", "-KILL", how["reload"]["argv"][-1]]
        given = given_of(site, **{**how, "reload": {"kind": "command", "argv": kill}})
        (outcome,) = site.trust(Wanted(given, revocations=crl_pem(site.root.crl(number=8))))
    assert outcome.outcome == "rolled_back" and "port" in outcome.message
    assert (site.folder / "server/crl.pem").read_text() == old


def test_set_whose_service_shares_it_is_told_once_and_the_rest_left_alone_after_a_refusal(site: Site) -> None:
    names, log = ("one", "two", "three"), site.folder / "told"
    for name in names:
        site.install(name)
    trust = (site.root.pem + issuing.root("Other").pem).decode()
    tell = {"kind": "command", "argv": ["sh", "-c", f"echo told >> {log}"]}
    givens = [site.given(name, reload=tell) for name in names[:2]]
    refusing = site.given("three", reload={"kind": "command", "argv": ["false"]})
    outcomes = site.trust(*(Wanted(given, trust) for given in (*givens, refusing)))
    assert [one.outcome for one in outcomes] == ["done", "done", "rolled_back"]
    assert log.read_text() == "told\n"
    held = [(site.folder / name / "ca.pem").read_text() == trust for name in names]
    assert held == [True, True, False]


def _lists(root: issuing.Issued) -> dict[str, str]:
    other = issuing.root("Other")
    return {
        "none": root.pem.decode(),
        "damaged": crl_pem(root.crl()).replace("M", "N", 3),
        "nothing": "no list at all",
        "foreign": crl_pem(root.crl(number=9), other.crl()),
        "forged": crl_pem(root.crl(number=9, key=issuing.new_key())),
        "older": crl_pem(root.crl(number=6)),
        "ended": crl_pem(root.crl(number=9, begins=timedelta(days=-9), ends=timedelta(days=-1))),
        "early": crl_pem(root.crl(number=9, begins=timedelta(hours=1))),
    }


@pytest.mark.parametrize(
    ("which", "message"),
    [
        ("none", "holds more than revocation lists"),
        ("damaged", ""),
        ("nothing", ""),
        ("foreign", "CN=Other is not signed by an authority that is trusted"),
        ("forged", "is not signed by an authority that is trusted"),
        ("older", r"older than the one in service \(number 6 after 7\)"),
        ("ended", "ended on"),
        ("early", "is not valid before"),
    ],
)
def test_list_that_is_no_good_changes_nothing(site: Site, which: str, message: str) -> None:
    site.install("one")
    site.install("two")
    crl = site.folder / "two/crl.pem"
    crl.write_text(crl_pem(site.root.crl()))
    before = crl.read_text()
    good = Wanted(site.given("one"), (site.root.pem + issuing.root("Other").pem).decode())
    bad = Wanted(site.given("two", crl=str(crl)), revocations=_lists(site.root)[which])
    with pytest.raises(RunbookError, match=f"nginx two: revocations: .*{message}"):
        site.trust(good, bad)
    assert crl.read_text() == before
    assert (site.folder / "one/ca.pem").read_bytes() == site.root.pem, "something was changed before all was checked"
    assert not (site.state / "journal").exists()


@pytest.mark.parametrize(
    ("which", "message"),
    [
        ("stranger", "does not lead to it"),
        ("leaf", "is no authority"),
        ("unlisted", "there is no list of .*CN=Other.*which is trusted"),
        ("nothing", "expected trust or revocations"),
        ("unnamed", "has no file for revocation lists"),
        ("null", "has no file for authorities"),
    ],
)
def test_trust_that_is_no_good_changes_nothing(site: Site, which: str, message: str) -> None:
    site.install()
    (site.folder / "server/crl.pem").write_text(crl_pem(site.root.crl()))
    other = issuing.root("Other")
    given, both = given_of(site), (site.root.pem + other.pem).decode()
    wanted = {
        "stranger": Wanted(given, other.pem.decode()),
        "leaf": Wanted(given, (site.root.pem + site.root.issue("leaf").pem).decode()),
        "unlisted": Wanted(given, both),
        "nothing": Wanted(given),
        "unnamed": Wanted(site.given(), revocations=crl_pem(site.root.crl())),
        "null": Wanted(given_of(site, files={"ca": None}), both),
    }[which]
    with pytest.raises(RunbookError, match=message):
        site.trust(wanted)
    assert not (site.folder / "server/.sets").exists()


def test_file_that_two_services_read_is_refused(site: Site) -> None:
    crl = str(site.folder / "crl.pem")
    wanted = []
    for name in ("one", "two"):
        site.install(name)
        given = site.given(name, crl=crl, reload={"kind": "command", "argv": ["true", name]})
        wanted.append(Wanted(given, revocations=crl_pem(site.root.crl())))
    with pytest.raises(RunbookError, match="reloaded in different ways"):
        site.trust(*wanted)
    assert not Path(crl).exists()


@pytest.mark.parametrize("call", ["write", "symlink", "mkdir", "link"])
def test_full_disk_changes_nothing(site: Site, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    """The disk is full from some moment on, for good: every moment is tried."""
    given = given_of(site, reload={"kind": "command", "argv": ["true"]})
    other = issuing.root("Other")
    trust, old = (site.root.pem + other.pem).decode(), crl_pem(site.root.crl(), other.crl())
    wanted = Wanted(given, trust, crl_pem(site.root.crl(number=8), other.crl(number=8)))
    real, undone = getattr(os, call), 0
    for moment in range(1, 14):
        for path in (site.folder / "server", site.state):
            shutil.rmtree(path, ignore_errors=True)
        pair = site.install()
        (site.folder / "server/crl.pem").write_text(old)
        calls = iter(range(1, 1000))

        def full(*words: Any, at: int = moment, counted: Any = calls, **options: Any) -> Any:
            if next(counted) >= at:
                raise OSError(errno.ENOSPC, "No space left on device")
            return real(*words, **options)

        monkeypatch.setattr(os, call, full)
        try:
            message = site.trust(wanted)[0].message
        except RunbookError as exc:  # not even the lock's folder could be made
            message = str(exc)
        finally:
            monkeypatch.setattr(os, call, real)
        if "No space left" not in message:
            break
        undone += 1
        site.recover(given)
        assert site.in_service() == fingerprint(pair)
        assert (site.folder / "server/ca.pem").read_bytes() == site.root.pem
        assert (site.folder / "server/crl.pem").read_text() == old
    assert undone


def test_pending_key_of_a_rotation_outlives_it(site: Site) -> None:
    site.install()
    given = given_of(site, reload={"kind": "command", "argv": ["true"]})
    csr = site.request(given, force=True).csr
    trust = (site.root.pem + issuing.root("Other").pem).decode()
    assert crash.killed(lambda: site.trust(Wanted(given, trust)), at=40)
    site.recover(given)
    assert site.request(given, force=True).csr == csr
    assert site.deploy(site.issued(given, csr))[0].outcome == "done"


def test_killed_trust_does_not_take_a_rotation_back(site: Site) -> None:
    """Every procedure ends all of them: an old operation must not be finished after a newer one."""
    site.install()
    given = given_of(site, reload={"kind": "command", "argv": ["true"]})
    trust = (site.root.pem + issuing.root("Other").pem).decode()
    for point in (60, 80, 100):
        crash.killed(lambda: site.trust(Wanted(given, trust)), at=point)
        site.recover(given)
        outcome = site.rotate(given)
        assert outcome.outcome == "done" and not site.recover(given)
        assert site.in_service() == outcome.fingerprint
    assert trust_change.PROCEDURE in recovery.recoveries([])


def test_lists_of_others_stay_as_long_as_who_signed_them_is_trusted(site: Site) -> None:
    """The list of a partner whose authority lies beside ours: without it, everybody of the partner would be refused."""
    site.install()
    partner, given = issuing.root("Partner"), given_of(site)
    own, lists = site.folder / "server/ca.pem", site.folder / "server/crl.pem"
    own.chmod(0o644)
    own.write_bytes(site.root.pem + partner.pem)
    theirs = crl_pem(partner.crl())
    lists.write_text(theirs + crl_pem(site.root.crl()))
    ours = crl_pem(site.root.crl(number=8))
    for how in ("done", "unchanged"):
        assert [one.outcome for one in site.trust(Wanted(given, revocations=ours))] == [how]
        assert lists.read_text() == ours + theirs
    alone = Wanted(given, site.root.pem.decode(), ours)
    assert [one.outcome for one in site.trust(alone)] == ["done"]
    assert lists.read_text() == ours
