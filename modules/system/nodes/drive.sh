#!/bin/sh
. ./lib.sh
D=/tmp/nd-nodes; rm -rf $D; mkdir $D; cd $D || exit 1
say() { "$@" 2>&1 | sed 's/ at 0x.*//'; }
show() { stat -c '%F %A %h %u %g %t:%T %s %n' "$@" 2>&1 | sort -k 9; }
hr made
mknod kmsg c 1 11; mknod -m 600 other c 240 7; mknod block b 7 200; (umask 077; mknod masked c 1 11)
mknod pipe p
show *
mknod kmsg c 1 11; mknod nowhere/x c 1 11; mknod . c 1 1
ls | sort
hr used
echo 'nd: by a node' >kmsg; klog '^nd:'
get other; get block
[ -c kmsg ] && echo character; [ -b block ] && echo block; [ -e other ] && echo there; test -f kmsg || echo no file
chmod 640 other; show other; touch other && echo touched
hr links
ln kmsg second; show kmsg second; ln -s kmsg soft; echo 'nd: by a link' >soft; klog 'by a link'
rm second; show kmsg
hr renamed
mv kmsg moved; show moved; echo 'nd: by the new name' >moved; klog 'new name'; ls | sort
echo plain >file; mv moved file; show file; mv file moved
echo plain >file; mv file moved; cat moved; show moved
mknod kmsg c 1 11; mkdir sub; mv kmsg sub; show sub/*; rmdir sub
mv sub sub2; echo 'nd: below' >sub2/kmsg; klog 'below'; rm -r sub2; ls | sort
hr python
python3 - <<'PY'
import os, stat, errno
os.mknod('p', 0o644 | stat.S_IFCHR, os.makedev(1, 11))
d = os.open('.', os.O_RDONLY)
print(oct(os.stat('p', dir_fd=d).st_mode), os.major(os.lstat('p').st_rdev))
os.rename('p', 'q', src_dir_fd=d, dst_dir_fd=d)
f = os.open('q', os.O_WRONLY)
print(os.write(f, b'nd: python\n'), oct(os.fstat(f).st_mode))
os.unlink('q', dir_fd=d)
print(os.write(f, b'nd: removed\n'), os.path.exists('q'))
os.close(f)
for call in (lambda: os.unlink('q'), lambda: os.rename('q', 'x'), lambda: os.mknod('block', stat.S_IFBLK, 1)):
    try: call(); print('ok')
    except OSError as e: print(errno.errorcode[e.errno])
PY
klog '^nd: [pr]'
hr removed
rm -f *; ls; cd /; rmdir $D && echo gone
mknod /tmp/nd-one c 1 11; rm /tmp/nd-one; has /tmp/nd-one
