#!/bin/sh
# As root: install Debian packages, but start none of the services they bring.
set -eu

# A test wants coturn's program; no TURN server shall run on this machine because of that. policy-rc.d is Debian's way
# to say that nothing may start now, and `disable` says it for the next boot.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
    trap 'rm -f $policy' EXIT INT TERM
    printf '#!/bin/sh\nexit 101\n' >$policy
    chmod +x $policy
fi

export DEBIAN_FRONTEND=noninteractive
apt-get -q update
apt-get -q install --yes --no-install-recommends "$@"

for package in "$@"; do
    if [ "$package" = coturn ] && command -v systemctl >/dev/null; then systemctl --quiet disable coturn; fi
done
