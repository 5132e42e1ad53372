#!/usr/bin/env python3
"""Makes and checks the vectors in this folder, independently of Signet.

An implementation of docs/format.md of its own, on the `cryptography` package (48.0.0 was used).

  generate.py keys                   make the test keys that are missing
  generate.py python                 all but kubeseal-* and signet-*, with new randomness each time
  generate.py kubeseal KUBESEAL      valid/kubeseal-*.vector, made by the real program at that path
  generate.py signet                 valid/signet-*.vector, made by `cargo run --example seal`
  generate.py verify                 open every vector here, compare with what it expects
  generate.py compare KUBESEAL       let the real program open every vector, compare likewise

`verify` and `compare` end with 1 if a vector is not what it says. A vector whose `upstream:` line
differs from `expect:` is one that upstream is known to judge differently.
"""

import base64
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from datetime import datetime, timedelta, timezone
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

HERE = Path(__file__).resolve().parent
KEYS = HERE / "keys"
ZERO_NONCE = bytes(12)
SHA256 = hashes.SHA256()
KEY_BITS = {"rsa-1024": 1024, "rsa-2048-a": 2048, "rsa-2048-b": 2048, "rsa-3072": 3072, "rsa-4096": 4096}

STRICT = ("strict", "team-a", "db")
NAMESPACE = ("namespace-wide", "team-a", "db")
CLUSTER = ("cluster-wide", "team-a", "db")
VALUE = b"correct horse battery staple"
BINARY = bytes(range(256))
LARGE = b"".join(hashlib.sha256(i.to_bytes(4, "big")).digest() for i in range(2048))  # 64 KiB


# --- the format, docs/format.md -------------------------------------------------------------------


def label_of(target):
    scope, namespace, name = target
    return {"strict": f"{namespace}/{name}", "namespace-wide": namespace, "cluster-wide": ""}[scope].encode()


def oaep(label, digest=SHA256, mgf=SHA256):
    return padding.OAEP(mgf=padding.MGF1(algorithm=mgf), algorithm=digest, label=label or None)


def frame(wrapped, sealed):
    return len(wrapped).to_bytes(2, "big") + wrapped + sealed


def seal(key, target, value):
    session_key = os.urandom(32)
    wrapped = key.public_key().encrypt(session_key, oaep(label_of(target)))
    return frame(wrapped, AESGCM(session_key).encrypt(ZERO_NONCE, value, None))


class Refused(Exception):
    """The name of an `expect:` value."""


def open_blob(key, target, text):
    text = text.replace("\r", "").replace("\n", "")
    try:
        blob = base64.b64decode(text, validate=True)
    except ValueError:
        raise Refused("not-base64") from None
    if len(blob) < 2:
        raise Refused("too-short")
    length, rest = int.from_bytes(blob[:2], "big"), blob[2:]
    if length == 0:
        raise Refused("newer-version")
    if len(rest) < length:
        raise Refused("wrapped-key-truncated")
    wrapped, sealed = rest[:length], rest[length:]
    if len(sealed) < 16:
        raise Refused("tag-truncated")
    if key.key_size < 2048:
        raise Refused("key-refused")
    try:
        if length != key.key_size // 8:
            raise ValueError
        session_key = key.decrypt(wrapped, oaep(label_of(target)))
        if len(session_key) != 32:
            raise ValueError
        return AESGCM(session_key).decrypt(ZERO_NONCE, sealed, None)
    except (ValueError, InvalidTag):
        raise Refused("cannot-open") from None


# --- files ----------------------------------------------------------------------------------------


def load_key(name):
    return serialization.load_pem_private_key((KEYS / f"{name}.key").read_bytes(), None)


