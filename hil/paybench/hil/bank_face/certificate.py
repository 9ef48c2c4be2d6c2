"""The server's certificate: given in files, or made at the first start and pinned by clients."""

from __future__ import annotations

import datetime as dt
import ssl
from typing import TYPE_CHECKING

from paybench.hil.bank_face.devices_file import face_folder
from paybench.hil.bank_face.errors import FaceFileError
from paybench.hil.bank_face.strict_file import write_secret

if TYPE_CHECKING:
    from pathlib import Path

OWN_NAME = "paybench-bank"
"""The name in a certificate that we make: clients know it by the certificate, not by a host."""
OWN_FILE = "server.pem"
_YEARS = 10


def own_certificate(folder: Path) -> Path:
    """The file with a bank's own certificate and key; made if there is none.

    Args:
        folder: The bank's.

    Raises:
        FaceFileError: It cannot be made.
    """
    path = face_folder(folder) / OWN_FILE
    if not path.exists():
        try:
            write_secret(path, _made(), new=True)
        except FaceFileError:
            if not path.exists():  # somebody else has made it just now
                raise
    return path


def certificate_of(path: Path) -> str:
    """The first certificate in a PEM file, without what else is in it.

    Raises:
        FaceFileError: There is none.
    """
    begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FaceFileError(f"{path}: cannot be read ({error})") from error
    start, stop = text.find(begin), text.find(end)
    if not 0 <= start < stop:
        raise FaceFileError(f"{path}: expected a certificate as PEM, seen none: name its file")
    return text[start : stop + len(end)] + "\n"


def server_context(certificate: Path, key: Path | None = None) -> ssl.SSLContext:
    """TLS 1.3 with a certificate.

    Args:
        certificate: PEM file with it, and those that it stands on.
        key: PEM file of its key; None: in the same file.

    Raises:
        FaceFileError: They cannot be read, or do not belong together.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.num_tickets = 0  # every connection proves itself anew
    try:
        context.load_cert_chain(certificate, key)
    except OSError as error:  # ssl's errors are OSErrors
        raise FaceFileError(
            f"{certificate}: cannot be used as the server's certificate ({error}): name PEM files "
            "of a certificate and its key"
        ) from error
    return context


def as_der(pem: str) -> bytes:
    """A certificate as the bytes that TLS shows.

    Raises:
        FaceFileError: It is none.
    """
    try:
        return ssl.PEM_cert_to_DER_cert(pem)
    except ValueError as error:
        raise FaceFileError(
            f"expected a certificate as PEM, seen something else: {error}"
        ) from error


def _made() -> str:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, OWN_NAME)])
    today = dt.datetime.now(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    usage = x509.KeyUsage(
        digital_signature=True, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, key_cert_sign=True, crl_sign=False,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip
    public = key.public_key()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - dt.timedelta(days=1))
        .not_valid_after(today + dt.timedelta(days=365 * _YEARS))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(OWN_NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    return (pem + secret).decode()
