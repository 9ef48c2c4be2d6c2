"""A client's file: what a device needs to speak with a bank."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

from paybench.hil.bank_face.devices_file import KEY
from paybench.hil.bank_face.errors import FaceFileError
from paybench.hil.bank_face.strict_file import read_secret_toml, write_secret

if TYPE_CHECKING:
    from pathlib import Path


class Credentials(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is in a client's file.

    Attributes:
        name: The device's name.
        key: Its key, in hex.
        server_name: The name that the server's certificate must have.
        certificate: Whom to trust, as PEM: the server's own certificate, or its authority's.
    """

    name: str
    key: Annotated[str, Meta(pattern=KEY)]
    server_name: str
    certificate: str

    @property
    def key_bytes(self) -> bytes:
        """The device's key."""
        return bytes.fromhex(self.key)

    def __repr__(self) -> str:
        return f"Credentials({self.name!r})"

    def context(self) -> ssl.SSLContext:
        """TLS that trusts nobody but this bank.

        Raises:
            FaceFileError: The certificate is none.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        try:
            context.load_verify_locations(cadata=self.certificate)
        except (ssl.SSLError, ValueError) as error:
            raise FaceFileError(
                f"the client's file of {self.name!r} has no certificate that can be read "
                f"({error}): have 'paybench bank key' make a new one"
            ) from error
        return context


def read_credentials(path: Path) -> Credentials:
    """A client's file.

    Raises:
        FaceFileError: It cannot be read, others may read it, or it says something it must not.
    """
    return read_secret_toml(path, Credentials)


def write_credentials(path: Path, credentials: Credentials) -> None:
    """Write a client's file, for its owner alone; never over another.

    Raises:
        FaceFileError: It cannot be written, or is there already.
    """
    text = (
        f"# What {credentials.name} needs to speak with its bank. The key is secret.\n"
        f'name = "{credentials.name}"\n'
        f'key = "{credentials.key}"\n'
        f'server_name = "{credentials.server_name}"\n'
        f"certificate = '''\n{credentials.certificate.strip()}\n'''\n"
    )
    write_secret(path, text, new=True)
