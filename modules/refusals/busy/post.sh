set -e
strip --strip-debug rb_00.ko
