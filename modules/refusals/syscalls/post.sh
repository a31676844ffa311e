set -e
strip --strip-debug sy.ko
xz --check=crc32 --keep sy.ko
zstd -q sy.ko
gzip --keep sy.ko
