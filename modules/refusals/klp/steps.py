ROOT = '/sys/kernel/livepatch'
LIVEPATCH, RELA_LIVEPATCH = 0xff20, 0x00100000
NOWHERE = b'\0' * 24


def wait():
    """Until no patch is on its way; a task may have to be asked for some seconds on the real kernel."""
    for _ in range(600):
        if all(text(f'{ROOT}/{p}/transition') in ('0', 'ENOENT') for p in os.listdir(ROOT)):
            return
        time.sleep(0.05)
    print('  still on its way')


def log():
    for level, line in taken():
        if not NOISE.match(line) and 'signaling remaining tasks' not in line:
            print(f'  <{level}>', re.sub('(val|loc) [0-9a-f]+', r'\1 VALUE', line))


def say(what, result):
    print(f'{what}: {"ok" if result == 0 else result}')
    wait()
    log()


class Patch(Ko):
    """lr.ko with its relocations for some symbols in sections of livepatches."""

    def __init__(self):
        super().__init__('lr.ko')
        self.tables = {}

    def take(self, symbols, section, target=None):
        """Moves what is for these symbols to a section; target: only relocations of this section."""
        for table in [n for n in self.names() if n.startswith('.rela.') and n != '.rela.' + (target or 'x')]:
            of = table[5:]
            if self.section(table, 'type') != 4 or not self.section(of, 'flags') & 2 or (target and of != target):
                continue
            moved = self.moved(table, symbols)
            if moved:
                self.add(f'{section}.{of}', moved, type=4, flags=RELA_LIVEPATCH | 2, info=self.index(of),
                         link=self.symtab())
        return self

    def moved(self, table, symbols):
        start = self.section(self.symtab(), 'offset')
        wanted = {(self.symbol_at(s) - start) // 24 for s in symbols}
        at, moved = self.section(table, 'offset'), b''
        for row in range(at, at + self.section(table, 'size'), 24):
            if self.field(row, RELA, 'sym') in wanted:
                moved += bytes(self.data[row:row + 24])
                self.data[row:row + 24] = NOWHERE
        return moved

    def names_it(self, symbol, new, shndx=LIVEPATCH):
        return self.symbol(symbol, 'shndx', shndx).rename_symbol(symbol, new)


def patch(hidden='.klp.sym.ly.ly_hidden,0', count='.klp.sym.ly.ly_count,1', printing='.klp.sym.vmlinux._printk,0',
          section='.klp.rela.ly', kernel='.klp.rela.vmlinux', shndx=LIVEPATCH):
    return (Patch().take(['ly_hidden', 'ly_count'], section).take(['lr_print'], kernel)
            .names_it('ly_hidden', hidden, shndx).names_it('ly_count', count).names_it('lr_print', printing))


def insert(what, ko, params=b''):
    return load(what, ko, params=params, unload=None)


def away(name):
    for _ in range(100):
        if text(f'/sys/module/{name}/refcnt') == '0':
            break
        time.sleep(0.05)
    say(f'{name} away', delete(name))


def disable():
    try:
        with open(f'{ROOT}/lr/enabled', 'w') as f:
            f.write('0')
        result = 0
    except OSError as e:
        result = errno.errorcode[e.errno]
    say('disabled', result)


def answer():
    print('  answer', text('/sys/module/ly/parameters/answer'))


def gone(ok):
    if ok == 0:
        answer()
        disable()
        away('lr')


head('the module is there')
insert('ly', Ko('ly.ko'))
answer()
gone(insert('lr', patch()))
answer()
gone(insert('lr, tells', patch(), b'tell=1'))
away('ly')
head('the module comes')
insert('lr', patch())
insert('ly', Ko('ly.ko'))
answer()
away('ly')
insert('ly again', Ko('ly.ko'))
answer()
disable()
away('lr')
away('ly')
head('symbols')
insert('ly', Ko('ly.ko'))
gone(insert('not marked', patch(shndx=0xfff1)))
for name in ('ly_hidden', '.klp.sym.ly', '.klp.sym.ly.', '.klp.sym.ly.ly_hidden', '.klp.sym.ly.ly_hidden,',
             '.klp.sym.ly.ly_hidden,x', '.klp.sym.ly.ly_hidden,1x', '.klp.sym..ly_hidden,0', '.klp.sim.ly.ly_hidden,0',
             '.klp.sym.ly.ly_nobody,0', '.klp.sym.ly.ly_hidden,1', '.klp.sym.ly.ly_hidden,2', '.klp.sym.ly.,0',
             '.klp.sym.lz.ly_hidden,0', '.klp.sym.vmlinux._printk,0', '.klp.sym.lr.lr_tell,0',
             '.klp.sym.ly.ly_spare,0', '.klp.sym.' + 'n' * 56 + '.x,0'):
    gone(insert(name, patch(hidden=name)))
head('of the kernel')
for name in ('.klp.sym.vmlinux.lr_nobody,0', '.klp.sym.vmlinux._printk,1', '.klp.sym.vmlinux._printk,2',
             '.klp.sym.lz.lr_nobody,0', '.klp.sym.ly.ly_nobody,0'):
    gone(insert(name, patch(printing=name)))
gone(insert('of a module, for the kernel', patch(section='.klp.rela.vmlinux')))
away('ly')
gone(insert('of a module that is not there, for the kernel', patch(section='.klp.rela.vmlinux')))
head('names of sections')
insert('ly', Ko('ly.ko'))
for name in ('.klp.rela', '.klp.rela.', '.klp.rel.ly', '.rela.klp.ly', '.klp.rela.' + 'n' * 56):
    gone(insert(name, patch(kernel=name)))
gone(insert('of a module that no object names', patch(kernel='.klp.rela.lz')))
head('relocations')
ko = patch()
at = ko.section('.klp.rela.ly..text', 'offset')
gone(insert('of unknown type', ko.field(at, RELA, 'symtype', 200)))
ko = patch()
ko.data[ko.section('.text', 'offset') + ko.field(ko.section('.klp.rela.ly..text', 'offset'), RELA, 'offset')] = 0x55
gone(insert('over something', ko))
ko = patch()
gone(insert('of the kernel, of unknown type', ko.field(ko.section('.klp.rela.vmlinux..text', 'offset'), RELA, 'symtype', 200)))
head('two of one name')
away('ly')
insert('ly, two functions of one name', Ko('ly.ko').rename_symbol('ly_spare', 'ly_hidden'))
for place in range(4):
    gone(insert(f'place {place}', patch(hidden=f'.klp.sym.ly.ly_hidden,{place}')))
away('ly')
head('refused later')
insert('lr', patch(hidden='.klp.sym.ly.ly_nobody,0'))
insert('ly', Ko('ly.ko'))
disable()
away('lr')
head('no livepatch')
insert('without the mark', patch().modinfo(livepatch=None), b'tell=1')
print(' ', text('/proc/modules') or 'nothing is left')
