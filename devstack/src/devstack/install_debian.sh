#!/bin/sh
# Installs the Debian or Ubuntu packages named as arguments, without starting or enabling a service.
# Runs as root. While it works, /usr/sbin/policy-rc.d forbids packages to start their servers
# (https://people.debian.org/~hmh/invokerc.d-policyrc.d-specification.txt); afterwards whatever
# this very installation enabled is disabled again.
set -eu

policy=/usr/sbin/policy-rc.d
mark="written by notification devstack"
before=$(mktemp)
after=$(mktemp)

list_enabled() {
    for link in /etc/systemd/system/*.wants/* /etc/systemd/system/*.requires/* /etc/rc[2-5].d/S*; do
        if [ -L "$link" ]; then echo "$link"; fi
    done | sort
}

disable_unit() {
    if [ -d /run/systemd/system ]; then
        systemctl --quiet disable --now "$1"
    elif command -v systemctl >/dev/null; then
        systemctl --quiet disable "$1"
    else
        # It wants to be called by a package; without systemctl it is the only one that knows.
        DPKG_MAINTSCRIPT_PACKAGE=devstack deb-systemd-helper disable "$1" >/dev/null
    fi
}

disable_new() {
    list_enabled >"$after"
    comm -13 "$before" "$after" | while read -r link; do
        [ -L "$link" ] || continue # went together with an earlier one
        name=$(basename "$link")
        case $link in
            /etc/rc*) update-rc.d "$(echo "$name" | sed 's/^S[0-9]*//')" disable || true ;;
            *) disable_unit "$name" || true ;;
        esac
        rm -f "$link" # where a tool failed or is missing; it is ours, as it was not there before
        echo "left disabled: $name"
    done
}

clean_up() {
    disable_new
    rm -f "$before" "$after"
    if grep -qs "$mark" "$policy"; then rm -f "$policy"; fi
}

list_enabled >"$before"
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\n# %s\nexit 101\n' "$mark" >"$policy"
    chmod 755 "$policy"
fi

export DEBIAN_FRONTEND=noninteractive
# A source that cannot be refreshed is no reason to give up: the others may have what we need.
apt-get -q -o DPkg::Lock::Timeout=300 update || true
apt-get -q -y -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 \
    install --no-install-recommends "$@"
