def state(*names):
    print('  tainted', text('/proc/sys/kernel/tainted'), *[f'{m} {text(f"/sys/module/{m}/taint")!r}' for m in names])


def used():
    for line in text('/proc/modules').split('\n'):
        fields = line.split()
        if fields and fields[0] in ('sa', 'sb', 'su', 'sw'):
            print(' ', fields[0], fields[2], fields[3], fields[4], *fields[6:])


def named(path, name, **fields):
    """The module under another name."""
    ko = Ko(path)
    start = ko.section('.gnu.linkonce.this_module', 'offset') + 24
    ko.data[start:start + 56] = name.encode().ljust(56, b'\0')
    return ko.modinfo(name=name, **fields)


head('nobody has them')
load('user', Ko('su.ko'), unload='su')
load('weak and not', Ko('sw.ko'), unload='sw')
load('user with a long name', named('su.ko', 'a' * 55), unload='su')
head('all there')
load('exporter', Ko('sa.ko'), unload=None)
load('user', Ko('su.ko'), unload=None)
used()
print('exporter away:', delete('sa'), delete('su'), delete('sa'))
used()
head('names')
load('exporter', Ko('sa.ko'), unload=None)
load('exporter again', Ko('sa.ko'), unload=None)
load('other contents, same name', named('sw.ko', 'sa'), unload=None)
load('exporter under another name', named('sa.ko', 'sc'), unload='sc')
load('under the name of a function of the kernel', named('sa.ko', 'printk'), unload='printk')
load('symbol of the kernel', Ko('sb.ko').put('__ksymtab_strings', b'_printk\0\0'), unload='sb')
load('no namespace imported', Ko('su.ko').modinfo(import_ns=None), unload='su')
load('other namespace imported', Ko('su.ko').modinfo(import_ns='SA_OUTER'), unload='su')
load('several imported', Ko('su.ko').modinfo(import_ns='SA_OUTER\0import_ns=SA_INNER'), unload='su')
load('namespace with a quote', Ko('su.ko').modinfo(import_ns='"SA_INNER"'), unload='su')
head('states')
load('symbol is weak', Ko('su.ko').symbol('sa_inside', 'info', 0x22).modinfo(import_ns=None), unload='su')
load('all of them weak', Ko('su.ko').symbol('sa_gpl', 'info', 0x20).symbol('sa_inside', 'info', 0x20), unload='su')
load('another user', Ko('sb.ko'), unload=None)
load('nobody has the weak one', Ko('sw.ko'), unload='sw')
load('nobody has it', Ko('sw.ko').symbol('sw_nobody', 'info', 0x10), unload='sw')
load('_GLOBAL_OFFSET_TABLE_', Ko('sw.ko').symbol('sw_nobody', 'info', 0x10)
     .rename_symbol('sw_nobody', '_GLOBAL_OFFSET_TABLE_'), unload='sw')
print('away:', delete('sb'))
state('sa')
head('proprietary')
load('user of GPL symbols', Ko('su.ko').modinfo(license='Proprietary'), unload='su')
state('sa')
load('user of an open symbol', Ko('sb.ko').modinfo(license='Proprietary'), unload=None)
state('sa', 'sb')
load('user of the user', Ko('sw.ko'), unload=None)
state('sa', 'sb', 'sw')
used()
print('away:', delete('sw'), delete('sb'), delete('sa'))
load('exporter', Ko('sa.ko').modinfo(license='Proprietary'), unload=None)
state('sa')
load('user of open and GPL symbols', Ko('su.ko'), unload='su')
load('user of open symbols', Ko('sb.ko'), unload=None)
load('user of the user', Ko('sw.ko'), unload='sw')
state('sa', 'sb')
used()
print('away:', delete('sb'), delete('sa'))
head('GPL-only symbols, then one of a proprietary module')
load('exporter', Ko('sa.ko').modinfo(license='Proprietary'), unload=None)


def in_order(first, second):
    """sp.ko with these two symbols in this order in its table."""
    ko = Ko('sp.ko')
    a, b = ko.symbol_at(first), ko.symbol_at(second)
    if a > b:
        name = ko.field(a, SYMBOL, 'name')
        ko.field(a, SYMBOL, 'name', ko.field(b, SYMBOL, 'name')).field(b, SYMBOL, 'name', name)
    return ko


load('of the kernel', in_order('ktime_get', 'sa_open'), unload='sp')
load('the other way round', in_order('sa_open', 'ktime_get'), unload='sp')
used()
print('away:', delete('sa'))
