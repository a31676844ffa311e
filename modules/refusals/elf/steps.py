def ko():
    return Ko('vi.ko')


def within_header():
    """The section headers begin at byte 32: where the first one must be zero, the ELF header is."""
    file = ko()
    start, rows = file.header('shoff'), 64 * file.header('shnum')
    table = file.data[start:start + rows]
    for i in range(0, rows, 64):
        at = struct.unpack_from('<Q', table, i + 24)[0]
        struct.pack_into('<Q', table, i + 24, at + rows)
    file.data = file.data[:64] + bytes(rows) + file.data[64:]
    file.header('ehsize', 0).header('shoff', 32)
    file.data[32 + 64:32 + rows] = table[64:]
    return file


head('whole')
load('as built', ko())
load('once more', ko())

head('length')
load('no bytes', b'')
load('63 bytes', bytes(ko())[:63])
load('64 bytes', bytes(ko())[:64])
load_file('empty file', b'')
load_file('file of 1 byte', b'\x7f')
load_file('file of 63 bytes', bytes(ko())[:63])
load_file('cut in the middle', bytes(ko())[:len(ko()) // 2])
load_file('cut by one byte', bytes(ko())[:-1])
load_file('one byte more', bytes(ko()) + b'x')

head('header')
load('magic', ko().header('magic', 0x464c4580))
load('class 32', ko().header('cls', 1))
load('class 7', ko().header('cls', 7))
load('big-endian', ko().header('data', 2))
load('ident version', ko().header('version', 7))
load('version', ko().header('version4', 7))
load('osabi', ko().header('osabi', 9))
load('flags', ko().header('flags', 0xffff))
load('ehsize', ko().header('ehsize', 1))
load('executable', ko().header('type', 2))
load('shared object', ko().header('type', 3))
load('type 65535', ko().header('type', 65535))
load('machine 386', ko().header('machine', 3))
load('machine aarch64', ko().header('machine', 183))
load('machine 0', ko().header('machine', 0))
load('type and machine', ko().header('machine', 3).header('type', 2))

head('section headers')
load('shentsize', ko().header('shentsize', 40))
for shoff in (0, 1, 24, 63):
    load(f'shoff {shoff}', ko().header('shoff', shoff))
load('shoff 32, and all fits', within_header())
load('shoff at the end', ko().header('shoff', len(ko())))
load('shoff behind the end', ko().header('shoff', len(ko()) + 64))
load('shoff largest', ko().header('shoff', 2 ** 64 - 1))
load('shoff near the end', ko().header('shoff', len(ko()) - 64))
load('shnum 0', ko().header('shnum', 0))
load('shnum 1', ko().header('shnum', 1))
load('shnum 65535', ko().header('shnum', 65535))
load('shstrndx 0', ko().header('shstrndx', 0))
load('shstrndx too large', ko().header('shstrndx', 200))
load('section 0 type', ko().section(0, 'type', 1))
load('section 0 size', ko().section(0, 'size', 1))
load('section 0 addr', ko().section(0, 'addr', 1))

head('section names')
load('no names', ko().section('.shstrtab', 'size', 0))
load('outside', ko().section('.shstrtab', 'offset', 1 << 40))
load('no NUL at the end', ko().section('.shstrtab', 'size', ko().section('.shstrtab', 'size') - 1))
load('names of type PROGBITS', ko().section('.shstrtab', 'type', 1))
load('name of .text outside', ko().section('.text', 'name', 1 << 20))
load('name of .comment outside', ko().section('.comment', 'name', 1 << 20))

head('section places')
load('.text behind the end', ko().section('.text', 'offset', len(ko())))
load('.text too large', ko().section('.text', 'size', len(ko())))
load('.text overflow', ko().section('.text', 'size', 2 ** 64 - 1))
load('.comment too large', ko().section('.comment', 'size', 2 ** 40))
load('.bss offset', ko().section('.bss', 'offset', 2 ** 50))
load('.comment of type NULL', ko().section('.comment', 'size', 2 ** 40).section('.comment', 'type', 0))
load('.strtab too large', ko().section('.strtab', 'size', 2 ** 40))
load('two wrong ones', ko().section('.text', 'offset', len(ko())).section('.shstrtab', 'size', 0))

head('symbol table')
load('none', ko().section(ko().symtab(), 'type', 1))
load('link 0', ko().section(ko().symtab(), 'link', 0))
load('link too large', ko().section(ko().symtab(), 'link', 777))
load('strings of type PROGBITS', ko().section('.strtab', 'type', 1))
load('two', ko().add('.symtab2', bytes(24), type=2, flags=0, link=ko().index('.strtab')))
load('none and no .modinfo', ko().section(ko().symtab(), 'type', 1).rename('.modinfo', '.info'))

head('this_module')
load('none', ko().rename('.gnu.linkonce.this_module', '.gnu.linkonce.that_module'))
load('none and no name', ko().rename('.gnu.linkonce.this_module', '.other').modinfo(name=None))
load('not ALLOC', ko().section('.gnu.linkonce.this_module', 'flags', 1))
dies('6.1.') or load('NOBITS', ko().section('.gnu.linkonce.this_module', 'type', 8))
dies('6.1.') or load('smaller', ko().section('.gnu.linkonce.this_module', 'size',
                                                 ko().section('.gnu.linkonce.this_module', 'size') - 64))
load('larger', ko().put('.gnu.linkonce.this_module', ko().contents('.gnu.linkonce.this_module') + bytes(64)))
load('two', ko().add('.gnu.linkonce.this_module', ko().contents('.gnu.linkonce.this_module'), flags=3))
load('two, one not ALLOC', ko().add('.gnu.linkonce.this_module', b'x' * 64, flags=0))

head('modinfo section')
load('two', ko().add('.modinfo', b'license=GPL\0name=second\0'))
load('not ALLOC', ko().section('.modinfo', 'flags', 0))
load('none', ko().rename('.modinfo', '.info'))
load('empty', ko().put('.modinfo', b'\0'))
load('NUL missing at its end', ko().put('.modinfo', ko().contents('.modinfo').rstrip(b'\0') + b'\0name=vi'))

head('write and execute')
load('.text', ko().section('.text', 'flags', 7))
load('.data', ko().section('.data', 'flags', 7))
load('not ALLOC', ko().section('.comment', 'flags', 5))

head('symbols')
load('section too large', ko().symbol('vi_take', 'shndx', 200))
load('section 0xfeff', ko().symbol('vi_take', 'shndx', 0xfeff))
load('two wrong ones', ko().symbol('vi_take', 'shndx', 200).symbol('number', 'shndx', 201))
load('common', ko().symbol('vi_take', 'shndx', 0xfff2))
load('common of lto', ko().rename_symbol('each', '__gnu_lto_v1').symbol('__gnu_lto_v1', 'shndx', 0xfff2))
load('livepatch index', ko().symbol('vi_take', 'shndx', 0xff20))

head('relocations')
load('unknown type', ko().reloc('.init.text', '_printk', 'symtype', 200))
load('type 3', ko().reloc('.init.text', '_printk', 'symtype', 3))
load('64 bits in 32', ko().reloc('.init.text', '_printk', 'symtype', 10))
KO = ko()
KO.data[KO.section('.init.text', 'offset') + KO.reloc('.init.text', '_printk', 'offset')] = 0x55
load('target not zero', KO)
load('of type REL', ko().section('.rela.exit.text', 'type', 9))
load('of nothing, for a section that is not there', ko().add('.rela.void', bytes(24), type=4, flags=0, info=999))
load('of nothing, for a section without memory',
     ko().add('.rela.void', b'\xff' * 24, type=4, flags=0, info=ko().index('.comment')))

head('sections')
load('obsolete parameters', ko().add('__obsparm', bytes(64)))
load('constructors', ko().add('.ctors', bytes(8)))
load('two kinds of constructors', ko().add('.ctors', bytes(8)).add('.init_array', bytes(8)))
load('per-CPU alignment', ko().section('.data..percpu', 'align', 8192))
load('two of one name', ko().add('.twice', bytes(8)).add('.twice', bytes(8)))
if load('two of one name, and stays', ko().add('.twice', bytes(8)).add('.twice', bytes(8)), unload=None) == 0:
    print(' ', *sorted(os.listdir('/sys/module/vi')))
    print('  away:', delete('vi'))
    log()
load('two of one name, one empty', ko().add('.twice', bytes(8)).add('.twice', b''))
noise, NOISE = NOISE, re.compile(NOISE.pattern.replace('WARNING: |', '').replace('|illegal size ', ''))
load('per-CPU size above 32 KiB', ko().section('.data..percpu', 'size', 40000).section('.data..percpu', 'type', 8))
for size in (8193, 20000, 32768):
    load(f'per-CPU size {size}', ko().section('.data..percpu', 'size', size).section('.data..percpu', 'type', 8))
NOISE = noise
load('per-CPU size 8192', ko().put('.data..percpu', ko().contents('.data..percpu') + bytes(8188)))
load('per-CPU size 8192, aligned', ko().put('.data..percpu', ko().contents('.data..percpu') + bytes(8188))
     .section('.data..percpu', 'align', 64))
load('per-CPU size', ko().section('.data..percpu', 'size', 1 << 20).section('.data..percpu', 'type', 8))
