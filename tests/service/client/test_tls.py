"""Encrypted ways: who a machine does not trust is refused, for pictures and for services alike."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.client import connection, downloads
from service.client.connection import Connection, parse_server
from service.client.downloads import Downloads
from service.errors import PictureError
from tests.service.client.servers import Server, Told, serving


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Make a certificate for this machine, signed by itself, and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("needs the openssl command to make a certificate")
    folder = tmp_path_factory.mktemp("tls")
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost"
    names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-out", "cert.pem", "-keyout", "key.pem"]
    subprocess.run([*command.split(), *names], cwd=folder, check=True, capture_output=True)
    return folder / "cert.pem", folder / "key.pem"


@pytest.fixture
def server(certificate: tuple[Path, Path]) -> Iterator[Server]:
    """Run an encrypted server; what is known of trust is forgotten before and after."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    for module in (downloads, connection):
        module._tls.cache_clear()
    with serving(lambda asked: Told(body=asked.body or b"picture"), tls=context) as running:
        yield running
    for module in (downloads, connection):
        module._tls.cache_clear()


def test_trusted_server_is_spoken_to(
    server: Server, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its name and by its address, for a picture and for a service, whose connection is kept."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    assert Downloads(100).fetch(f"https://localhost:{server.port}/a.png") == b"picture"
    kept = Connection(parse_server(f"https://127.0.0.1:{server.port}"), 60)
    assert [kept.send("POST", "/", body=b"x", headers={}).body for _ in range(2)] == [b"x", b"x"]
    kept.close()
    assert len({asked.port for asked in server.asked}) == 2


def test_server_that_nobody_vouches_for_gets_nothing(server: Server) -> None:
    """Neither a request for a picture nor a picture."""
    with pytest.raises(PictureError, match="CERTIFICATE_VERIFY_FAILED"):
        Downloads(100).fetch(f"https://localhost:{server.port}/a.png")
    kept = Connection(parse_server(f"https://localhost:{server.port}"), 60)
    with pytest.raises(ssl.SSLCertVerificationError):
        kept.send("POST", "/", body=b"x", headers={})
    assert server.asked == []
