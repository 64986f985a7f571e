"""A certificate authority for one laboratory and the certificate of its server: TURN over TLS as clients meet it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Certificate:
    """PEM texts. Clients must be told to trust `authority`; `chain` and `key` are the server's."""

    authority: str
    chain: str
    key: str


def issue(*names: str, since: datetime | None = None, until: datetime | None = None) -> Certificate:
    """A new authority and a certificate of it for `names`: DNS names and IP addresses.

    It is valid `since` and `until` these moments; without them, now and for long.
    """
    import trustme

    authority = trustme.CA(organization_name="landfast laboratory")
    issued = authority.issue_cert(*names, not_before=since, not_after=until)
    chain = b"".join(blob.bytes() for blob in issued.cert_chain_pems)
    return Certificate(authority.cert_pem.bytes().decode(), chain.decode(), issued.private_key_pem.bytes().decode())
