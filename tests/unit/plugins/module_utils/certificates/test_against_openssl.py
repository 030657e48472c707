# Copyright: (c) 2026, the xorb.runbook authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Our judgement beside OpenSSL's, on generated files, chains, names and revocation lists.

Where both differ, a table here says why; docs/certificates.md has the same reasons. What is generated is the same in
every run (`SEED`), and a failure shows the case.
"""

from __future__ import annotations

import random
import re
import ssl
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.xorb.runbook.plugins.module_utils._certificates.bundle import Content, Reader
from ansible_collections.xorb.runbook.plugins.module_utils._certificates.certificate import Certificate
from ansible_collections.xorb.runbook.plugins.module_utils._certificates.chain import Authorities
from ansible_collections.xorb.runbook.plugins.module_utils._certificates.files import File
from ansible_collections.xorb.runbook.plugins.module_utils._certificates.holdings import Holdings
from ansible_collections.xorb.runbook.plugins.module_utils._certificates.judge_trust import revocation
from ansible_collections.xorb.runbook.plugins.module_utils._certificates.revocation import RevocationList
from ansible_collections.xorb.runbook.plugins.module_utils._core.checks import CRITICAL, UNKNOWN
from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs7

from tests.support.issuing import CLIENT, DAY, ENCODING, SERVER, Issued, general_name, root
from tests.support.odd_certificates import (
    BMP,
    PRINTABLE,
    UTF8,
    authority,
    certificate,
    key,
    key_usage,
    revocations,
    subject,
    unknown,
)

SEED = 20260601


def same_chance() -> random.Random:
    """The same numbers in every run."""
    return random.Random(SEED)  # noqa: S311 - nothing is kept secret by it


# -- PEM: what a server loads from a file ------------------------------------------------------------------------------

TOP = root()
BETWEEN = TOP.authority("Intermediate")
LEAF = BETWEEN.issue("leaf")

Mangle = Callable[[bytes, random.Random], bytes]


def _at_a_line(change: Callable[[bytes], bytes], begins: bytes = b"") -> Mangle:
    """Change one line, of those that begin so."""

    def mangle(data: bytes, chance: random.Random) -> bytes:
        lines = data.split(b"\n")
        at = chance.choice([number for number, line in enumerate(lines) if line.startswith(begins)] or [0])
        lines[at] = change(lines[at])
        return b"\n".join(lines)

    return mangle


def _in_base64(change: bytes) -> Mangle:
    """Put something into a line of base64."""

    def mangle(data: bytes, chance: random.Random) -> bytes:
        places = [found.start() for found in re.finditer(rb"(?m)^[A-Za-z0-9+/]{64}$", data)] or [0]
        at = chance.choice(places) + chance.randrange(65)
        return data[:at] + change + data[at:]

    return mangle


def _reflow(width: int) -> Mangle:
    def mangle(data: bytes, _chance: random.Random) -> bytes:
        def flow(found: re.Match[bytes]) -> bytes:
            packed = found[2].replace(b"\n", b"").replace(b"\r", b"")
            return found[1] + b"\n".join(packed[at : at + width] for at in range(0, len(packed), width)) + b"\n"

        return re.sub(rb"(-----BEGIN CERTIFICATE-----\n)([A-Za-z0-9+/=\r\n]+)", flow, data)

    return mangle


def _everywhere(old: bytes, new: bytes, count: int = -1) -> Mangle:
    return lambda data, _chance: data.replace(old, new, count)


_PKCS7 = pkcs7.serialize_certificates([TOP.certificate], ENCODING.PEM)
_DH = b"-----BEGIN X9.42 DH PARAMETERS-----\nMAA=\n-----END X9.42 DH PARAMETERS-----\n"

MANGLES: dict[str, Mangle] = {
    "as it is": lambda data, _chance: data,
    "end and begin on one line": _everywhere(b"-----\n-----BEGIN", b"----------BEGIN", 1),
    "end and begin on one line, apart": _everywhere(b"-----\n-----BEGIN", b"----- -----BEGIN", 1),
    "carriage return and line feed": _everywhere(b"\n", b"\r\n"),
    "carriage return alone": _everywhere(b"\n", b"\r"),
    "byte order mark": lambda data, _chance: b"\xef\xbb\xbf" + data,
    "byte order mark of UTF-16": lambda data, _chance: b"\xff\xfe" + data.decode("latin-1").encode("utf-16-le"),
    "indented": lambda data, _chance: re.sub(rb"(?m)^", b"  ", data),
    "a line indented": _at_a_line(lambda line: b"  " + line),
    "a mark indented": _at_a_line(lambda line: b" " + line, b"-----"),
    "a mark behind a tabulator": _at_a_line(lambda line: b"\t" + line, b"-----"),
    "blanks behind a line": _at_a_line(lambda line: line + b" \t "),
    "a character behind a mark": _at_a_line(lambda line: line + b"x", b"-----"),
    "a character before a mark": _at_a_line(lambda line: b"x" + line, b"-----"),
    "a mark with a dash less": _at_a_line(lambda line: line[1:], b"-----"),
    "a mark with a dash less behind": _at_a_line(lambda line: line[:-1], b"-----"),
    "a mark with a dash more": _at_a_line(lambda line: b"-" + line, b"-----"),
    "a mark in small letters": _at_a_line(bytes.lower, b"-----"),
    "a mark that is missing": _at_a_line(lambda _line: b"", b"-----"),
    "another label": _at_a_line(lambda line: line.replace(b"CERTIFICATE", b"X509 CERTIFICATE"), b"-----"),
    "the old label": _everywhere(b" CERTIFICATE-", b" X509 CERTIFICATE-"),
    "an empty line": _at_a_line(lambda line: line + b"\n"),
    "an empty line behind the begin": _at_a_line(lambda line: line + b"\n", b"-----BEGIN"),
    "headers": _at_a_line(lambda line: line + b"\nComment: x\n", b"-----BEGIN"),
    "headers without end": _at_a_line(lambda line: line + b"\nComment: x", b"-----BEGIN"),
    "lines of 76": _reflow(76),
    "lines of 48": _reflow(48),
    "one line": _reflow(100000),
    "lines of 254": _reflow(254),
    "no padding": lambda data, _chance: re.sub(rb"=+\n", b"\n", data),
    "more padding": _at_a_line(lambda line: line + b"=", b"-----END"),
    "padding inside": _in_base64(b"=="),
    "an exclamation mark": _in_base64(b"!"),
    "a dash": _in_base64(b"-"),
    "a blank": _in_base64(b" "),
    "a tabulator": _in_base64(b"\t"),
    "a form feed": _in_base64(b"\x0c"),
    "a zero byte": _in_base64(b"\0"),
    "a no-break space": _in_base64("\u00a0".encode()),
    "a line feed": _in_base64(b"\n"),
    "a letter more": _in_base64(b"A"),
    "four letters more": _in_base64(b"AAAA"),
    "a comment": lambda data, _chance: b"# chain of leaf\nsubject=CN = leaf\n" + data,
    "a comment about a mark": lambda data, _chance: b"# behind -----BEGIN CERTIFICATE----- it goes on\n" + data,
    "text behind": lambda data, _chance: data + b"that is all\n",
    "no line feed at the end": lambda data, _chance: data.rstrip(b"\n"),
    "cut off": lambda data, chance: data[: chance.randint(len(data) // 2, len(data))],
    "PKCS7 beside": lambda data, _chance: data + _PKCS7,
    "parameters beside": lambda data, _chance: _DH + data,
    "issuer first": lambda _data, _chance: BETWEEN.pem + LEAF.pem,
    "empty": lambda _data, _chance: b"",
}

#: Where we refuse what OpenSSL loads, by what our fault says.
STRICTER_PEM = {
    "OpenSSL passes it over": "it loads the file without the certificate behind that mark",
    "it has no end": "it takes the rest of the file, marks and all, for base64 that ends at the first dash",
    "does not belong there": "it goes on behind a dash, a zero byte or what it takes for blank as if there was nothing",
    "is not the end of": "the same",
    "no certificate": "its parser goes by the outermost structure, and leaves the rest for later or alone",
}


@pytest.fixture(scope="module")
def trusting() -> ssl.SSLContext:
    """A client that verifies nothing, and shows what it is sent."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
    return made


