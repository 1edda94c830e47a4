# shellcheck shell=sh
# Banjour 0.1.0 had banjour-notify.service and banjour-metrics.service, which are parts of banjour-companion.service now.
# Read by the package's postinst and by `banjour service install`. Everything goes by what lies there, so that it can be
# done again, and does nothing on a host that never had them.
COMPANION=banjour-companion.service
FORMER_NOTIFY=off
FORMER_METRICS=off
FORMER_RUNS=no
# What ran, until it is handed over: an upgrade that was interrupted is done again, and then nothing runs any more.
FORMER_NOTE=/run/banjour-former-units

# Succeeds when an administrator enabled the unit $1.
former_enabled() {
	for link in /etc/systemd/system/*.wants/"$1"; do
		[ -L "$link" ] && return 0
	done
	return 1
}

former_running() {
	[ -d /run/systemd/system ] && systemctl --quiet is-active "$1" 2> /dev/null
}

# Before the users are made: stops what ran, and gives its user and group the new name. They keep their numbers, so that
# files of theirs, such as secrets, stay readable.
former_stop() {
	former_enabled banjour-notify.service && FORMER_NOTIFY=on
	former_enabled banjour-metrics.service && FORMER_METRICS=on
	for unit in banjour-notify.service banjour-metrics.service; do
		if former_running "$unit" || grep -qsx "$unit" "$FORMER_NOTE"; then
			FORMER_RUNS=yes
			echo "$unit" >> "$FORMER_NOTE"
			case "$unit" in
			banjour-notify.service) FORMER_NOTIFY=on ;;
			*) FORMER_METRICS=on ;;
			esac
			# It warns that the file of the unit is gone, which is how it has to be.
			systemctl stop "$unit" 2> /dev/null || true
		fi
	done
	if getent group banjour-notify > /dev/null && ! getent group banjour-companion > /dev/null; then
		groupmod -n banjour-companion banjour-notify || true
	fi
	if getent passwd banjour-notify > /dev/null && ! getent passwd banjour-companion > /dev/null; then
		usermod -l banjour-companion -d /var/lib/banjour-companion -c 'Banjour, talks to the network' banjour-notify || true
	fi
}

# A user with processes, such as somebody's shell, keeps its name, and the companion becomes another one: it gets what the
# administrator gave to the old one.
former_files() {
	getent passwd banjour-notify > /dev/null || return 0
	# From within each folder: of one that is banjour-notify's, that user could make a link to another meanwhile.
	find /etc/banjour -xdev -user banjour-notify -execdir chown -h banjour-companion {} + 2> /dev/null || true
	echo "banjour: processes of the user banjour-notify run, so it could not become banjour-companion, which is a user of its own"
	echo "    now. Files of banjour-notify in /etc/banjour were given to it; once those processes have ended: userdel banjour-notify"
}

# Once the users are there: what it remembers, what it is to do, and its place at boot.
former_hand_over() {
	former_files
	if [ -d /var/lib/banjour-notify ]; then
		mkdir -p -m 750 /var/lib/banjour-companion
		positions=/var/lib/banjour-companion/positions.json
		if [ -e /var/lib/banjour-notify/positions.json ] && [ ! -e "$positions" ]; then
			mv /var/lib/banjour-notify/positions.json "$positions"
			# A link of the former user must not lead elsewhere.
			chown -h banjour-companion:banjour-companion "$positions"
		fi
		chown -h banjour-companion:banjour-companion /var/lib/banjour-companion
		rm -rf /var/lib/banjour-notify
	fi
	if [ "$FORMER_NOTIFY$FORMER_METRICS" != offoff ]; then
		former_settings
	fi
	if former_enabled banjour-notify.service || former_enabled banjour-metrics.service; then
		former_enable
	fi
	rm -f /etc/systemd/system/*.wants/banjour-notify.service /etc/systemd/system/*.wants/banjour-metrics.service
	former_drop_ins
	rm -f "$FORMER_NOTE"
	if [ "$FORMER_RUNS" = yes ] && [ -d /run/systemd/system ]; then
		systemctl daemon-reload || true
		systemctl restart "$COMPANION" || true
		echo "banjour: banjour-notify and banjour-metrics are one service now: systemctl status banjour-companion"
	fi
}

# The parts that ran, and no other: a jail may name somebody whom nothing told so far.
former_settings() {
	settings=/etc/banjour/companion.local
	listen=$(cat /etc/systemd/system/banjour-metrics.service.d/*.conf 2> /dev/null |
		sed -n 's/^ExecStart=.*--listen[= ]\([^ ]*\).*/\1/p' | tail -n 1)
	text=
	if [ "$FORMER_METRICS" = on ]; then
		text="[metrics]
enabled = true
${listen:+listen = $listen
}"
	fi
	if [ "$FORMER_NOTIFY" = off ]; then
		text="$text[notify]
enabled = false
"
	fi
	[ -n "$text" ] || return 0
	if [ -e "$settings" ]; then
		echo "banjour: $settings is there and stays as it is. What ran before needs in it:"
		printf '%s' "$text" | sed 's/^/    /'
		return 0
	fi
	mkdir -p /etc/banjour
	{
		echo "# Written by the upgrade from 0.1.0: what of banjour-notify.service and banjour-metrics.service was in use."
		printf '%s' "$text"
	} > "$settings"
	echo "banjour: $settings says what of banjour-notify and banjour-metrics was in use"
}

# Debian's helper remembers for a removal and a reinstallation, and does not enable what it saw disabled; where no package
# owns the unit there is none to tell.
former_enable() {
	systemctl --quiet enable "$COMPANION" || true
	if [ -e "/usr/lib/systemd/system/$COMPANION" ] && command -v deb-systemd-helper > /dev/null; then
		deb-systemd-helper update-state "$COMPANION" > /dev/null || true
		deb-systemd-helper purge banjour-notify.service banjour-metrics.service > /dev/null || true
	fi
}

# Drop-ins give groups and credentials: without them the companion could not do what its predecessor did.
former_drop_ins() {
	folder=/etc/systemd/system
	if [ -d "$folder/banjour-notify.service.d" ] && [ ! -e "$folder/$COMPANION.d" ]; then
		cp -a "$folder/banjour-notify.service.d" "$folder/$COMPANION.d"
		echo "banjour: the drop-ins in $folder/banjour-notify.service.d are copied to $folder/$COMPANION.d;"
		echo "    look whether they fit (systemctl cat banjour-companion), and remove the old folder"
	fi
	if [ -d "$folder/banjour-metrics.service.d" ]; then
		echo "banjour: $folder/banjour-metrics.service.d has no effect any more; companion.conf says where metrics listen"
	fi
}
