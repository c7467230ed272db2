#!/usr/bin/env bash
# cppcheck over what ships.
set -u
cd "$(dirname "$0")/../.." || exit 2
cppcheck --std=c11 --enable=warning,performance,portability --inline-suppr --error-exitcode=1 --quiet -j2 -I. \
	--suppress=missingInclude --suppress=missingIncludeSystem -D__GNUC__ -DMKT_PREFIX='"/usr/local"' \
	$(git ls-files 'core/*.c' 'cmd/*.c' 'ledgerd/*.c' 'drivers/*.c' 'tui/*.c')
