HERE = os.getcwd()
MODPROBE = '/proc/sys/kernel/modprobe'


def put(path, value):
    try:
        with open(path, 'w') as f:
            f.write(value)
        return 'ok'
    except OSError as e:
        return errno.errorcode[e.errno]


def ask(name, how='ask'):
    print(f'{how} {name[:60]}:', put(f'/sys/module/rq/parameters/{how}', name))
    log()


def told():
    if os.path.exists('helper.log'):
        for line in text('helper.log').split('\n'):
            print('  |', line)
        os.unlink('helper.log')


head('the helper')
print(text(MODPROBE))
print(put(MODPROBE, f'{HERE}/helper'), text(MODPROBE) == f'{HERE}/helper')
load('rq', Ko('rq.ko'), unload=None)
told()
ask('nobody')
told()
ask('fails')
ask('killed')
ask('n' * 55)
ask('n' * 56)
ask('two words -x')
told()
head('loads a module')
ask('rt')
print('rmmod', delete('rt'))
ask('rt')
ask('rt')
print('rmmod', delete('rt'))
log()
ask('rt-late', 'nowait')
end = time.time() + 20
while 'rt' not in [line.split()[0] for line in text('/proc/modules').split('\n')] and time.time() < end:
    time.sleep(0.1)
time.sleep(0.5)
log()
print('rmmod', delete('rt'))
head('no helper')
print(put(MODPROBE, '/nowhere/modprobe'))
ask('rt')
ask('rt', 'nowait')
print(put(MODPROBE, '/proc/version'))
ask('rt')
print(put(MODPROBE, ''))
print(repr(text(MODPROBE)))
ask('rt')
print(put(MODPROBE, '\n'), repr(text(MODPROBE)))
ask('rt')
print('rmmod', delete('rq'))
log()
