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

nft_4() { cat <<END
table ip landfast
delete table ip landfast
table ip landfast {
	chain translate {
		type nat hook postrouting priority 101; policy accept;
		oifname "$interface" rt ipsec missing fib saddr . oif type != local counter masquerade
	}
	chain leave {
		type filter hook postrouting priority 110; policy accept;
		ip saddr 0.0.0.0 counter return
		oifname "$interface" rt ipsec missing ct state invalid,untracked fib saddr . oif type != local counter drop
	}
}
END
}
nft_6() { cat <<END
table ip6 landfast
delete table ip6 landfast
table ip6 landfast {
	chain output {
		type filter hook output priority 0; policy accept;
		ip6 saddr :: counter return
		ip6 saddr fe80::/10 counter return
		ct direction reply counter return
		oifname "$interface" rt ipsec missing fib saddr . oif type != local counter drop
	}
}
END
}

# One transaction: all of it in the place of what was there of ours, or nothing.
by_nft() { { nft_4 | "$1" ip; { ! has_ipv6 || nft_6 | "$1" ip6; }; } | nft -f -; }

iptables_4() { cat <<END
*nat
:LANDFAST - [0:0]
-A LANDFAST -o $interface -m policy --dir out --pol none -m addrtype ! --src-type LOCAL --limit-iface-out -j MASQUERADE
-A POSTROUTING -m comment --comment landfast -j LANDFAST
COMMIT
*mangle
:LANDFAST - [0:0]
-A LANDFAST -s 0.0.0.0/32 -j RETURN
-A LANDFAST -o $interface -m policy --dir out --pol none -m conntrack --ctstate INVALID,UNTRACKED -m addrtype ! --src-type LOCAL --limit-iface-out -j DROP
-A POSTROUTING -m comment --comment landfast -j LANDFAST
COMMIT
END
}
iptables_6() { cat <<END
*filter
:LANDFAST - [0:0]
-A LANDFAST -s ::/128 -j RETURN
-A LANDFAST -s fe80::/10 -j RETURN
-A LANDFAST -m conntrack --ctdir REPLY -j RETURN
-A LANDFAST -o $interface -m policy --dir out --pol none -m addrtype ! --src-type LOCAL --limit-iface-out -j DROP
-I OUTPUT 1 -m comment --comment landfast -j LANDFAST
COMMIT
END
}

# One transaction a table; what others have there stays.
by_iptables() {
    take_away_iptables
    iptables_4 | "$1" ip | iptables-restore --noflush --wait && { ! has_ipv6 || iptables_6 | "$1" ip6 | ip6tables-restore --noflush --wait; } && return
    take_away_iptables
    return 1
}
take_away_iptables() {
    for program in iptables ip6tables; do
        have $program || continue
        for table in nat mangle filter; do
            $program -w -t $table -S LANDFAST >/dev/null 2>&1 || continue
            $program -w -t $table -S | sed -n 's/^-A \(.* -j LANDFAST\)$/\1/p' | tr -d '"' |
                while read -r jump; do $program -w -t $table -D $jump; done
            $program -w -t $table -F LANDFAST
            $program -w -t $table -X LANDFAST
        done
    done
}

# What a kernel cannot do is left out of the rules: the exception for IPsec, the lookup of a source. In the place of a
# lookup there is one rule for each address that this host has on another interface. $1 is ip or ip6.
as_is() { cat; }
without_ipsec() { sed -e 's/ rt ipsec missing//' -e 's/ -m policy --dir out --pol none//'; }
by_address() {
    while IFS= read -r line; do
        case $line in
        *'fib saddr . oif type != local'*)
            lookup='fib saddr . oif type != local' words="$1 saddr"
            leaving=${line#*oifname \"} leaving=${leaving%%\"*} ;;
        *'-m addrtype ! --src-type LOCAL --limit-iface-out'*)
            lookup='-m addrtype ! --src-type LOCAL --limit-iface-out' words=-s
            leaving=${line#*-o } leaving=${leaving%% *} ;;
        *)
            printf '%s\n' "$line"
            continue ;;
        esac
        foreign_to "$leaving" "$1" | while read -r address; do
            printf '%s\n' "${line%%"$lookup"*}$words $address${line#*"$lookup"}"
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

# Translation is decided once a flow: those that are open keep their source until conntrack forgets them.
forget() {
    have conntrack && have ip || return 0
    for leaving in $interface; do
        foreign_to "$leaving" ip | while read -r address; do
            conntrack -D -f ipv4 --orig-src "$address" --reply-dst "$address" >/dev/null 2>&1
        done
    done
    return 0
}

enable() {
    find_interface || return
    problems=''
    for form in 'by_nft as_is' \
        'by_nft without_ipsec' \
        'by_iptables as_is' \
        'by_iptables without_ipsec' \
        'by_nft by_address' \
        'by_nft by_address_without_ipsec' \
        'by_iptables by_address' \
        'by_iptables by_address_without_ipsec'
    do
        # shellcheck disable=SC2086 # two words
        if problem=$($form 2>&1); then forget; return; fi
        problems="$problems
  $form: $problem"
    done
    say "the rules were refused:$problems"
    return 1
}

disable() {
    for family in ip ip6; do
        ! nft list table $family landfast >/dev/null 2>&1 || nft delete table $family landfast || return
    done
    take_away_iptables
}

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
