SIZE = 64


def user():
    return Ko('vu.ko')


def rows(ko):
    table = ko.contents('__versions')
    return {table[i + 8:i + SIZE].split(b'\0')[0].decode(): struct.unpack_from('<Q', table, i)[0]
            for i in range(0, len(table), SIZE)}


def with_rows(change, drop=(), ko=None):
    """The user with other CRCs, and without some."""
    ko = ko or user()
    table = b''
    for name, crc in rows(ko).items():
        if name not in drop:
            table += struct.pack('<Q', change.get(name, crc)) + name.encode().ljust(SIZE - 8, b'\0')
    return ko.put('__versions', table)


def both(what, ko, **kw):
    load(what, ko, unload='vu', **kw)


def state():
    print('  tainted', text('/proc/sys/kernel/tainted'), *[text(f'/sys/module/{m}/taint') for m in ('vb', 'vu')])


head('as built')
load('exporter', Ko('vb.ko'), unload=None)
print(' ', *sorted(rows(user())))
both('user', user())
state()
head('kernel symbol')
both('other crc of _printk', with_rows({'_printk': 1}))
both('other crc with more bits', with_rows({'_printk': rows(user())['_printk'] | 1 << 32}))
both('no crc of _printk', with_rows({}, ['_printk']))
both('no crc and another wrong', with_rows({'vb_one': 7}, ['_printk']))
head('module symbol')
both('other crc', with_rows({'vb_one': 1}))
both('other crc of both', with_rows({'vb_one': 1, 'vb_two': 2}))
both('no crc', with_rows({}, ['vb_two']))
head('module_layout')
both('other crc', with_rows({'module_layout': 1}))
both('no crc', with_rows({}, ['module_layout']))
both('other crc, other name', with_rows({'module_layout': 1}).modinfo(name='other'))
load_file('other crc, versions ignored', bytes(with_rows({'module_layout': 1, '_printk': 1})), flags=1, unload='vu')
state()
head('no versions')
both('empty section', user().put('__versions', b''))
both('short section', user().put('__versions', b'x' * 63))
both('two tables', with_rows({'_printk': 1}).add('__versions', user().contents('__versions')))
both('not ALLOC', user().section('__versions', 'flags', 0))
both('section gone', user().rename('__versions', '.novers'))
state()
both('section gone again', user().rename('__versions', '.novers'))
head('exporter without versions')
print('rmmod', delete('vb'))
load('no CRCs of the GPL ones', Ko('vb.ko').rename('__kcrctab_gpl', '.kcrc'), unload=None)
state()
both('user', user())
both('user without one', with_rows({}, ['vb_two']))
both('user with a wrong one', with_rows({'vb_two': 1}))
both('user with another wrong', with_rows({'vb_one': 1}))
print('rmmod', delete('vb'))
load('no CRCs', Ko('vb.ko').rename('__kcrctab_gpl', '.kcrc').rename('__kcrctab', '.kcrc2'), unload=None)
both('user', with_rows({'vb_one': 1}))
print('rmmod', delete('vb'))
