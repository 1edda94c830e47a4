# Shared by the maintainer scripts; put before each of them when the package is built.
UNIT=banjour.service
# It runs only where an administrator enabled it.
OTHERS='banjour-companion.service'
# Written by postinst, never by hand: which of the jails that run from the start have no service on this host. It is
# read after defaults.conf, which switches them on, and before what the administrator says.
SERVICES=/usr/lib/banjour/config/jail.d/services.conf

running_systemd() {
	[ -d /run/systemd/system ]
}

# True when fail2ban runs, or will at the next boot: two of them would ban the same hosts twice.
fail2ban_here() {
	running_systemd || return 1
	systemctl --quiet is-active fail2ban.service 2>/dev/null ||
		systemctl --quiet is-enabled fail2ban.service 2>/dev/null
}

has_unit() {
	for unit in "$@"; do
		for folder in /etc/systemd/system /usr/local/lib/systemd/system /usr/lib/systemd/system /lib/systemd/system; do
			if [ -e "$folder/$unit" ]; then
				return 0
			fi
		done
	done
	return 1
}
