def named(name):
    """The module under another name."""
    ko = Ko('na.ko')
    start = ko.section('.gnu.linkonce.this_module', 'offset') + 24
    ko.data[start:start + 56] = name.encode().ljust(56, b'\0')
    return ko.modinfo(name=name.split('\0')[0])


head('names of the kernel')
load('vmlinux', named('vmlinux'), unload='vmlinux')
load('kernel', named('kernel'), unload='kernel')
load('printk: built in, with parameters', named('printk'), unload='printk')
load('module: built in, with parameters', named('module'), unload='module')
print(' ', sorted(os.listdir('/sys/module/printk')), sorted(os.listdir('/sys/module/printk/parameters'))[:2])
load('as it is', named('na'), unload='na')
head('odd names')
load('with a dash', named('n-a'), unload='n-a')
load('with a dot', named('n.a'), unload='n.a')
load('with a blank', named('n a'), unload='n a')
load('with a slash', named('n/a'), unload='n/a')
load('dot', named('.'), unload='.')
load('two dots', named('..'), unload='..')
load('of 55 letters', named('n' * 55), unload='n' * 55)
head('names with a reputation')
for name in ('ndiswrapper', 'driverloader', 'lve'):
    result = call(INIT, bytes(named(name)), len(named(name)), b'')
    say(name, result)
    print('  taint', repr(text(f'/sys/module/{name}/taint')), 'tainted', text('/proc/sys/kernel/tainted'))
    delete(name)
    log()
head('no name')


def log():
    for level, line in taken():
        if 'WARNING' in line or not NOISE.match(line):
            print(f'  <{level}> {re.sub("[(][0-9a-f]{16}[)]", "(ADDR)", line)}')


load('in struct module and .modinfo', named(''), unload='')
load('in struct module', named('').modinfo(name='na'), unload='')
load('once more', named(''), unload='')
print(' ', text('/proc/modules'), 'taint W', int(text('/proc/sys/kernel/tainted')) >> 9 & 1)
load('as it is', named('na'), unload='na')
