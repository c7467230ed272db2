#!/usr/bin/env bash
# Install through apt what building and testing need and this machine lacks.
set -eu
packages="gcc make pkg-config git libcurl4-gnutls-dev libjson-c-dev libsodium-dev liblmdb-dev libmicrohttpd-dev
libzstd-dev libserialport-dev libmodbus-dev python3-pymodbus python3-serial-asyncio libinih-dev libsmartcols-dev libcmocka-dev bats tmux libreadline-dev libncurses-dev clang
libclang-rt-14-dev clang-tidy cppcheck mandoc bsdextrautils socat jq curl valgrind strace tzdata less procps
etcd-server etcd-client openssl libgnutls28-dev"
missing=
for p in $packages; do
	dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing="$missing $p"
done
[ -n "$missing" ] || exit 0
echo "installing:$missing" >&2
sudo=
[ "$(id -u)" -eq 0 ] || sudo=sudo
$sudo apt-get update -qq
# shellcheck disable=SC2086
DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends $missing >/dev/null
