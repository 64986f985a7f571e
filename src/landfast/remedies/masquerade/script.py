"""The remedy as a POSIX script that needs nothing of landfast: for a robot that cannot run it, for boot, for
containers. Pure.

The same rules from the same `ruleset.py`, tried in the same order of forms; written for dash and busybox. The rules
stand in it in full, in nft's and iptables' own text: who copies it to a robot should see what it does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from landfast.model.routing import Family
from landfast.remedies.masquerade.languages import CHAIN, HOOKS, TABLE, by_table, iptables_lines, nft_text
from landfast.remedies.masquerade.ruleset import Form, Wanted, rules
from landfast.remedies.masquerade.state import COMMENT

ANY_INTERFACE = "$interface"
"""As the only interface's name: the script finds the default route's when it runs."""


def script(wanted: Wanted, forms: Sequence[Form]) -> str:
    """The script. It tries `forms` in their order; `wanted.form` and `wanted.foreign` are found again where it runs."""
    backends: set[str] = {form.backend for form in forms}
    translates = wanted.action == "masquerade"
    parts = [
        _HEAD,
        _FIND_INTERFACE if ANY_INTERFACE in wanted.interfaces else "",
        _nft(wanted) if "nft" in backends else "",
        _iptables(wanted) if "iptables" in backends else "",
        _FILTERS,
        _forget(wanted) if translates else "",
        _enable(wanted, forms),
        _disable(backends),
        _TAIL,
    ]
    return "\n".join(part for part in parts if part)


_HEAD = """\
#!/bin/sh
# landfast masquerade: no packet leaves with a source that is no address of the interface it leaves by.
#
#   masquerade.sh enable         put the rules in force; again does no harm
#   masquerade.sh disable        take them away
#   masquerade.sh run COMMAND...   enable, then become COMMAND: the entry point of a container
#
# It needs nothing of landfast: a POSIX shell and nft or iptables.
set -u
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

say() { echo "landfast: $*" >&2; }
have() { command -v "$1" >/dev/null 2>&1; }
has_ipv6() { [ -e /proc/net/if_inet6 ]; }
"""

_FIND_INTERFACE = """\
# The interface of the IPv4 default route with the lowest metric. In /proc/net/route addresses are hexadecimal, metrics
# decimal.
find_interface() {
    interface='' lowest=''
    while read -r name destination _ _ _ _ metric mask _; do
        [ "$destination$mask" = 0000000000000000 ] && [ "$name" != '*' ] || continue
        if [ -z "$lowest" ] || [ "$metric" -lt "$lowest" ]; then lowest=$metric interface=$name; fi
    done </proc/net/route
    [ -n "$interface" ] || { say "no default route to take the interface from"; return 1; }
}
"""


def _nft(wanted: Wanted) -> str:
    found = rules(replace(wanted, form=Form("nft")))
    texts = {family: nft_text(rule for rule in found if rule.family == family) for family in _families(wanted)}
    return f"""\
{_documents("nft", texts, wanted)}
# One transaction: all of it in the place of what was there of ours, or nothing.
by_nft() {{ {{ {_both("nft", wanted, "; ")}; }} | nft -f -; }}
"""


def _iptables(wanted: Wanted) -> str:
    tables = by_table(rules(replace(wanted, form=Form("iptables"))))
    texts = dict.fromkeys(_families(wanted), "")
    for (family, place), inside in tables.items():
        hook = HOOKS[place]
        where = f"-I {hook.builtin} 1" if hook.first else f"-A {hook.builtin}"
        lines = [f"-A {CHAIN} {line}" for line in iptables_lines(inside)]
        jump = f"{where} -m comment --comment {COMMENT} -j {CHAIN}"
        texts[family] += "".join(
            f"{line}\n" for line in [f"*{hook.table}", f":{CHAIN} - [0:0]", *lines, jump, "COMMIT"]
        )
    loads = {4: "iptables-restore --noflush --wait", 6: "ip6tables-restore --noflush --wait"}
    return f"""\
{_documents("iptables", texts, wanted)}
# One transaction a table; what others have there stays.
by_iptables() {{
    take_away_iptables
    {_both("iptables", wanted, " && ", loads)} && return
    take_away_iptables
    return 1
}}
take_away_iptables() {{
    for program in iptables ip6tables; do
        have $program || continue
        for table in nat mangle filter; do
            $program -w -t $table -S {CHAIN} >/dev/null 2>&1 || continue
            $program -w -t $table -S | sed -n 's/^-A \\(.* -j {CHAIN}\\)$/\\1/p' | tr -d '"' |
                while read -r jump; do $program -w -t $table -D $jump; done
            $program -w -t $table -F {CHAIN}
            $program -w -t $table -X {CHAIN}
        done
    done
}}
"""


def _families(wanted: Wanted) -> tuple[Family, ...]:
    return (4, 6) if wanted.ipv6 else (4,)


def _documents(name: str, texts: dict[Family, str], wanted: Wanted) -> str:
    """A function for each family that writes its rules. The mark is quoted unless the interface is filled in later."""
    mark = "END" if ANY_INTERFACE in wanted.interfaces else "'END'"
    return "".join(f"{name}_{family}() {{ cat <<{mark}\n{text}END\n}}\n" for family, text in texts.items())


def _both(name: str, wanted: Wanted, between: str, into: dict[int, str] | None = None) -> str:
    """The documents through the filter that is the caller's first argument, IPv6's where the kernel has it."""
    tail = {family: f" | {program}" for family, program in (into or {}).items()}
    words = [f'{name}_4 | "$1" ip{tail.get(4, "")}']
    if wanted.ipv6:
        words.append(f'{{ ! has_ipv6 || {name}_6 | "$1" ip6{tail.get(6, "")}; }}')
    return between.join(words)


_FILTERS = """\
# What a kernel cannot do is left out of the rules: the exception for IPsec, the lookup of a source. In the place of a
# lookup there is one rule for each address that this host has on another interface. $1 is ip or ip6.
as_is() { cat; }
without_ipsec() { sed -e 's/ rt ipsec missing//' -e 's/ -m policy --dir out --pol none//'; }
by_address() {
    while IFS= read -r line; do
        case $line in
        *'fib saddr . oif type != local'*)
            lookup='fib saddr . oif type != local' words="$1 saddr"
            leaving=${line#*oifname \\"} leaving=${leaving%%\\"*} ;;
        *'-m addrtype ! --src-type LOCAL --limit-iface-out'*)
            lookup='-m addrtype ! --src-type LOCAL --limit-iface-out' words=-s
            leaving=${line#*-o } leaving=${leaving%% *} ;;
        *)
            printf '%s\\n' "$line"
            continue ;;
        esac
        foreign_to "$leaving" "$1" | while read -r address; do
            printf '%s\\n' "${line%%"$lookup"*}$words $address${line#*"$lookup"}"
        done
    done
}
by_address_without_ipsec() { by_address "$1" | without_ipsec; }
foreign_to() {
    case $2 in ip) family=-4 ;; *) family=-6 ;; esac
    ip -o "$family" addr show | while read -r _ name _ address _; do
        case $name:$address in "$1":* | lo:* | *:fe80:*) ;; *) echo "${address%/*}" ;; esac
    done
}
"""


def _forget(wanted: Wanted) -> str:
    interfaces = " ".join(wanted.interfaces)
    return f"""\
