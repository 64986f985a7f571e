#!/bin/sh
# The fresh machine made real: a new Debian in a container, a clone of this repository's HEAD, `make demo` and `make test` as
# root, and `make demo` once more as an ordinary user. The container has this machine's network, and reaches the archives of
# packages the way this machine is configured to: apt's sources, pip's configuration, proxies and certificates are copied.
# What was printed stays in build/fresh.log. SUITE is the Debian to be fresh with.
set -eu
cd "$(dirname "$0")/.."
suite=${SUITE:-bookworm}
folder=$PWD/build/fresh
root=$folder/root
log=$PWD/build/fresh.log

say() { echo "$*" >&2; }

[ "$(id -u)" = 0 ] || { say "make fresh boots a container and must be root. Type: sudo make fresh"; exit 3; }
command -v mmdebstrap >/dev/null && command -v systemd-nspawn >/dev/null || make/packages.sh mmdebstrap systemd-container
git rev-parse --quiet --verify HEAD >/dev/null || { say "make fresh clones what is committed, and nothing is."; exit 3; }
[ -z "$(git status --porcelain)" ] || say "note: what is not committed is not part of this."

trap 'exit 130' INT TERM
trap 'rm -rf --one-file-system "$folder"' EXIT
rm -rf --one-file-system "$folder"
mkdir -p "$folder"

# --- a new Debian, from where this machine gets its own
set --
for sources in /etc/apt/sources.list /etc/apt/sources.list.d/*.sources /etc/apt/sources.list.d/*.list; do
    # Other suites and other publishers' archives would not fit.
    if [ -f "$sources" ] && grep -q "$suite" "$sources" && grep -q debian-archive "$sources"; then set -- "$@" "$sources"; fi
done
for settings in /etc/apt/apt.conf /etc/apt/apt.conf.d/*; do
    if [ -f "$settings" ] && grep -q '^ *Acquire::' "$settings"; then set -- --aptopt="$settings" "$@"; fi
done
# The order of mmdebstrap's arguments: options, suite, target, sources.
options=""; sources=""
for word in "$@"; do case $word in --*) options="$options $word" ;; *) sources="$sources $word" ;; esac; done
say "making a new Debian ($suite)"
# shellcheck disable=SC2086 # paths of /etc/apt, one word each
mmdebstrap --quiet --variant=minbase --include=python3,git,make $options "$suite" "$root" $sources

# --- the way to the archives of Python packages
copy() { if [ -e "$1" ]; then mkdir -p "$root$(dirname "$2")"; cp -rL "$1" "$root$2"; fi; }
copy /etc/pip.conf /etc/pip.conf
copy "${XDG_CONFIG_HOME:-$HOME/.config}/pip" /root/.config/pip
set --
bundle=${PIP_CERT:-${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}}
if [ -f "$bundle" ]; then
    copy "$bundle" /etc/certificates-of-the-host.crt
    for name in PIP_CERT SSL_CERT_FILE REQUESTS_CA_BUNDLE; do set -- "$@" --setenv="$name=/etc/certificates-of-the-host.crt"; done
fi
for name in $(env | sed -n 's/^\(PIP_[A-Z_]*\|[A-Za-z]*_proxy\|[A-Z]*_PROXY\)=.*/\1/p'); do
    [ "$name" = PIP_CERT ] || set -- "$@" --setenv="$name"
done
# Folders that pip looks into: an index's parent has the files beside it.
for path in $("${PYTHON:-python3}" -m pip config list 2>/dev/null | grep -o "/[^' ]*" | sed 's|^//||' | sort -u); do
    case $path in */simple | */simple/) path=$(dirname "$path") ;; esac
    if [ -d "$path" ]; then set -- "$@" --bind-ro="$path"; fi
done
[ ! -c /dev/net/tun ] || set -- "$@" --bind=/dev/net/tun

# --- what is tried
git clone --quiet --bare --no-hardlinks . "$root/srv/landfast.git"
printf '[safe]\n\tdirectory = *\n' >"$root/etc/gitconfig"
cat >"$root/srv/try" <<'INSIDE'
#!/bin/sh
step() {
    name=$1; shift
    printf '\n=== %s\n' "$name"
    began=$(date +%s)
    "$@"
    printf '%s\t%s\t%s\n' "$?" "$(($(date +%s) - began))" "$name" >>/srv/results
}
as_user() { setpriv --reuid=ordinary --regid=ordinary --init-groups env HOME=/home/ordinary USER=ordinary "$@"; }
useradd --create-home ordinary
cd /root && step "git clone" git clone --quiet /srv/landfast.git
cd /root/landfast && step "make demo" make demo
step "make test" make test
cd /home/ordinary && step "git clone, as an ordinary user" as_user git clone --quiet /srv/landfast.git
cd landfast && step "make demo, as an ordinary user" as_user make demo
INSIDE

# A writable /proc/sys, because the laboratory sets its namespaces' sysctls; all capabilities, because root has them.
say "a clone, make demo, make test; what is printed goes to $log too"
SYSTEMD_NSPAWN_API_VFS_WRITABLE=1 systemd-nspawn --quiet --directory="$root" --register=no --keep-unit --as-pid2 --pipe \
    --capability=all --resolv-conf=copy-host "$@" /bin/sh /srv/try 2>&1 </dev/null | tee "$log"

{
    printf '\nOn a fresh Debian (%s), at commit %s:\n' "$suite" "$(git rev-parse --short HEAD)"
    while IFS="$(printf '\t')" read -r code seconds name; do
        [ "$code" = 0 ] && word=well || word="exit $code"
        printf '  %-8s %5s s  %s\n' "$word" "$seconds" "$name"
    done <"$root/srv/results"
} | tee -a "$log"
[ "$(grep -c '^0	' "$root/srv/results")" = "$(grep -c 'step "' "$root/srv/try")" ]
