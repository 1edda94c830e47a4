"""Expands every filter of an unpacked fail2ban package with fail2ban's own reader, as JSON.

usage: fail2ban_expand.py PACKAGE_ROOT  <  {"variants": [[filter, {option: value}], ...]}
"""
import json
import logging
import os
import re
import sys

root = sys.argv[1]
sys.path.insert(0, os.path.join(root, 'usr/lib/python3/dist-packages'))
logging.disable(logging.CRITICAL)
from fail2ban.client.filterreader import FilterReader  # noqa: E402

basedir = os.path.join(root, 'etc/fail2ban')
KEYS = ('usedns', 'prefregex', 'ignoreregex', 'failregex', 'maxlines', 'datepattern', 'journalmatch')


def expand(name, options, backend):
    reader = FilterReader(name, 'jail', dict(options), share_config={}, basedir=basedir)
    if not reader.read():
        return {'error': 'cannot be read'}
    reader.applyAutoOptions(backend)
    reader.getOptions({}, all=False)
    combined = reader.getCombined()
    return {key: str(combined[key]) for key in KEYS if combined.get(key) is not None}


def variants():
    """Every filter with every value that its tags can select: <mdre-<mode>>, <type<type>/x>, <lt_<logtype>/x>, ..."""
    for file in sorted(os.listdir(os.path.join(basedir, 'filter.d'))):
        if not file.endswith('.conf') or file.endswith('common.conf'):
            continue
        name = file[:-5]
        with open(os.path.join(basedir, 'filter.d', file), encoding='utf-8') as handle:
            text = handle.read()
        modes = sorted(set(re.findall(r'^mdre-([a-z]+)\b', text, re.M))) or []
        yield name, {}
        for mode in modes:
            yield name, {'mode': mode}
        for option, pattern in (('type', r'^\[type(\w+)\]'), ('logging', r'^\[L_(\w+)\]')):
            for value in sorted(set(re.findall(pattern, text, re.M))):
                yield name, {option: value}
        for value in ('nofail', 'any', 'invalid'):
            if 'cmnfailre-failed-pub-' + value in text:
                yield name, {'publickey': value, 'mode': 'aggressive'}


out = []
for name, options in variants():
    for backend in ('systemd', 'polling'):
        try:
            result = expand(name, options, backend)
        except Exception as error:  # the reader raises many kinds; the text is compared by a person
            result = {'error': '%s: %s' % (type(error).__name__, error)}
        out.append({'name': name, 'options': options, 'logtype': 'journal' if backend == 'systemd' else 'file',
                    'result': result})
json.dump({'basedir': basedir, 'variants': out}, sys.stdout)
