from __future__ import annotations

import ipaddress
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from landfast.servers import certificate


def test_the_certificate_is_for_the_names_and_addresses_given() -> None:
    issued = certificate.issue("server", "198.51.100.5", "2001:db8::5")
    leaf = x509.load_pem_x509_certificate(issued.chain.encode())
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["server"]
    addresses = [ipaddress.ip_address("198.51.100.5"), ipaddress.ip_address("2001:db8::5")]
    assert names.get_values_for_type(x509.IPAddress) == addresses
    leaf.verify_directly_issued_by(x509.load_pem_x509_certificate(issued.authority.encode()))


def test_key_and_chain_belong_together_and_every_laboratory_has_its_own(tmp_path: Path) -> None:
    one, other = certificate.issue("server"), certificate.issue("server")
    (tmp_path / "chain").write_text(one.chain)
    for issued in (one, other):
        (tmp_path / "key").write_text(issued.key)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if issued is one:
            context.load_cert_chain(tmp_path / "chain", tmp_path / "key")
        else:
            with pytest.raises(ssl.SSLError, match="KEY_VALUES_MISMATCH"):
                context.load_cert_chain(tmp_path / "chain", tmp_path / "key")


def test_it_can_be_valid_at_another_time_only() -> None:
    since, until = datetime(2020, 1, 1, tzinfo=UTC), datetime(2020, 1, 1, tzinfo=UTC) + timedelta(days=1)
    leaf = x509.load_pem_x509_certificate(certificate.issue("server", since=since, until=until).chain.encode())
    assert (leaf.not_valid_before_utc, leaf.not_valid_after_utc) == (since, until)
