def put(file, value):
    try:
        with open(f'/sys/module/pb/parameters/{file}', 'w') as f:
            f.write(value)
        print(f'{file} {value}: ok')
    except OSError as e:
        print(f'{file} {value}: {errno.errorcode[e.errno]}')
    print('  refcnt', *[f'{m} {text(f"/sys/module/{m}/refcnt")}' for m in ('pa', 'pb')])
    log()


def away(name):
    say(f'{name} away', delete(name))


head('notifier')
load('pb', Ko('pb.ko'), unload=None)
put('act', 'self')
put('act', 'twice')
load('pa', Ko('pa.ko'), unload=None)
away('pa')
load('pa, its init fails', Ko('pa.ko'), params=b'fail=-19', unload=None)
load('pa, bad parameter', Ko('pa.ko'), params=b'fail=x', unload=None)
load('pa, unknown symbol', Ko('pa.ko').rename_symbol('_printk', 'pa_nobody'), unload=None)
put('refuse', '-13')
load('pa, notifier refuses', Ko('pa.ko'), unload=None)
put('refuse', '0')
head('symbol_get')
put('act', 'none')
put('act', 'gpl')
load('pa', Ko('pa.ko'), unload=None)
put('act', 'gpl')
away('pa')
put('act', 'gpl')
put('act', 'put')
put('act', 'put_addr')
put('act', 'open')
put('act', 'kernel')
away('pa')
away('pb')
head('pb asks for it while it uses it')
load('pa', Ko('pa.ko'), unload=None)
load('pb', Ko('pb.ko'), unload=None)
put('act', 'gpl')
away('pa')
put('act', 'put')
away('pa')
away('pb')
