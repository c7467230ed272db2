#!/usr/bin/env bash
# Print what differs between the SYNOPSIS of man/mkt-COMMAND.1 and the usage that `mkt COMMAND -h` prints.
set -u
build=${BUILD:-build}
normal() { tr -s ' \t\n' ' ' | sed -E 's/ ?\| ?/|/g; s/\[ /[/g; s/ \]/]/g; s/^ //; s/ $//'; }
page=$(mandoc -Tascii -O width=1000 "man/mkt-$1.1" | col -b | awk '/^SYNOPSIS/ { on = 1; next } /^[A-Z]/ { on = 0 } on' | normal)
usage=$("$build/mkt" "$1" -h | awk '/^usage:/ { on = 1; sub(/^usage:/, "") } /^$/ { on = 0 } on' | sed -E 's/^ *or:? //' | normal)
[ "$page" = "$usage" ] || printf 'mkt-%s.1: %s\n   -h says: %s\n' "$1" "$page" "$usage"
