# bash completion for mkt: everything is asked of mkt itself.
#
# `mkt WORDS --completion-helper` prints lines of name, value kind, metavar and
# help with TAB between; `mkt --complete=KIND PREFIX` prints values.

_mkt_words() { # what may stand after these words: commands, options
	"$1" "${@:2}" --completion-helper 2>/dev/null
}

_mkt_values() { # kind, prefix
	local kind=$1 prefix=$2
	case $kind in
	words:*)
		kind=${kind#words:}
		compgen -W "${kind//|/ }" -- "$prefix"
		;;
	file) compgen -f -- "$prefix" ;;
	directory) compgen -d -- "$prefix" ;;
	value | -) ;;
	*)
		# A window has blanks in it: it goes into the line as it must be typed.
		local quote='' value
		case $prefix in
		[\"\']*) quote=${prefix:0:1} prefix=${prefix:1} ;;
		*) prefix=${prefix//\\/} ;;
		esac
		"$_mkt_program" --complete="$kind" -- "$prefix" 2>/dev/null | cut -f1 |
			while IFS= read -r value; do
				[ "$quote" ] && printf '%s\n' "$value" || printf '%q\n' "$value"
			done
		;;
	esac
}

_mkt_kind_of() { # option, lines: the kind of its value
	local name kind rest
	while IFS=$'\t' read -r name kind rest; do
		[ "$name" = "$1" ] && printf '%s' "$kind" && return
	done <<<"$2"
}

# Bash breaks words at ':', which times and addresses have: put them together again.
_mkt() {
	local word last=-1 i
	local -a words=()
	for ((i = 0; i <= COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		if ((last > 0)) && [[ $word == :* || ${words[last]} == *: ]]; then
			words[last]+=$word
		else
			words[++last]=$word
		fi
	done
	local -a COMP_WORDS=("${words[@]}")
	local COMP_CWORD=$last cur=${words[last]}
	_mkt_offer
	# What stands before the last ':' is in the line already.
	[[ $cur == [!\"\']*:* && $COMP_WORDBREAKS == *:* ]] || return 0
	for i in "${!COMPREPLY[@]}"; do
		COMPREPLY[i]=${COMPREPLY[i]#"${cur%:*}:"}
	done
}

_mkt_offer() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local _mkt_program=${COMP_WORDS[0]} lines common i word kind n=0
	local -a path=()
	COMPREPLY=()

	case ${_mkt_program##*/} in
	mkt-*) lines=$(_mkt_words "$_mkt_program") ;;
	*) lines=$("$_mkt_program" --complete=command '' 2>/dev/null | sed 's/\t.*/\tcommand/') ;;
	esac
	common=$("$_mkt_program" --completion-helper 2>/dev/null)

	# The words before the cursor: commands go down a level, options with a value take one more.
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		[ "$word" = = ] && continue
		case $word in
		-*)
			kind=$(_mkt_kind_of "$word" "$lines"$'\n'"$common")
			if [ -n "$kind" ] && [ "$kind" != - ] && [ "${COMP_WORDS[i + 1]}" != = ]; then
				((i++))
			elif [ "${COMP_WORDS[i + 1]}" = = ]; then
				((i += 2))
			fi
			;;
		*)
			if [ "$(_mkt_kind_of "$word" "$lines")" = command ]; then
				path+=("$word")
				lines=$(_mkt_words "$_mkt_program" "${path[@]}")
			else
				((n++))
			fi
			;;
		esac
	done

	# The value of an option: "--x v", "--x=v".
	if [ "$cur" = = ]; then
		kind=$(_mkt_kind_of "$prev" "$lines"$'\n'"$common")
		cur=
	elif [ "$prev" = = ]; then
		kind=$(_mkt_kind_of "${COMP_WORDS[COMP_CWORD - 2]}" "$lines"$'\n'"$common")
	elif [[ $prev == -* ]]; then
		kind=$(_mkt_kind_of "$prev" "$lines"$'\n'"$common")
	else
		kind=
	fi
	if [ -n "$kind" ] && [ "$kind" != - ]; then
		mapfile -t COMPREPLY < <(_mkt_values "$kind" "$cur")
		return
	fi

	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(printf '%s\n%s\n' "$lines" "$common" | cut -f1 | grep '^-')" -- "$cur")
		return
	fi
	mapfile -t COMPREPLY < <(compgen -W "$(printf '%s\n' "$lines" | awk -F'\t' '$2 == "command" { print $1 }')" -- "$cur")
	[ ${#COMPREPLY[@]} -gt 0 ] && return
	# An argument: the kinds stand in order, the last one repeats.
	read -ra path <<<"$(_mkt_kind_of arguments "$lines")"
	if [ ${#path[@]} -gt 0 ]; then
		((n >= ${#path[@]})) && n=$((${#path[@]} - 1))
		mapfile -t COMPREPLY < <(_mkt_values "${path[n]}" "$cur")
	fi
}

complete -F _mkt mkt
for _mkt_name in $(compgen -c mkt- 2>/dev/null | sort -u); do
	complete -F _mkt "$_mkt_name"
done
unset _mkt_name