# Translation is decided once a flow: those that are open keep their source until conntrack forgets them.
forget() {{
    have conntrack && have ip || return 0
    for leaving in {interfaces}; do
        foreign_to "$leaving" ip | while read -r address; do
            conntrack -D -f ipv4 --orig-src "$address" --reply-dst "$address" >/dev/null 2>&1
        done
    done
    return 0
}}
"""


def _enable(wanted: Wanted, forms: Sequence[Form]) -> str:
    filters = {
        ("lookup", True): "as_is",
        ("lookup", False): "without_ipsec",
        ("address", True): "by_address",
        ("address", False): "by_address_without_ipsec",
    }
    attempts = [f"'by_{form.backend} {filters[form.by, form.spares_ipsec]}'" for form in forms]
    find = "    find_interface || return\n" if ANY_INTERFACE in wanted.interfaces else ""
    success = "forget; return" if wanted.action == "masquerade" else "return"
    joined = " \\\n        ".join(attempts)
    return f"""\
enable() {{
{find}    problems=''
    for form in {joined}
    do
        # shellcheck disable=SC2086 # two words
        if problem=$($form 2>&1); then {success}; fi
        problems="$problems
  $form: $problem"
    done
    say "the rules were refused:$problems"
    return 1
}}
"""


def _disable(backends: set[str]) -> str:
    body = ""
    if "nft" in backends:
        body += f"""\
    for family in ip ip6; do
        ! nft list table $family {TABLE} >/dev/null 2>&1 || nft delete table $family {TABLE} || return
    done
"""
    if "iptables" in backends:
        body += "    take_away_iptables\n"
    return f"disable() {{\n{body}}}\n"


_TAIL = """\
case ${1-} in
enable) enable ;;
disable) disable ;;
run)
    shift
    [ $# -gt 0 ] || { say "run what?"; exit 2; }
    enable || say "going on without the rules"
    exec "$@" ;;
*)
    say "usage: $0 enable | disable | run COMMAND..."
    exit 2 ;;
esac
"""
