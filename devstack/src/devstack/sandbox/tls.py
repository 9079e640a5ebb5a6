"""The sandbox's own certificate authority and server certificate, kept in the data folder."""

import ipaddress
from dataclasses import dataclass
from pathlib import Path

import trustme
from cryptography import x509


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """`ca` is what clients trust."""

    ca: Path
    certificate: Path
    key: Path


def prepare_tls(folder: Path, names: list[str]) -> TlsFiles:
    """Make what is missing: the CA once, the certificate again when the names change."""
    files = TlsFiles(folder / "ca.pem", folder / "server.pem", folder / "server.key")
    ca_key = folder / "ca.key"
    if files.ca.exists() and ca_key.exists():
        authority = trustme.CA.from_pem(files.ca.read_bytes(), ca_key.read_bytes())
    else:
        authority = trustme.CA(organization_name="Notification sandbox")
        _write_secret(ca_key, authority.private_key_pem.bytes())
        authority.cert_pem.write_to_path(files.ca)
        files.certificate.unlink(missing_ok=True)
    if not files.key.exists() or _names_of(files.certificate) != {_normal(n) for n in names}:
        issued = authority.issue_cert(*names)
        _write_secret(files.key, issued.private_key_pem.bytes())
        files.certificate.write_bytes(b"".join(p.bytes() for p in issued.cert_chain_pems))
    return files


def _write_secret(path: Path, content: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(content)


def _normal(name: str) -> str:
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        return name


def _names_of(certificate: Path) -> set[str]:
    if not certificate.exists():
        return set()
    loaded = x509.load_pem_x509_certificate(certificate.read_bytes())
    names = loaded.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {
        *names.get_values_for_type(x509.DNSName),
        *(str(ip) for ip in names.get_values_for_type(x509.IPAddress)),
    }
