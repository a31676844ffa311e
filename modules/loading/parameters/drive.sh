#!/bin/sh
. ./lib.sh
dmesg -C
p=/sys/module/params/parameters
hr defaults; ins params.ko; (cd $p; mode *; grep . * 2>&1)
hr writes
w() { put "$2" $p/$1; get $p/$1; }
w number -77; w number 0x10; w number 010; w number 2147483648; w number abc; w number ""; w number " 5"
w positive -1; w positive 4294967295; w wide -9223372036854775808; w bits 0xffffffffffffffff; w small 255; w small 256
w brief -32769; w ubrief 65535; w huge 18446744073709551616; w colour 1f; w colour 0x1f
for v in y n 1 0 Y N on off of t x ""; do w yes "$v"; done
w flipped 1; w flipped 0; w only_on 1; w only_on 0; w name "two words"; w name ""; w word 1234567; w word 12345678
w list 9; w list 5,6,7,8; w list 1,2,3,4,5; w list 1,,2; w list ""; w readonly 1; w risky 3; w dashed_name 13
rem params
hr at load; ins params.ko number=5 positive=6 wide=-7 bits=0xf0 small=8 brief=-9 ubrief=10 huge=11 colour=0xc yes=n flipped=y only_on=1 name=someone word=word list=3,1 names=ant,bee,cow hidden=14 readonly=15 risky=1 dashed-name=16
(cd $p; grep . * 2>&1); rem params
hr quoted; ins params.ko 'name="with blanks and = sign"' word=x yes; get $p/name; rem params
hr refused
for a in number=x small=256 word=12345678 list=1,2,3,4,5 names=a,b,c,d number name nothing=1 readonly; do echo "$a:"; ins params.ko $a && rem params; done
klog '^(pm:|params: [^lm]|Setting dang)'
