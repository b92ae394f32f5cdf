#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Loads the bitstream with its overlay: load.sh [load|unload]. Run it as root in the folder of the files.
# By fpgautil where it is, else by the kernel's configfs. Nothing of it was run on a board.
set -eu

do=${1:-load}
overlays=/sys/kernel/config/device-tree/overlays
firmware=/lib/firmware
cd "$(dirname "$0")"

die() {
  echo "load.sh: $1" >&2
  exit 2
}

case $do in
  load | unload) ;;
  *) die "the first word must be load or unload, not $do" ;;
esac
[ "$(id -u)" = 0 ] || die "must run as root, not as $(id -un); use sudo"

if [ "$do" = unload ]; then
  if command -v fpgautil >/dev/null; then
    fpgautil -R
  elif [ -d "$overlays/r4" ]; then
    rmdir "$overlays/r4"
  fi
  exit 0
fi

[ -f r4.bit.bin ] || die "r4.bit.bin must be here, not missing; copy it from vivado/output of the build"
if [ ! -f overlay.dtbo ]; then
  command -v dtc >/dev/null || die "dtc must be there to compile overlay.dts, not missing; install device-tree-compiler"
  dtc -@ -I dts -O dtb -o overlay.dtbo overlay.dts
fi
# u-dma-buf has the memory of cubes and results; generic-uio is the name that uio_pdrv_genirq is to take.
[ -d /sys/module/u_dma_buf ] || modprobe u-dma-buf ||
  die "the kernel module u-dma-buf must be installed, not missing; see README.md"
if [ ! -d /sys/module/uio_pdrv_genirq ]; then
  modprobe uio_pdrv_genirq of_id=generic-uio || die "the kernel must have uio_pdrv_genirq, not lack it; see README.md"
fi

if command -v fpgautil >/dev/null; then
  fpgautil -b r4.bit.bin -o overlay.dtbo
else
  [ -d "$overlays" ] || mount -t configfs configfs /sys/kernel/config
  [ -d "$overlays" ] || die "the kernel must take overlays by configfs, not lack $overlays; use AMD's kernel"
  mkdir -p "$firmware"
  cp r4.bit.bin "$firmware/"
  [ ! -d "$overlays/r4" ] || rmdir "$overlays/r4"
  mkdir "$overlays/r4"
  cat overlay.dtbo >"$overlays/r4/dtbo"
  [ "$(cat "$overlays/r4/status")" = applied ] || die "the overlay must be applied, not refused; see dmesg"
fi

sleep 1
grep -qx r4 /sys/class/uio/uio*/name 2>/dev/null ||
  die "a UIO device named r4 must be there, not none; see dmesg, and README.md for the kernel's command line"
echo "loaded; now run: python3 selftest.py"
