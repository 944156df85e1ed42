"""Certificates for the tests, made by openssl: authorities, and servers with names."""

import ssl
from dataclasses import dataclass
from pathlib import Path

from world.process import Process

KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc")
CA = """\
[ca]
default_ca = only
[only]
database = {directory}/index.txt
new_certs_dir = {directory}
serial = {directory}/serial
default_md = sha256
unique_subject = no
policy = names
[names]
commonName = supplied
"""


@dataclass(frozen=True)
class Certificate:
    certificate: Path
    key: Path

    def server(self) -> ssl.SSLContext:
        """Return the TLS of a server that has this certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context

    def trusting(self) -> ssl.SSLContext:
        """Return the TLS of a client that trusts this authority."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(self.certificate)
        context.check_hostname = False
        return context


async def authority(directory: Path, name: str) -> Certificate:
    return await _made(directory, name, "-x509")


async def authorities(directory: Path, *trusted: Certificate) -> Path:
    """Return a directory with authorities, in the form in which OpenSSL finds them."""
    directory.mkdir()
    for each in trusted:
        (directory / each.certificate.name).write_bytes(each.certificate.read_bytes())
    await _run("rehash", directory)
    return directory


async def certified(directory: Path, by: Certificate, *names: str) -> Certificate:
    """Return a certificate for DNS names; the first is also its common name."""
    alternatives = ",".join(f"DNS:{name}" for name in names)
    issuer = ("-x509", "-CA", by.certificate, "-CAkey", by.key, "-addext", f"subjectAltName={alternatives}")
    return await _made(directory, names[0], *issuer, "-addext", "basicConstraints=CA:FALSE")


async def expired(directory: Path, by: Certificate, name: str) -> Certificate:
    """Return a certificate that was valid for one day, long ago. Only `openssl ca` can make it."""
    asked = await _made(directory, name)
    configuration = directory / "ca.cnf"
    configuration.write_text(CA.format(directory=directory))
    (directory / "index.txt").touch()
    made = Certificate(directory / f"{name}.crt", asked.key)
    files = ("-config", configuration, "-cert", by.certificate, "-keyfile", by.key, "-in", asked.certificate)
    days = ("-startdate", "20200101000000Z", "-enddate", "20200102000000Z")
    await _run("ca", "-batch", "-notext", "-create_serial", *files, *days, "-out", made.certificate)
    return made


async def _made(directory: Path, name: str, *options: str | Path) -> Certificate:
    made = Certificate(directory / f"{name}.pem", directory / f"{name}.key")
    files = ("-out", made.certificate, "-keyout", made.key)
    await _run("req", "-new", *KEY, "-subj", f"/CN={name}", *files, *options)
    return made


async def _run(*arguments: str | Path) -> None:
    tool = await Process.start("openssl", "openssl", *arguments)
    if await tool.ended():
        raise tool.failure("made no certificate")
