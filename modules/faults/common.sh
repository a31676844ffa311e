# Helpers of the fault cases; sourced after lib.sh.
# report [lines]: the lines of oops and warning reports that are the same in each
# run; of call traces only the modules' own certain frames
report() {
	klog '^([a-z][a-z0-9]:|BUG|kernel BUG|general protection|divide error|invalid opcode|int3|stack guard|#PF|Oops|WARNING|watchdog|kernel tried|CPU:|RIP: 0010|CR2|Call Trace| <TASK>| </TASK>| [A-Za-z_][A-Za-z0-9_.]*\+0x[^ ]* \[|Modules linked|---\[|note:|Kernel panic)' |
		sed -E '/CR3:/d; s/(address|CR2): 0*([0-9a-f])/\1: 0x\2/; s/ +6\.[0-9]+\..*//; s/(note: [^[]*)\[[0-9]+\]/\1[N]/' | head -n "${1:-60}"
}
# alive: does the kernel still load and unload modules? D is the taint of an oops, W that of a warning
alive() {
	hr alive
	ins alive.ko; rem alive; klog '^alive: [io]'
	_t=$(cat /proc/sys/kernel/tainted); echo "taint D $((_t >> 7 & 1)) W $((_t >> 9 & 1))"
}
# state NAME: what became of the module
state() {
	hr state
	awk -v m="$1" '$1==m{print $1,$3,$4,$5,$7}' /proc/modules
	get "/sys/module/$1/initstate"
	rem "$1"
}
