"""The files of the bank's network face: keys, clients' files, certificates; strict and secret."""

import stat

import pytest

from paybench.bank import AccountNumber
from paybench.hil.bank_face.calls import OpenAccount
from paybench.hil.bank_face.certificate import certificate_of, own_certificate, server_context
from paybench.hil.bank_face.credentials import Credentials, read_credentials, write_credentials
from paybench.hil.bank_face.devices_file import Devices, Role, add_device
from paybench.hil.bank_face.errors import FaceFileError

KEY = "ab" * 32


def test_a_device_has_the_key_that_was_made(tmp_path):
    """Each key is random and found under its name, also while the bank is served."""
    devices = Devices(tmp_path)
    assert devices.find("till-1") is None
    keys = {name: add_device(tmp_path, name, Role.TERMINAL) for name in ("till-1", "till_2")}
    assert {name: devices.find(name).key_bytes for name in keys} == keys
    assert len(set(keys.values())) == 2
    add_device(tmp_path, "host", Role.HOST)
    assert devices.find("host").role is Role.HOST
    assert devices.find("till-1").role is Role.TERMINAL


@pytest.mark.parametrize("name", ["", "a b", 'x"]\n[device.y', "é", "-x", "x" * 65, "a.b"])
def test_names_are_plain(name, tmp_path):
    """A name that could be anything but a name in the file is refused."""
    with pytest.raises(FaceFileError, match="expected a device name of 1 to 64"):
        add_device(tmp_path, name, Role.HOST)


def test_a_name_is_one_devices(tmp_path):
    """No device's key is replaced by another's."""
    add_device(tmp_path, "till", Role.TERMINAL)
    with pytest.raises(FaceFileError, match="there is a device 'till' already"):
        add_device(tmp_path, "till", Role.HOST)


def test_a_key_that_cannot_be_handed_over_is_none(tmp_path):
    """A device whose client's file cannot be written is not noted, and can be made once more."""

    def fail(_):
        raise FaceFileError("as if there were no such folder")

    with pytest.raises(FaceFileError, match="as if"):
        add_device(tmp_path, "till", Role.TERMINAL, fail)
    assert Devices(tmp_path).find("till") is None
    handed_over = []
    key = add_device(tmp_path, "till", Role.TERMINAL, handed_over.append)
    assert handed_over == [key] == [Devices(tmp_path).find("till").key_bytes]


def test_secrets_are_their_owners(tmp_path):
    """Keys, clients' files and the certificate's key are readable by their owner alone."""
    add_device(tmp_path, "till", Role.TERMINAL)
    pem = certificate_of(own_certificate(tmp_path))
    write_credentials(tmp_path / "till.toml", Credentials("till", KEY, "paybench-bank", pem))
    secret = [tmp_path / "till.toml", *(tmp_path / "face").glob("*.*")]
    assert len(secret) == 3
    assert {stat.S_IMODE(path.stat().st_mode) for path in secret} == {0o600}
    assert stat.S_IMODE((tmp_path / "face").stat().st_mode) == 0o700
    assert "PRIVATE" not in pem


def test_a_clients_file_is_what_was_written_and_never_replaced(tmp_path):
    """It comes back as it was; another one does not go over it."""
    pem = certificate_of(own_certificate(tmp_path))
    written = Credentials("till", KEY, "paybench-bank", pem)
    write_credentials(tmp_path / "till.toml", written)
    read = read_credentials(tmp_path / "till.toml")
    assert (read.name, read.key, read.certificate.strip()) == ("till", KEY, pem.strip())
    with pytest.raises(FaceFileError, match="is there already"):
        write_credentials(tmp_path / "till.toml", written)


def test_what_others_can_read_is_not_used(tmp_path):
    """A file of keys with another mode is refused, with the command that mends it."""
    add_device(tmp_path, "till", Role.TERMINAL)
    path = tmp_path / "face" / "devices.toml"
    path.chmod(0o640)
    with pytest.raises(FaceFileError, match="chmod 600"):
        Devices(tmp_path).find("till")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f'[device.a]\nrole = "host"\nkey = "{KEY}"\nrights = 1', ":4: unknown key 'rights'"),
        (f'[devices.a]\nrole = "host"\nkey = "{KEY}"', "unknown key 'devices'.*device"),
        (f'[device.a]\nrole = "root"\nkey = "{KEY}"', ":2: "),
        ('[device.a]\nrole = "host"\nkey = "abc"', ":3: "),
        ('[device.a]\nrole = "host"', ":1: expected a key 'key'"),
        ("[device.a", ":1: this is not TOML"),
    ],
)
def test_the_keys_file_is_read_strictly(text, said, tmp_path):
    """What is unknown or malformed is an error with file and line, and shows no key."""
    add_device(tmp_path, "till", Role.TERMINAL)
    path = tmp_path / "face" / "devices.toml"
    path.write_text(text)
    with pytest.raises(FaceFileError, match=said) as caught:
        Devices(tmp_path).find("a")
    assert str(path) in str(caught.value)
    assert KEY not in str(caught.value)
    assert "abc" not in str(caught.value)


def test_what_is_no_certificate_is_refused(tmp_path):
    """A file without a certificate, or with a key of another one, cannot serve."""
    first, second = own_certificate(tmp_path / "a"), own_certificate(tmp_path / "b")
    (tmp_path / "none.pem").write_text("nothing")
    with pytest.raises(FaceFileError, match="seen none"):
        certificate_of(tmp_path / "none.pem")
    for certificate, key in ((tmp_path / "none.pem", None), (first, second)):
        with pytest.raises(FaceFileError, match="cannot be used as the server's certificate"):
            server_context(certificate, key)
    with pytest.raises(FaceFileError, match="no certificate that can be read"):
        Credentials("till", KEY, "x", "nothing").context()


def test_reprs_show_no_secret(tmp_path):
    """Whatever is printed of what holds a key, the key is not in it."""
    add_device(tmp_path, "till", Role.TERMINAL)
    entry = Devices(tmp_path).find("till")
    secret = b"the approval key"
    call = OpenAccount(AccountNumber(1, 1), "Anna", secret)
    shown = repr((entry, Credentials("till", entry.key, "x", "y"), call))
    assert entry.key not in shown
    assert repr(secret)[2:-1] not in shown
