set -e
strip --strip-debug wa.ko wb.ko
