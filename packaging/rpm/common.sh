# What the scriptlets do, after packaging/debian/common.sh.
prepare_service() {
	systemd-sysusers /usr/lib/sysusers.d/banjour.conf /usr/lib/sysusers.d/banjour-companion.conf
	note_services || true
	if running_systemd; then
		systemctl daemon-reload || true
		journalctl --update-catalog 2> /dev/null || true
	fi
}

install_service() {
	prepare_service
	if fail2ban_here; then
		say_fail2ban
		return 0
	fi
	systemctl --quiet enable "$UNIT" || true
	if running_systemd; then
		systemctl start "$UNIT" || true
	fi
}

# The scriptlet at the end of a transaction is not told in every rpm whether it was an upgrade: what is installed for the
# first time was started just now, and must not stop again.
UPGRADED=/run/banjour-upgraded

note_upgrade() {
	if running_systemd; then
		touch "$UPGRADED" || true
	fi
}

was_upgrade() {
	[ -e "$UPGRADED" ] || return 1
	rm -f "$UPGRADED"
	running_systemd
}

# A mail or ssh service was installed or removed.
services_changed() {
	note_services && running_systemd || return 0
	systemctl --quiet is-active "$UNIT" || return 0
	systemctl reload "$UNIT" || true
}

# rpm may run scriptlets without the host's network (its plugin unshare), where there is no table to remove and nothing
# fails: systemd runs the command on the host itself.
flush_tables() {
	if running_systemd && systemd-run --quiet --wait --collect /usr/bin/banjour flush; then
		return 0
	fi
	banjour flush
}
