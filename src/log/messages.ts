/**
 * The kinds of events that have an entry in the message catalog (`systemd/banjour.catalog`), by the `action` of a log
 * line's facts. The numbers are fixed for ever: people and monitoring search the journal by MESSAGE_ID.
 */
export const MESSAGE_IDS: Readonly<Record<string, string>> = {
  ban: '8596c96eaa6f4967bf33ab049d0de30a',
  unban: '169feabe65bd4931ac43c063c4ea8095',
  found: '05080106c37c402bb6d5eaec81b733bb',
  ignored: '968840ecf0f04b4892819f2d2dbdaf19',
  refused: '90ee627a1c674fdabf7d12ab466f2a62',
  'would-ban': '5d0cf1b0a4a24a17a0ad5f1f2d7be93c',
  takeover: 'e583630f943f47699526864b8df0e3be',
  'under-attack': '2a04211ecfa54740a85c1c5a3c05c97e',
  started: 'c444edaf8a3c4701ac6ac51c6423ae73',
  stopped: 'a0252e1641cf4ca39bfe510523c3d824',
  reloaded: 'a47cdfb3d87445c4809319a5563a73ed',
  'reload-refused': 'c28f2c498e4b4a8a8cab3f786f6b6753',
  drift: 'f2db8223cb8d4f2abe651eab9c20ce51',
  healed: 'fc6bf612fa9642d4a3a132276e641e17',
  failed: '4aca851b153a4b8dab272242902fea2d',
};
