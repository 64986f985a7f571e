"""The doors to this machine. Everything takes a Host, and none asks where it is.

* `host.py`: the Host, *where* something is asked or done; `Host.here()` is this machine.
* `sandbox.py`: hosts in network namespaces that die with their holder; `init.py` is the process inside, PID 1.
* `pipes.py`: a program's standard streams; `namespaces.py`: the system calls behind namespaces.
* `capabilities.py`: what this machine can do, found out by doing it, and what would provide the rest.
* `nft.py`, `iptables.py`, `conntrack.py`, `routes.py`, `sysctl.py`, `offload.py`, `capture.py`: rules, connections,
  ways, settings, interfaces and packets; `netadmin.py` runs their programs and names the right that is missing.
* `netevents.py`: a host's addresses and ways out, told when they change, without any program.
* `carrier.py`: cables that have just been plugged in, waited for; `offload.py`: packets finished before they enter one.
* `files.py`: a host's files, changed at once or not at all.
* `pcap.py`: captured packets in files.
* `metered.py`: a host that counts what its sockets send and receive.
* `fake.py`: a host in memory.
"""
