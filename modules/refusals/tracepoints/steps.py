def events(size=8, **fields):
    """The module with a table of trace events; the kernel looks into it unless the module's taints forbid that."""
    return Ko('tp.ko').modinfo(**fields).add('_ftrace_events', bytes(size), flags=3)


head('without events')
load('as it is', Ko('tp.ko'), unload='tp')
load('proprietary', Ko('tp.ko').modinfo(license='Proprietary'), unload='tp')
load('empty table', events(0), unload='tp')
load('empty table, proprietary', events(0, license='Proprietary'), unload='tp')
load('half an entry, proprietary', events(4, license='Proprietary'), unload='tp')
head('with events')
load('proprietary', events(license='Proprietary'), unload='tp')
load('again', events(license='Proprietary'), unload='tp')
load('proprietary, staging', events(license='Proprietary', staging='Y'), unload='tp')
load('no version magic', events(vermagic=None), unload='tp')
load('proprietary, tracepoints too', events(license='Proprietary').add('__tracepoints_ptrs', bytes(4)), unload='tp')
