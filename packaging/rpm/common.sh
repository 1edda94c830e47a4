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

# A mail or ssh service was installed or removed.
services_changed() {
	note_services && running_systemd || return 0
	systemctl --quiet is-active "$UNIT" || return 0
	systemctl reload "$UNIT" || true
}
