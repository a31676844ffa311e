#!/bin/sh
. ./lib.sh
P=/sys/module/strings/parameters
said() { klog '^(sr: |strings: [^lm]|[a-z]*: string)'; dmesg -C; }
x() { printf "%0$1d" 0; }
dmesg -C; ins strings.ko; for p in word none text tiny lying; do echo "$p: $(cat $P/$p)"; done; wc -c <$P/big; wc -c <$P/huge; tail -c 3 $P/huge | od -An -c; said
hr writes
for v in a 'two words' ' blanks ' '"quoted"' 'new
' '
' '' 'tab	' 'a,b' 'a=b'; do put "$v" $P/word; cat $P/word; put "$v" $P/none; put 1 $P/check; done; said
for n in 1023 1024 1025 4000; do echo $n; put $(x $n) $P/word | sed 's/.*: //'; wc -c <$P/word; done
(x 1023; echo) >$P/word; (x 1024; echo) >$P/word; said
for v in 1234567 12345678 123456 '1234567
' '' '
' 'a
b' 'x y'; do put "$v" $P/text; cat $P/text; done; said
for v in '' a '
'; do put "$v" $P/tiny; cat $P/tiny; done; said
for v in abc abcd; do put $v $P/lying; cat $P/lying; done; said
for n in 4094 4095 4096; do x $n >$P/big; wc -c <$P/big; done; put 1 $P/check; put a $P/huge; said
rem strings; said
hr at load
for a in word= word "word=$(x 1024)" "word=$(x 1025)" 'word="a b"' none=n text= text=1234567 text=12345678 tiny= tiny=a lying=abcd huge=short "big=$(x 5999)" "big=$(x 6000)" 'word=a word=b word=c' "word=a word=$(x 1025)"; do
	echo "$a" | cut -c1-40; ins strings.ko "$a" && rem strings; said | cut -c1-120
done