def write(path, comment, made_by, expect, target, key, text, plaintext=None, upstream=None):
    scope, namespace, name = target
    lines = [f"comment: {comment}", f"made-by: {made_by}", f"expect: {expect}"]
    if upstream:
        lines.append(f"upstream: {upstream}")
    lines += [f"scope: {scope}", f"namespace: {namespace}", f"name: {name}", "item: password", f"key: {key}"]
    if plaintext is not None and len(plaintext) <= 1024:
        lines.append(f"plaintext-base64: {base64.b64encode(plaintext).decode()}")
    elif plaintext is not None:
        lines.append(f"plaintext-sha256: {hashlib.sha256(plaintext).hexdigest()}")
    path = HERE / path
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(("\n".join(lines) + "\nblob:\n" + text + "\n").encode())
    print(f"{path.relative_to(HERE)}: {comment}")


def read(path):
    head, text = path.read_bytes().decode().split("\nblob:\n", 1)
    fields = dict(line.split(": ", 1) if ": " in line else (line.rstrip(":"), "") for line in head.split("\n"))
    fields["blob"] = text[:-1]
    fields["target"] = (fields["scope"], fields["namespace"], fields["name"])
    return fields


def vectors():
    found = sorted(HERE.glob("*/*.vector"))
    assert found, "no vectors"
    return [(path.relative_to(HERE), read(path)) for path in found]


# --- making ---------------------------------------------------------------------------------------


