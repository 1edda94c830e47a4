/** A host as version 0.1.0 left it: banjour-notify and banjour-metrics, each a service of its own. */
import type { Machine } from './machine.js';

const UNITS = {
  notify: `[Service]
ExecStart=/usr/bin/sleep infinity
User=banjour-notify
StateDirectory=banjour-notify
[Install]
WantedBy=multi-user.target
`,
  metrics: `[Service]
ExecStart=/usr/bin/sleep infinity
DynamicUser=yes
[Install]
WantedBy=multi-user.target
`,
};

/**
 * Undoes what makes the companion of them. `folder` is where the way of installing puts units; with
 * `unpacked` the files are gone again, as dpkg has it when the new version is set up.
 */
export async function becomeFormer(
  machine: Machine,
  folder: string,
  unpacked: boolean,
): Promise<void> {
  await machine.exec(['systemctl', 'disable', '--now', 'banjour-companion']);
  for (const [name, unit] of Object.entries(UNITS))
    await machine.exec(['sh', '-euc', `cat > ${folder}/banjour-${name}.service`], { input: unit });
  const script = `usermod -l banjour-notify -d /var/lib/banjour-notify banjour-companion
groupmod -n banjour-notify banjour-companion
mv /var/lib/banjour-companion /var/lib/banjour-notify
install -m 640 -g banjour-notify /dev/null /etc/banjour/secret
mkdir -p /etc/systemd/system/banjour-notify.service.d
printf '[Service]\\nNice=3\\n' > /etc/systemd/system/banjour-notify.service.d/own.conf
rm -f /etc/banjour/companion.local
systemctl daemon-reload
systemctl enable --now banjour-notify banjour-metrics`;
  await machine.exec(['sh', '-euc', script]);
  if (unpacked) await machine.exec(['sh', '-euc', `rm ${folder}/banjour-[nm]*.service`]);
}