def loaded(chain: Path, private: Path, client: ssl.SSLContext) -> list[bytes] | None:
    """The certificates that a server sends from a file; nothing where it refuses the file."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        server.load_cert_chain(chain, private)
    except ssl.SSLError:
        return None
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [client.wrap_bio(back, there), server.wrap_bio(there, back, server_side=True)]
    for _turn in range(3):
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
    return [ssl.PEM_cert_to_DER_cert(one.public_bytes()) for one in _shown_chain(ends[0])]


def _shown_chain(client: Any) -> list[Any]:
    found: list[Any] = client._sslobj.get_unverified_chain()  # public from Python 3.13 on
    return found


def test_pem_is_read_as_a_server_loads_it(tmp_path: Path, trusting: ssl.SSLContext) -> None:
    chance = same_chance()
    private, chain = tmp_path / "key.pem", tmp_path / "chain.pem"
    private.write_bytes(LEAF.key_pem)
    cases: list[tuple[str, ...]] = [(one,) for one in MANGLES for _time in range(2)]
    cases += [tuple(chance.sample(list(MANGLES), 2)) for _time in range(300)]
    reasons = set()
    for mangles in cases:
        data = LEAF.pem + BETWEEN.pem + TOP.pem
        for one in mangles:
            data = MANGLES[one](data, chance)
        chain.write_bytes(data)
        got, ours = loaded(chain, private, trusting), Reader().content(data)
        held = [one.der for one in ours.certificates]
        if not ours.faults and held[:1] != [LEAF.der]:  # the order is another question
            assert got is None, (mangles, data)
        elif not ours.faults:
            assert got == held, (mangles, data)
        elif got is not None:
            why = [reason for reason in STRICTER_PEM if any(reason in fault for fault in ours.faults)]
            assert why, (mangles, ours.faults, data)
            reasons.update(why)
    assert reasons <= set(STRICTER_PEM)
    print(SEED, sorted(reasons))


# -- Chains: trust, purpose, extensions --------------------------------------------------------------------------------


def _names(*given: x509.GeneralName) -> tuple[x509.SubjectAlternativeName, bool]:
    return x509.SubjectAlternativeName(list(given)), False


def _usage(*oids: Any) -> tuple[x509.ExtendedKeyUsage, bool]:
    return x509.ExtendedKeyUsage(list(oids)), False


ANY = x509.ObjectIdentifier("2.5.29.37.0")


@dataclass
class World:
    """Some authorities, of which some are trusted, and the certificates that they issued."""

    chance: random.Random
    trusted: list[Issued] = field(default_factory=list)
    others: list[Issued] = field(default_factory=list)
    leaves: list[Issued] = field(default_factory=list)

    def build(self) -> World:
        """Issue everything."""
        top = self.authority("Root", None, number=1)
        self.trusted.append(top)
        above, made = [top], [top]
        for depth in range(self.chance.choice((0, 1, 1, 2, 3))):
            self_issued = self.chance.random() < 0.1
            name = above[-1].certificate.subject if self_issued else None
            one = self.authority(f"Intermediate {depth}", above[-1], number=2 + depth, name=name)
            above.append(one)
            made.append(one)
        if self.chance.random() < 0.15:  # the root has gone, and an intermediate is trusted
            self.trusted[:] = [self.chance.choice(made)]
        if self.chance.random() < 0.3:  # renewed with the same key
            made.append(self.authority("Root", None, number=1))
        if self.chance.random() < 0.1:
            self.trusted.append(made[-1])
        self.others = [one for one in made if one not in self.trusted and self.chance.random() < 0.95]
        self.chance.shuffle(self.others)
        self.leaves = [self.leaf(above[-1 if self.chance.random() < 0.9 else 0]) for _time in range(6)]
        return self

    def maybe(self, share: float, *extensions: Any) -> list[Any]:
        """An extension of some, or mostly none."""
        return [self.chance.choice(extensions)] if self.chance.random() < share else []

    def authority(self, common: str, above: Issued | None, *, number: int, name: x509.Name | None = None) -> Issued:
        """An authority; most are sound."""
        chance, own = self.chance, key(number)
        name = name or subject(common)
        extensions = [authority(path_length=chance.choice((None, None, None, 0, 1)))]
        if chance.random() < 0.06:
            extensions = self.maybe(0.5, authority(ca=False))
        extensions += self.maybe(
            0.3, key_usage("key_cert_sign", "crl_sign"), key_usage("key_cert_sign"), key_usage("digital_signature")
        )[: chance.choice((1, 1, 1))]
        extensions += self.maybe(0.15, _usage(SERVER), _usage(CLIENT), _usage(SERVER, CLIENT), _usage(ANY))
        extensions += self.maybe(0.12, unknown(), unknown(critical=False))
        extensions += self.maybe(
            0.5, (x509.SubjectKeyIdentifier.from_public_key(own.public_key()), chance.random() < 0.05)
        )
        extensions += self.maybe(0.2, *self.constraints())
        signer = above.key if above else own
        extensions += self.key_identifier(above.key if above else own)
        issuer = self.spelled(above.certificate.subject if above else name)
        ends = -DAY if chance.random() < 0.04 else 60 * DAY
        return certificate(name, own, issuer, signer, extensions, begins=-9 * DAY, ends=ends)

    def constraints(self) -> list[Any]:
        """Name constraints of each kind."""
        permitted = (
            [x509.DNSName("example.com"), x509.IPAddress(ip_network("10.0.0.0/8"))],
            [x509.DNSName(".example.com")],
            [x509.DNSName("example.com")],
            [x509.DirectoryName(x509.Name(list(subject("x"))[:1]))],
            [x509.RFC822Name("example.com")],
        )
        excluded = ([x509.DNSName("bad.example.com")], [x509.IPAddress(ip_network("10.9.0.0/16"))], [x509.DNSName("")])
        found = [x509.NameConstraints(one, None) for one in permitted]
        found += [x509.NameConstraints(None, one) for one in excluded]
        return [(one, self.chance.random() < 0.8) for one in found]

    def key_identifier(self, signer: Any) -> list[Any]:
        """Whose key signed it, seldom the wrong one."""
        made = x509.AuthorityKeyIdentifier
        wrong = made(b"another key's identifier", None, None)
        other = made(None, [x509.DirectoryName(subject("Other"))], 7)
        right = made.from_issuer_public_key(signer.public_key())
        return self.maybe(0.5, *[(right, False)] * 12, (wrong, False), (other, False))

    def spelled(self, name: x509.Name) -> x509.Name:
        """The same name in another type of string, in other letters, or with more spaces."""
        if self.chance.random() < 0.8:
            return name
        organization, common = (str(part.value) for part in name)
        change = self.chance.choice((str.upper, str.lower, lambda text: f" {text.replace(' ', '   ')} ", str))
        return subject(change(common), organization, self.chance.choice((UTF8, PRINTABLE, BMP)))

    def leaf(self, above: Issued) -> Issued:
        """A certificate of a server or client; most are sound."""
        chance = self.chance
        hosts = [
            x509.DNSName("a.example.com"),
            x509.DNSName("bad.example.com"),
            x509.DNSName("example.com"),
            x509.DNSName("example.org"),
            x509.IPAddress(ip_address("10.1.1.1")),
            x509.IPAddress(ip_address("10.9.1.1")),
            x509.RFC822Name("a@example.com"),
            x509.DirectoryName(subject("x")),
        ]
        extensions = self.maybe(0.9, authority(ca=False), authority(ca=False), authority(ca=False), authority())
        extensions += self.maybe(0.9, *[_names(one) for one in hosts], _names(*hosts[:5:4]))
        extensions += self.maybe(
            0.8, _usage(SERVER), _usage(SERVER, CLIENT), _usage(CLIENT), _usage(ANY), _usage(ANY, SERVER)
        )
        extensions += self.maybe(
            0.5,
            key_usage("digital_signature"),
            key_usage("key_encipherment"),
            key_usage("key_cert_sign"),
            key_usage("content_commitment"),
            key_usage("key_agreement"),
        )
        extensions += self.maybe(0.08, unknown(), (x509.PolicyConstraints(3, None), True), (x509.OCSPNoCheck(), True))
        extensions += self.key_identifier(above.key)
        signer = above.key if chance.random() < 0.95 else key(9)
        own, name = key(8), subject(chance.choice(("leaf", "leaf.example.com", "leaf.example.org")))
        if chance.random() < 0.08:  # self-issued, which is not self-signed
            name = above.certificate.subject
        return certificate(name, own, self.spelled(above.certificate.subject), signer, extensions)


def verified(folder: Path, world: World, *options: str) -> list[str]:
    """What ``openssl verify`` says of each leaf: nothing where it is fine, or else its errors."""
    files = []
    for number, leaf in enumerate(world.leaves):
        (folder / f"{number}.pem").write_bytes(leaf.pem)
        files.append(f"{number}.pem")
    (folder / "trusted").write_bytes(b"".join(one.pem for one in world.trusted))
    (folder / "others").write_bytes(b"".join(one.pem for one in world.others))
    words = ["openssl", "verify", "-partial_chain", "-no-CApath", "-no-CAstore", "-trusted", "trusted", *options]
    if world.others:
        words += ["-untrusted", "others"]
    done = subprocess.run([*words, *files], cwd=folder, capture_output=True, text=True, check=False)
    text = done.stdout + done.stderr
    found = []
    for name in files:
        if f"\n{name}: OK" in f"\n{text}":
            found.append("")
            continue
        # Errors of a file stand before the line with its name.
        before = text.partition(f"error {name}: verification failed")[0]
        assert before != text, text
        last = re.split(r"(?m)^error \d+\.pem: verification failed\n|^\d+\.pem: OK\n", before)[-1]
        found.append(", ".join(re.findall(r"^error (\d+ at \d+ depth lookup: .*)$", last, re.MULTILINE)) or last)
    return found


PURPOSES = {"": (), "serverAuth": ("-purpose", "sslserver"), "clientAuth": ("-purpose", "sslclient")}


def test_chains_are_judged_as_openssl_does(tmp_path: Path) -> None:
    chance, now = same_chance(), datetime.now(UTC)
    counts = [0, 0]
    for number in range(60):
        world = World(chance).build()
        trusted, others = ([Certificate(one.der) for one in some] for some in (world.trusted, world.others))
        for purpose, options in (
            ("", ()),
            ("serverAuth", ("-purpose", "sslserver")),
            ("clientAuth", ("-purpose", "sslclient")),
        ):
            answers = verified(tmp_path, world, *options)
            for leaf, theirs in zip(world.leaves, answers, strict=True):
                ours = judged(Certificate(leaf.der), Authorities(trusted, others), now, purpose)
                assert bool(ours) == bool(theirs), (number, purpose, ours, theirs, shown(world, leaf))
                if not ours:  # who tries every authority finds this one, too
                    every = Authorities(trusted).beside(others, every=True)
                    assert judged(Certificate(leaf.der), every, now, purpose) == "", (
                        number,
                        purpose,
                        shown(world, leaf),
                    )
                counts[bool(theirs)] += 1
    assert min(counts) > 100, counts
    print(SEED, counts)


def judged(leaf: Certificate, known: Authorities, now: datetime, purpose: str) -> str:
    """What the aspect ``chain`` says of a certificate."""
    if leaf.unknown_critical:
        return "critical extension"
    fault = known.fault(leaf, now=now, purpose=purpose)
    return (leaf.misuse(purpose) if purpose else "") or (fault.message if fault else "")


def shown(world: World, leaf: Issued) -> str:
    """A case, to try again by hand."""
    every = {"trusted": world.trusted, "others": world.others, "leaf": [leaf]}
    return "\n".join(f"{name}: {[one.pem.decode() for one in some]}" for name, some in every.items())


# -- Names of servers --------------------------------------------------------------------------------------------------

PATTERNS = [
    "a.example.com",
    "A.Example.COM",
    "a.example.com.",
    "*.example.com",
    "*.a.example.com",
    "f*.example.com",
    "*f.example.com",
    "a.*.com",
    "**.example.com",
    "*.com",
    "*",
    "*.local",
    "*.example.com.",
    "*.exa_mple.com",
    "*.-example.com",
    "xn--bcher-kva.example",
    "b\u00fccher.example",
    "*.xn--bcher-kva.example",
    "_svc.example.com",
    "10.1.1.1",
    "*.1.1.1",
    "::1",
    "1.example.com",
    "",
    ".example.com",
    "localhost",
]

WANTED = [
    "a.example.com",
    "A.EXAMPLE.com",
    "a.example.com.",
    "b.a.example.com",
    "example.com",
    "foo.example.com",
    "oof.example.com",
    "xn--a.example.com",
    "a.local",
    "b.com",
    "com",
    "_svc.example.com",
    "a.exa_mple.com",
    "a.-example.com",
    "xn--bcher-kva.example",
    "a.xn--bcher-kva.example",
    "1.example.com",
    "localhost",
]

WANTED_ADDRESSES = ["10.1.1.1", "10.1.1.2", "::1", "0:0:0:0:0:0:0:1", "fe80::1"]


#: Where a client would refuse what ``openssl verify`` accepts, or accept what it refuses.
DIFFERENT_NAMES = {
    "common name": "without a DNS name it looks at the common name, which no client does any more (RFC 9525)",
    "part of a label": "it lets a star stand for a part of a label; Python, curl and browsers do not",
    "last dot": "clients take the dot of the root away from the name that they ask for",
}


def _difference(pattern: str, wanted: str) -> str:
    if wanted.endswith("."):
        return "last dot"
    first = pattern.partition(".")[0]
    return "part of a label" if "*" in first and first != "*" else ""


def _hosts(pattern: str, kind: str) -> x509.GeneralName:
    # Whatever is no DNS name is put there all the same, as careless tools do.
    return general_name(pattern) if kind == "address" else x509.DNSName._init_without_validation(pattern)


def test_names_are_judged_as_openssl_does(tmp_path: Path) -> None:
    world = World(same_chance())
    top = root()
    world.trusted, patterns = [top], [(pattern, kind) for pattern in PATTERNS for kind in _kinds(pattern)]
    for pattern, kind in patterns:
        world.leaves.append(
            certificate(subject("no host"), key(8), top.certificate.subject, top.key, [_names(_hosts(pattern, kind))])
        )
    ours = [Certificate(leaf.der) for leaf in world.leaves]
    used, accepted = set(), 0
    for option, every in (("-verify_hostname", WANTED), ("-verify_ip", WANTED_ADDRESSES)):
        for wanted in every:
            answers = verified(tmp_path, world, option, wanted)
            for (pattern, kind), one, theirs in zip(patterns, ours, answers, strict=True):
                accepted += not theirs
                if one.covers(wanted) != (not theirs):
                    reason = _difference(pattern, wanted)
                    assert reason, (pattern, kind, wanted, theirs)
                    used.add(reason)
    assert used <= set(DIFFERENT_NAMES) and accepted > 20
    print(SEED, sorted(used), accepted)


def _kinds(pattern: str) -> list[str]:
    try:
        ip_address(pattern)
    except ValueError:
        return ["name"]
    return ["name", "address"]


def test_a_common_name_is_no_name_of_a_server(tmp_path: Path) -> None:
    world, top = World(same_chance()), root()
    world.trusted = [top]
    world.leaves = [certificate(subject("a.example.com"), key(8), top.certificate.subject, top.key)]
    assert verified(tmp_path, world, "-verify_hostname", "a.example.com") == [""]
    assert not Certificate(world.leaves[0].der).covers("a.example.com"), DIFFERENT_NAMES["common name"]


# -- Revocation --------------------------------------------------------------------------------------------------------


#: Where we say something else than OpenSSL, by whether it accepts, and by what ours is.
DIFFERENT_REVOCATIONS = {
    "accepted, removed": "it takes removeFromCRL in a whole list for not revoked; such a list is no whole one: unknown",
    "accepted, delta": "unless it is asked for deltas, it takes one for a whole list, whoever signed it: unknown",
    "accepted, another list": "it chooses one good list of several; each of them is in service, and each is judged",
    "refused, revoked": "it goes by no list that has ended, is a part, or is not signed by who may; the entry counts",
}

POINTS = [x509.UniformResourceIdentifier(f"http://crl.example.com/{number}") for number in range(2)]


def _points(number: int, reasons: Any = None) -> tuple[x509.CRLDistributionPoints, bool]:
    return x509.CRLDistributionPoints([x509.DistributionPoint([POINTS[number]], None, reasons, None)]), False


def _part(number: int | None = None, **holds: Any) -> tuple[x509.IssuingDistributionPoint, bool]:
    names = ("only_contains_user_certs", "only_contains_ca_certs", "indirect_crl", "only_contains_attribute_certs")
    flags = {name: bool(holds.get(name)) for name in names}
    where = None if number is None else [POINTS[number]]
    return x509.IssuingDistributionPoint(where, None, only_some_reasons=holds.get("reasons"), **flags), True


@dataclass
class Revoking:
    """An authority, whom it issued, and its lists."""

    chance: random.Random
    world: World
    lists: list[x509.CertificateRevocationList] = field(default_factory=list)

    def build(self) -> Revoking:
        """Issue and revoke."""
        chance, world = self.chance, self.world
        usage = chance.choice(([], [], [key_usage("key_cert_sign", "crl_sign")], [key_usage("key_cert_sign")]))
        own = [x509.SubjectKeyIdentifier.from_public_key(key(1).public_key())]
        name = subject("Lists")
        top = certificate(name, key(1), name, key(1), [authority(), *usage, *[(one, False) for one in own]])
        world.trusted = [top]
        for number in range(4):
            extensions = [authority(ca=number == 3), *chance.choice(([], [_points(0)], [_points(1)]))]
            world.leaves.append(certificate(subject(f"leaf {number}"), key(8), name, key(1), extensions))
        self.lists = [self.made(top) for _time in range(chance.choice((1, 1, 1, 2)))]
        return self

    def made(self, top: Issued) -> x509.CertificateRevocationList:
        """One list; many are whole and sound."""
        chance = self.chance
        reasons = (None, None, x509.ReasonFlags.key_compromise, x509.ReasonFlags.certificate_hold)
        odd = (*reasons, x509.ReasonFlags.remove_from_crl)
        revoked = [
            (leaf.certificate.serial_number, chance.choice(odd if chance.random() < 0.3 else reasons))
            for leaf in self.world.leaves
            if chance.random() < 0.3
        ]
        extensions: list[Any] = [(x509.CRLNumber(7), False)]
        if chance.random() < 0.35:
            some = frozenset({x509.ReasonFlags.key_compromise})
            extensions.append(
                chance.choice(
                    (
                        _part(0),
                        _part(only_contains_user_certs=True),
                        _part(only_contains_ca_certs=True),
                        _part(only_contains_attribute_certs=True),
                        _part(indirect_crl=True),
                        _part(0, only_contains_user_certs=True),
                        _part(reasons=some),
                    )
                )
            )
        extensions += self.world.maybe(0.1, (x509.DeltaCRLIndicator(6), True))
        extensions += self.world.maybe(0.12, unknown(), unknown(critical=False))
        identifier = x509.AuthorityKeyIdentifier
        right = identifier.from_issuer_public_key(key(1).public_key())
        extensions += self.world.maybe(0.4, (right, False), (right, False), (identifier(b"wrong", None, None), False))
        dates: dict[str, Any] = chance.choice(
            ({}, {}, {}, {}, {}, {"begins": -9 * DAY, "ends": -DAY}, {"begins": DAY, "ends": 9 * DAY})
        )
        signer = top.key if chance.random() < 0.92 else key(7)
        name = self.world.spelled(top.certificate.subject) if chance.random() < 0.95 else subject("Another")
        return revocations(name, signer, revoked, extensions, **dates)


def test_revocations_are_judged_as_openssl_does(tmp_path: Path) -> None:
    chance, now = same_chance(), datetime.now(UTC)
    counts: dict[str, int] = {}
    used = set()
    for number in range(120):
        case = Revoking(chance, World(chance)).build()
        (tmp_path / "lists").write_bytes(b"".join(one.public_bytes(ENCODING.PEM) for one in case.lists))
        answers = verified(tmp_path, case.world, "-crl_check", "-CRLfile", "lists")
        for one, theirs in zip(case.world.leaves, answers, strict=True):
            ours = revocation_of(case, Certificate(one.der), now)
            code = theirs.partition(" ")[0]
            counts[code] = counts.get(code, 0) + 1
            reason = ""
            if code == "23":
                assert ours == REVOKED, (number, ours, theirs, case.lists)
            elif code and ours == REVOKED:
                reason = "refused, revoked"
            elif code:
                assert ours != "", (number, ours, theirs, described(case))
            elif ours:
                reason = accepted_because(case, one, ours)
                assert reason, (number, ours, described(case))
            used.add(reason)
    assert used - {""} == set(DIFFERENT_REVOCATIONS)
    assert min(counts.get(code, 0) for code in ("", "23", "3", "35", "12")) > 5, counts
    print(SEED, counts, sorted(used))


def accepted_because(case: Revoking, leaf: Issued, ours: str) -> str:
    """Why OpenSSL accepts what we do not."""
    if len(case.lists) > 1:
        return "accepted, another list"
    if any(isinstance(one.value, x509.DeltaCRLIndicator) for one in case.lists[0].extensions):
        return "accepted, delta"
    entry = case.lists[0].get_revoked_certificate_by_serial_number(leaf.certificate.serial_number)
    return "accepted, removed" if entry is not None and "removeFromCRL" in ours else ""


REVOKED = "revoked"


def revocation_of(case: Revoking, leaf: Certificate, now: datetime) -> str:
    """What is said of a certificate: that it is revoked, the worst that keeps it from being known, or nothing."""
    holdings = Holdings(
        [File("leaf", "leaf", Content(certificates=[leaf]))],
        now,
        trusted=[Certificate(one.der) for one in case.world.trusted],
        crls=[("list", RevocationList(one.public_bytes(ENCODING.DER))) for one in case.lists],
    )
    remarks = [one for one in revocation(holdings) if one.status in (CRITICAL, UNKNOWN)]
    if any("is revoked by" in one.message for one in remarks):
        return REVOKED
    return "; ".join(f"{one.status}: {one.message}" for one in remarks)


def described(case: Revoking) -> str:
    """A case, to try again by hand."""
    return "".join(one.public_bytes(ENCODING.PEM).decode() for one in case.lists)