def make_keys():
    KEYS.mkdir(exist_ok=True)
    for name, bits in KEY_BITS.items():
        if (KEYS / f"{name}.key").exists():
            continue
        key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
        (KEYS / f"{name}.key").write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.TraditionalOpenSSL,
                serialization.NoEncryption(),
            )
        )
        who = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"PUBLIC TEST KEY {name}")])
        start = datetime(2025, 1, 1, tzinfo=timezone.utc)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(who)
            .issuer_name(who)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + timedelta(days=36500))
            .sign(key, SHA256)
        )
        (KEYS / f"{name}.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        print(f"keys/{name}: {bits} bits")


VALID = [
    ("strict", "strict scope", STRICT, "rsa-2048-a", VALUE),
    ("namespace-wide", "namespace-wide scope", NAMESPACE, "rsa-2048-a", VALUE),
    ("cluster-wide", "cluster-wide scope", CLUSTER, "rsa-2048-a", VALUE),
    ("binary", "every byte value once", STRICT, "rsa-2048-a", BINARY),
    ("empty", "a value of no bytes", STRICT, "rsa-2048-a", b""),
    ("large", "a value of 64 KiB", STRICT, "rsa-2048-a", LARGE),
    ("upper-case", "names that Kubernetes would refuse, but that can be sealed", ("strict", "Team.A", "DB_1"), "rsa-2048-a", VALUE),
    ("rsa-3072", "a key of 3072 bits", STRICT, "rsa-3072", VALUE),
    ("rsa-4096", "a key of 4096 bits", STRICT, "rsa-4096", VALUE),
]


def make_valid(maker, made_by, sealer):
    for name, comment, target, key, value in VALID:
        write(f"valid/{maker}-{name}.vector", comment, made_by, "opens", target, key, sealer(key, target, value), value)


def by_python(key, target, value):
    return base64.b64encode(seal(load_key(key), target, value)).decode()


def by_kubeseal(program):
    def sealer(key, target, value):
        scope, namespace, name = target
        command = [program, "--raw", "--cert", KEYS / f"{key}.crt", "--scope", scope, "--from-file", "/dev/stdin"]
        command += ["--namespace", namespace] if scope != "cluster-wide" else []
        command += ["--name", name] if scope == "strict" else []
        return subprocess.run(command, input=value, stdout=subprocess.PIPE, check=True).stdout.decode()

    return sealer


def by_signet(key, target, value):
    command = ["cargo", "run", "-q", "-p", "signet-common", "--example", "seal", "--", KEYS / f"{key}.crt", *target, "password"]
    return subprocess.run(command, input=value, stdout=subprocess.PIPE, check=True, cwd=HERE).stdout.decode().strip()


def make_broken():
    key = load_key("rsa-2048-a")
    blob = seal(key, STRICT, VALUE)
    size = 256

    def broken(name, comment, expect, blob, target=STRICT, key="rsa-2048-a", upstream=None):
        text = blob if isinstance(blob, str) else base64.b64encode(blob).decode()
        plaintext = VALUE if expect == "opens" else None
        folder = "valid" if expect == "opens" else "broken"
        write(f"{folder}/{name}.vector", comment, "generate.py", expect, target, key, text, plaintext, upstream)

    def flip(at, bit=0x01):
        return blob[:at] + bytes([blob[at] ^ bit]) + blob[at + 1 :]

    def sealed_with(session_key, aes_key=None, wrapped=None, nonce=ZERO_NONCE, aad=None):
        wrapped = wrapped or key.public_key().encrypt(session_key, oaep(label_of(STRICT)))
        return frame(wrapped, AESGCM(aes_key or session_key).encrypt(nonce, VALUE, aad))

    # Cut short, at and around each boundary.
    for name, length, expect, comment in [
        ("nothing", 0, "too-short", "nothing at all"),
        ("one-byte", 1, "too-short", "half of the length field"),
        ("after-length", 2, "wrapped-key-truncated", "the length field alone"),
        ("in-wrapped-key", 100, "wrapped-key-truncated", "cut inside the wrapped key"),
        ("wrapped-key-minus-one", 1 + size, "wrapped-key-truncated", "one byte of the wrapped key is missing"),
        ("after-wrapped-key", 2 + size, "tag-truncated", "nothing follows the wrapped key"),
        ("shorter-than-tag", 2 + size + 15, "tag-truncated", "15 bytes follow the wrapped key, one less than a tag"),
        ("as-long-as-tag", 2 + size + 16, "cannot-open", "16 bytes follow the wrapped key: framed like an empty value"),
        ("last-byte", len(blob) - 1, "cannot-open", "the last byte of the tag is missing"),
    ]:
        broken(f"truncated-{name}", comment, expect, blob[:length])

    # One bit flipped, in each part.
    broken("flipped-length-high", "length 0x0100 became 0x8100, more than there is", "wrapped-key-truncated", flip(0, 0x80))
    broken("flipped-length-low", "length 0x0100 became 0x0101, which fits no key", "cannot-open", flip(1))
    broken("flipped-length-zero", "length 0x0100 became 0x0000", "newer-version", flip(0))
    for name, at in [
        ("wrapped-key-first", 2),
        ("wrapped-key-middle", 2 + size // 2),
        ("wrapped-key-last", 1 + size),
        ("ciphertext-first", 2 + size),
        ("ciphertext-last", len(blob) - 17),
        ("tag-first", len(blob) - 16),
        ("tag-last", len(blob) - 1),
    ]:
        broken(f"flipped-{name}", f"one bit flipped: {name.replace('-', ' ')}", "cannot-open", flip(at))

    # Sealed for somewhere else.
    for name, sealed_for, opened_as in [
        ("other-name", STRICT, ("strict", "team-a", "db2")),
        ("other-namespace", STRICT, ("strict", "team-b", "db")),
        ("upper-case-namespace", STRICT, ("strict", "Team-A", "db")),
        ("strict-as-namespace-wide", STRICT, NAMESPACE),
        ("strict-as-cluster-wide", STRICT, CLUSTER),
        ("namespace-wide-as-strict", NAMESPACE, STRICT),
        ("namespace-wide-as-cluster-wide", NAMESPACE, CLUSTER),
        ("namespace-wide-in-other-namespace", NAMESPACE, ("namespace-wide", "team-b", "db")),
        ("cluster-wide-as-strict", CLUSTER, STRICT),
        ("cluster-wide-as-namespace-wide", CLUSTER, NAMESPACE),
    ]:
        comment = f"sealed for {sealed_for}, opened as {opened_as}".replace("'", "")
        broken(f"label-{name}", comment, "cannot-open", seal(key, sealed_for, VALUE), opened_as)
    without_slash = key.public_key().encrypt(bytes(32), oaep(b"team-adb"))
    broken("label-without-slash", "label team-adb in place of team-a/db", "cannot-open", sealed_with(bytes(32), wrapped=without_slash))

    # Another key.
    broken("other-key", "sealed with rsa-2048-b", "cannot-open", seal(load_key("rsa-2048-b"), STRICT, VALUE))
    broken("other-key-size", "sealed with rsa-3072", "cannot-open", seal(load_key("rsa-3072"), STRICT, VALUE))
    small = seal(load_key("rsa-1024"), STRICT, VALUE)
    broken("rsa-1024", "a wrapped key of 1024 bits fits no key of at least 2048", "cannot-open", small)
    broken("rsa-1024-own-key", "a key of 1024 bits is not used, though it fits", "key-refused", small, key="rsa-1024", upstream="opens")

    # Lengths.
    broken("envelope-bare", "0x0000 and nothing else", "newer-version", bytes(2))
    broken("envelope-with-body", "0x0000, then what may be a later format", "newer-version", bytes(2) + blob[2:])
    broken("length-larger-than-blob", "length 0xffff", "wrapped-key-truncated", b"\xff\xff" + blob[2:])
    broken("length-covers-everything", "the length takes in the tag", "tag-truncated", frame(blob[2:], b""))
    broken("length-one-less", "length 0x00ff", "cannot-open", b"\x00\xff" + blob[2:])
    broken("trailing-byte", "one byte after the tag", "cannot-open", blob + b"\x00")
    wrapped, sealed = blob[2 : 2 + size], blob[2 + size :]
    broken("wrapped-key-zero-prefixed", "the wrapped key with a zero byte before it, the same number", "cannot-open", frame(b"\x00" + wrapped, sealed))
    while (stripped := seal(key, STRICT, VALUE))[2] != 0:
        pass
    broken(
        "wrapped-key-zero-stripped",
        "the wrapped key without its leading zero byte, the same number: RFC 8017 wants all bytes",
        "cannot-open",
        frame(stripped[3 : 2 + size], stripped[2 + size :]),
        upstream="opens",
    )
    broken("wrapped-key-leading-zero", "the wrapped key begins with a zero byte, as one in 256 does", "opens", stripped)
    modulus = key.public_key().public_numbers().n
    too_big = int.from_bytes(wrapped, "big") + modulus
    while too_big.bit_length() > size * 8:
        wrapped = key.public_key().encrypt(bytes(32), oaep(label_of(STRICT)))
        too_big = int.from_bytes(wrapped, "big") + modulus
    broken("wrapped-key-plus-modulus", "the wrapped key plus the modulus, the same number modulo it", "cannot-open", sealed_with(bytes(32), wrapped=too_big.to_bytes(size, "big")))

    # Made differently.
    broken("session-key-16", "a session key of 16 bytes, AES-128", "cannot-open", sealed_with(bytes(range(16))), upstream="opens")
    broken("session-key-24", "a session key of 24 bytes, AES-192", "cannot-open", sealed_with(bytes(range(24))), upstream="opens")
    broken("session-key-31", "a session key of 31 bytes, the value under it and a zero byte", "cannot-open", sealed_with(bytes(range(31)), bytes(range(31)) + b"\x00"))
    broken("session-key-33", "a session key of 33 bytes, the value under the first 32", "cannot-open", sealed_with(bytes(range(33)), bytes(range(32))))
    broken("session-key-empty", "a session key of no bytes, the value under zeros", "cannot-open", sealed_with(b"", bytes(32)))
    session_key = bytes(range(32))
    sha1 = hashes.SHA1()
    for name, comment, scheme in [
        ("oaep-sha1", "OAEP with SHA-1", oaep(label_of(STRICT), sha1, sha1)),
        ("oaep-mgf-sha1", "OAEP with SHA-256, but MGF1 with SHA-1", oaep(label_of(STRICT), SHA256, sha1)),
        ("pkcs1-v15", "PKCS#1 v1.5 encryption", padding.PKCS1v15()),
    ]:
        broken(f"wrapped-with-{name}", comment, "cannot-open", sealed_with(session_key, wrapped=key.public_key().encrypt(session_key, scheme)))
    broken("nonce-not-zero", "a nonce of 12 bytes 0x01", "cannot-open", sealed_with(session_key, nonce=b"\x01" * 12))
    broken("additional-data", "the label as additional data", "cannot-open", sealed_with(session_key, aad=label_of(STRICT)))

    # The text form.
    text = base64.b64encode(seal(key, STRICT, VALUE)).decode()
    while not ("+" in text and "/" in text):
        text = base64.b64encode(seal(key, STRICT, VALUE)).decode()
    assert text.endswith("=") and not text.endswith("=="), "28 + 16 + 258 bytes leave one padding character"
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    trailing = text[:-2] + alphabet[alphabet.index(text[-2]) | 0x03] + "="
    assert trailing != text and base64.b64decode(trailing) == base64.b64decode(text)
    broken("base64-crlf", "lines of 76 characters that end in CR LF", "opens", "\r\n".join(text[i : i + 76] for i in range(0, len(text), 76)) + "\r\n")
    broken("base64-newline-in-padding", "a line break before the padding", "opens", text[:-1] + "\n=")
    broken("base64-trailing-bits", "the unused bits of the last character are not zero", "opens", trailing)
    broken("base64-without-padding", "the padding is missing", "not-base64", text[:-1])
    broken("base64-too-much-padding", "one = too many", "not-base64", text + "=")
    broken("base64-url-alphabet", "- and _ in place of + and /", "not-base64", text.replace("+", "-").replace("/", "_"))
    broken("base64-space", "a space inside", "not-base64", text[:100] + " " + text[100:])
    broken("base64-tab", "a tab at the end", "not-base64", text + "\t")
    broken("base64-joined", "two texts one after the other", "not-base64", text + text)
    broken("base64-not-ascii", "a letter with an accent", "not-base64", text[:100] + "\u00e9" + text[101:])


# --- checking -------------------------------------------------------------------------------------


def agrees(fields, plaintext):
    if "plaintext-base64" in fields:
        return base64.b64decode(fields["plaintext-base64"]) == plaintext
    return hashlib.sha256(plaintext).hexdigest() == fields["plaintext-sha256"]


def judge(check):
    wrong = 0
    found = vectors()
    for path, fields in found:
        expected, got = check(fields)
        if got != expected:
            wrong += 1
            print(f"{path}: expected {expected}, got {got}")
    print(f"{len(found)} vectors, {wrong} wrong")
    sys.exit(1 if wrong else 0)


def verify(fields):
    try:
        plaintext = open_blob(load_key(fields["key"]), fields["target"], fields["blob"])
        return fields["expect"], "opens" if agrees(fields, plaintext) else "opens to another value"
    except Refused as refused:
        return fields["expect"], str(refused)


def compare(program):
    """Upstream has one error for everything, so only opens or not is compared."""

    def check(fields):
        scope, namespace, name = fields["target"]
        annotations = {} if scope == "strict" else {f"sealedsecrets.bitnami.com/{scope}": "true"}
        sealed = {
            "apiVersion": "bitnami.com/v1alpha1",
            "kind": "SealedSecret",
            "metadata": {"name": name, "namespace": namespace, "annotations": annotations},
            "spec": {"encryptedData": {fields["item"]: fields["blob"]}},
        }
        command = [program, "--recovery-unseal", "--recovery-private-key", KEYS / f"{fields['key']}.key", "-o", "json"]
        done = subprocess.run(command, input=json.dumps(sealed).encode(), capture_output=True, check=False)
        got = "refused"
        if done.returncode == 0:
            plaintext = base64.b64decode(json.loads(done.stdout).get("data", {}).get(fields["item"]) or "")
            got = "opens" if "plaintext-base64" not in fields and "plaintext-sha256" not in fields or agrees(fields, plaintext) else "opens to another value"
        expected = fields.get("upstream", fields["expect"])
        return "opens" if expected == "opens" else "refused", got

    return check


def main(arguments):
    match arguments:
        case ["keys"]:
            make_keys()
        case ["python"]:
            make_valid("python", "generate.py", by_python)
            make_broken()
        case ["kubeseal", program]:
            make_valid("kubeseal", "kubeseal v0.40.0", by_kubeseal(program))
        case ["signet"]:
            make_valid("signet", "signet-common, examples/seal.rs", by_signet)
        case ["verify"]:
            judge(verify)
        case ["compare", program]:
            judge(compare(program))
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
