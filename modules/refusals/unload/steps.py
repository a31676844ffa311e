FORCE = os.O_TRUNC


def state(*names):
    print('  tainted', text('/proc/sys/kernel/tainted'), *[f'{n} {text(f"/sys/module/{n}/taint")!r}' for n in names])
    for line in text('/proc/modules').split('\n'):
        fields = line.split()
        if fields and fields[0] in ('ua', 'ub', 'up', 'uq'):
            print(' ', fields[0], *fields[2:5], *fields[6:])


def away(what, name, flags=os.O_NONBLOCK):
    say(f'{what}: delete_module {name}', delete(name, flags))


def hold(n):
    with open('/sys/module/ua/parameters/held', 'w') as f:
        f.write(str(n))
    print('  held', text('/sys/module/ua/parameters/held'), 'refcnt', text('/sys/module/ua/refcnt'))


head('free')
load('ua', Ko('ua.ko'), unload=None)
away('no flags', 'ua', 0)
away('gone', 'ua')
load('ua', Ko('ua.ko'), unload=None)
away('force', 'ua', os.O_NONBLOCK | FORCE)
state()
head('held')
load('ua', Ko('ua.ko'), unload=None)
hold(2)
away('held', 'ua')
away('held, blocking', 'ua', 0)
hold(-2)
load('ub', Ko('ub.ko'), unload=None)
state('ua', 'ub')
away('used', 'ua')
away('used, by force', 'ua', FORCE)
away('user', 'ub')
hold(1)
away('held, by force', 'ua', os.O_NONBLOCK | FORCE)
state()
head('put too often')
load('ua', Ko('ua.ko'), unload=None)
hold(-1)
hold(1)
away('again free', 'ua')
head('no exit')
load('up', Ko('up.ko'), unload=None)
state('up')
away('no exit', 'up')
away('no exit, by force', 'up', FORCE)
load('up', Ko('up.ko'), unload=None)
away('no exit, by force', 'up', FORCE | os.O_NONBLOCK)
state()
head('neither init nor exit')
load('uq', Ko('uq.ko'), unload=None)
state('uq')
away('nothing', 'uq')
state()
