set -e
strip --strip-debug na.ko
