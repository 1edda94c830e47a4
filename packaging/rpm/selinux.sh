# The entry of the service is a script below /usr/lib, which the policy takes for a library. As a program (bin_t), systemd
# starts it in the domain of services that have no policy of their own. Tried with the reference policy in a root, not on a host that enforces SELinux.
ENTRY=/usr/lib/banjour/dist/src/main.js

label_files() {
	command -v semanage > /dev/null && command -v restorecon > /dev/null || return 0
	semanage fcontext -a -t bin_t "$ENTRY" > /dev/null 2>&1 || semanage fcontext -m -t bin_t "$ENTRY"
	restorecon "$ENTRY" /usr/lib/banjour/bin/node
}

unlabel_files() {
	command -v semanage > /dev/null || return 0
	semanage fcontext -d "$ENTRY" 2> /dev/null
}
