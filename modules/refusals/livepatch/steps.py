ROOT = '/sys/kernel/livepatch'


def wait():
    """Until no patch is on its way; a task may have to be asked for some seconds on the real kernel."""
    for _ in range(600):
        patches = os.listdir(ROOT)
        if all(text(f'{ROOT}/{p}/transition') in ('0', 'ENOENT') for p in patches):
            return
        time.sleep(0.05)
    print('  still on its way')


def log():
    for level, line in taken():
        if not NOISE.match(line) and not line.startswith('  ? ') and 'signaling remaining tasks' not in line:
            print(f'  <{level}> {line}')


def say(what, result):
    print(f'{what}: {"ok" if result == 0 else result}')
    wait()
    log()


def shown():
    print('  answers', text('/sys/module/lt/parameters/answers'))
    for patch in sorted(os.listdir(ROOT)):
        print(' ', patch, text(f'{ROOT}/{patch}/enabled'), text(f'{ROOT}/{patch}/transition'), 'refcnt',
              text(f'/sys/module/{patch}/refcnt'), 'taint', text(f'/sys/module/{patch}/taint'))


def tree():
    for at, dirs, files in sorted(os.walk(ROOT)):
        print(' ', oct(os.stat(at).st_mode), at, *sorted(f'{f}:{os.stat(f"{at}/{f}").st_mode & 0o777:o}' for f in files
                                                        if f not in ('replace', 'stack_order')))


def put(patch, file, value):
    try:
        with open(f'{ROOT}/{patch}/{file}', 'w') as f:
            f.write(value)
        result = 0
    except OSError as e:
        result = errno.errorcode[e.errno]
    say(f'{file} of {patch} {value!r}', result)


def insert(name, **params):
    words = ' '.join(f'{k}="{v}"' for k, v in params.items())
    return load(f'{name} {words}'.strip(), Ko(f'{name}.ko'), params=words.encode(), unload=None)


def away(name):
    # A patch lets go of its module a moment after it has gone.
    for _ in range(100):
        if text(f'/sys/module/{name}/refcnt') == '0':
            break
        time.sleep(0.05)
    say(f'{name} away', delete(name))


tree()
print('tainted', text('/proc/sys/kernel/tainted'))
head('not marked')
load('lp, no mark', Ko('lp.ko').modinfo(livepatch=None), unload=None)
load('lp, marked N', Ko('lp.ko').modinfo(livepatch='N'), unload=None)
put('lp', 'enabled', '0')
away('lp')
head('before its module')
insert('lp')
tree()
shown()
say('lp away', delete('lp'))
insert('lt')
print('  patched', text(f'{ROOT}/lp/lt/patched'))
shown()
away('lt')
print('  patched', text(f'{ROOT}/lp/lt/patched'))
for value in ('x', '', '1', '2'):
    put('lp', 'enabled', value)
for value in ('x', '0', '1'):
    put('lp', 'force', value)
put('lp', 'transition', '1')
put('lp', 'enabled', '0')
shown()
away('lp')
print('tainted', text('/proc/sys/kernel/tainted'))
head('its module is there')
insert('lt')
insert('lp')
shown()
insert('lq')
shown()
put('lp', 'enabled', 'off')
shown()
away('lp')
put('lq', 'enabled', 'n')
shown()
away('lq')
head('disabled in order')
insert('lp')
insert('lq')
put('lq', 'enabled', '0')
shown()
put('lp', 'enabled', '0')
shown()
away('lq')
away('lp')
head('replaced')
insert('lp')
insert('lq', replace='1')
shown()
tree()
away('lp')
put('lq', 'enabled', '0')
shown()
away('lq')
head('states')
insert('lp', how='states')
insert('lq', version=1)
insert('lq', replace='1')
insert('lq', version=2)
put('lq', 'enabled', '0')
put('lp', 'enabled', '0')
away('lq')
away('lp')
head('refused')
for how in ('null', 'no module', 'no objects', 'no functions', 'unknown function', 'no old name', 'no new function',
            'second place', 'not traced', 'new is no function'):
    insert('lp', how=how)
insert('lp', pre_result='-19')
shown()
away('lt')
load('lt, two functions of one name', Ko('lt.ko').rename_symbol('show', 'lt_other'), unload=None)
insert('lp')
shown()
away('lt')
insert('lt')
for how in ('first place', 'twice'):
    insert('lp', how=how)
    shown()
    tree()
    put('lp', 'enabled', '0')
    away('lp')
away('lt')
head('refused later')
for how in ('unknown function', 'second place', 'not traced', 'new is no function'):
    insert('lp', how=how)
    insert('lt')
    shown()
    put('lp', 'enabled', '0')
    away('lp')
insert('lp', pre_result='-19')
insert('lt')
put('lp', 'enabled', '0')
away('lp')
insert('lp')
load('lt, two functions of one name', Ko('lt.ko').rename_symbol('show', 'lt_other'), unload=None)
put('lp', 'enabled', '0')
away('lp')
head('init of the module fails')
insert('lp')
load('lt, bad parameter', Ko('lt.ko'), params=b'fail=x', unload=None)
load('lt, its init fails', Ko('lt.ko'), params=b'fail=-19', unload=None)
load('lt, unknown symbol', Ko('lt.ko').rename_symbol('_printk', 'lt_nobody'), unload=None)
put('lp', 'enabled', '0')
away('lp')
head('state outside of a callback')
insert('lt')
insert('lp', how='states')
noise, NOISE = NOISE, re.compile(NOISE.pattern.replace('WARNING: |', ''))
insert('lq', outside=1)
put('lq', 'enabled', '0')
away('lq')
insert('lq', outside=1)
put('lq', 'enabled', '0')
NOISE = noise
put('lp', 'enabled', '0')
away('lq')
away('lp')
away('lt')
