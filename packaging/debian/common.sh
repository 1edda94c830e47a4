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

# The jails that run from the start, and the units that each watches. Succeeds when the file changed.
note_services() {
	new="$SERVICES.new"
	{
		echo "# Written when packages are installed or removed: jails whose service this host does not have."
		echo "# To have one all the same, write \"enabled = true\" under its name into /etc/banjour/jail.local."
		has_unit postfix.service || printf '\n[postfix-sasl]\nenabled = false\n'
		has_unit dovecot.service || printf '\n[dovecot]\nenabled = false\n'
		has_unit ssh.service sshd.service || printf '\n[sshd]\nenabled = false\n'
	} > "$new"
	if cmp -s "$new" "$SERVICES"; then
		rm -f "$new"
		return 1
	fi
	mv "$new" "$SERVICES"
}

say_fail2ban() {
	cat <<-EOF
	banjour: fail2ban protects this host already, so Banjour was NOT started: both would ban the same hosts.
	To switch from fail2ban to Banjour:
	    banjour import --switch
	See /usr/share/doc/banjour/docs/from-fail2ban.md.
	EOF
}
