"""Programs that answer: real ones, started on a Host, ready when `start` returns, and stopped by what it returns.

* `running.py` — a program that runs until it is stopped: ready within its time, or an error with the end of its log.
* `coturn.py` — STUN (RFC 8489, 5780) and TURN (RFC 8656) over UDP, TCP and TLS: the configuration as text, and `start`.
* `reflector/` — STUN that also answers later and remembers what came: the server that helps `landfast doctor`.
* `certificate.py` — a certificate authority for one laboratory, and the certificate of its server.
* `signalling.py` — the WebSocket server over which two peers find each other; a program of its own as well.
* `echo.py` — a TCP server that sends back every line: the bystander's other end.

Their counterparts ask: `wire/` has the bytes, `peers/` the clients, `probes/` the questions.
"""
