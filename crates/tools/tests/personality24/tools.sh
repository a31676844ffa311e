say() { echo "\$ $*"; "$@"; rc=$?; [ $rc = 0 ] || echo "status $rc"; }
say lsmod
say insmod ./user.o
say insmod ./counter.o
say insmod -v ./user.o
say insmod ./user.o
say lsmod
say cat /proc/modules
say ksyms
say ksyms -h -m
say rmmod counter
say rmmod -r user
say rmmod user
say lsmod
say insmod -y ./params.o irq=0x10 ports=9,8 level=255 big=-5 'name=a b' label=xyz
say ksyms
say rmmod params
dmesg | tail -1
say insmod ./params.o ports=1,2,3,4,5
say insmod ./params.o irq=many
say insmod ./params.o label=123456789012
say insmod ./params.o nope=1
say insmod ./nolicense.o
say lsmod
say rmmod nolicense
say insmod ./lost.o
say insmod -q ./lost.o
say insmod -p ./hello.o
say insmod ./refuses.o
say insmod ./old.o
say insmod -f ./old.o
say lsmod
say rmmod old
say insmod -k -o other ./hello.o
say lsmod
say rmmod -a
say lsmod
say rmmod other
say insmod -x -y ./nolicense.o
say ksyms -h
say insmod -n -m -y ./hello.o
say insmod nothing
say insmod ./nothing.o
say insmod ./counter.c
say insmod
say rmmod
say ksyms -V
say lsmod -V
say insmod -L ./hello.o
say insmod -L ./hello.o
say insmod ./hello.o
say rmmod hello
say insmod -s ./lost.o
say insmod -O blob ./hello.o
od -An -tu4 -N4 blob
say rmmod hello
say insmod -O nowhere/blob ./hello.o
say lsmod
say insmod -v -n -P smp_ ./hello.o
