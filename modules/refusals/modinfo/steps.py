def ko(**fields):
    return Ko('mo.ko').modinfo(**fields)


def state(after=''):
    print(f'  tainted {text("/proc/sys/kernel/tainted")}', after)


def taints(what, *args, **kw):
    """Loads it, and shows its own taints while it is there."""
    result = call(INIT, bytes(args[0]), len(args[0]), b'')
    say(what, result)
    if result == 0:
        print(f'  taint {text("/sys/module/mo/taint")!r}, /proc/modules',
              [l.split()[6:] for l in text('/proc/modules').split('\n') if l.startswith('mo ')])
        delete('mo')
        log()
    state()


def release(other):
    return magic.replace(magic.split()[0], other)


magic = next(r for r in Ko('mo.ko').contents('.modinfo').split(b'\0') if r.startswith(b'vermagic='))[9:].decode()
state()
head('in the tree, licence known')
taints('first', ko(intree='Y'))
head('each notice once')
taints('not in the tree', ko())
taints('not in the tree again', ko())
taints('in the tree', ko(intree='Y'))
taints('intree=N', ko(intree='N'))
taints('intree empty', ko(intree=''))
head('staging')
taints('first', ko(staging='Y'))
taints('again', ko(staging='Y'))
taints('staging=N', ko(staging='N'))
head('test')
taints('first', ko(test='Y'))
taints('again', ko(test='Y'))
head('retpoline')
taints('none', ko(retpoline=None))
taints('again', ko(retpoline=None))
taints('retpoline=N', ko(retpoline='N'))
head('version magic')
taints('other release', ko(vermagic=release('6.2.0-1-amd64')))
taints('release alone', ko(vermagic=magic.split()[0]))
taints('a blank less', ko(vermagic=magic.rstrip()))
taints('other option', ko(vermagic=magic.replace('preempt', 'preempt_rt')))
taints('empty', ko(vermagic=''))
taints('two, the first counts', ko(vermagic='old ' + magic.split(' ', 1)[1]).modinfo(other='1'))
taints('none', ko(vermagic=None))
taints('none again', ko(vermagic=None))
load_file('other option by force', ko(vermagic='x y'), flags=2, unload='mo')
load_file('other option, versions ignored', ko(vermagic='x y'), flags=1, unload='mo')
load_file('other release, versions ignored', ko(vermagic=release('6.2.0-1-amd64')), flags=1, unload='mo')
load_file('both ignored', ko(vermagic='x y'), flags=3, unload='mo')
state()
head('names')
taints('name in modinfo', ko(name='another'))
load('name in modinfo and a wrong magic', ko(name='another', vermagic='x'), unload='mo')
load('no name and a wrong magic', ko(name=None, vermagic='x'), unload='mo')
head('licences')
for licence in ['GPL', 'GPL v2', 'GPL and additional rights', 'Dual BSD/GPL', 'Dual MIT/GPL', 'Dual MPL/GPL',
                'GPL v3', 'gpl', 'Proprietary', '', 'MIT', 'BSD', 'Dual BSD/GPL ', 'GPL\nv2', None]:
    taints(repr(licence), ko(license=licence))
taints('two, the first counts', ko(license='Proprietary').modinfo(license2='x'))
head('livepatch')
taints('first', ko(livepatch='Y'))
taints('again', ko(livepatch='Y'))
