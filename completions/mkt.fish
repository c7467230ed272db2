# fish completion for mkt: everything is asked of mkt itself.

function __mkt_lines --description 'what may stand after the words before the cursor'
	set -l words (commandline -opc)
	set -l program $words[1]
	set -l path
	set -l lines ($program --complete=command -- '' 2>/dev/null | string replace \t \tcommand\t-\t)
	for word in $words[2..-1]
		if string match -q -- "$word"\t"command"\t'*' $lines
			set -a path $word
			set lines ($program $path --completion-helper 2>/dev/null)
		end
	end
	printf '%s\n' $lines
	$program --completion-helper 2>/dev/null
end

function __mkt_values --argument-names kind prefix
	set -l program (commandline -opc)[1]
	switch $kind
		case 'words:*'
			string split '|' (string replace 'words:' '' $kind)
		case file
			__fish_complete_path $prefix
		case directory
			__fish_complete_directories $prefix
		case value - ''
		case '*'
			$program --complete=$kind -- "$prefix" 2>/dev/null
	end
end

function __mkt
	set -l current (commandline -ct)
	set -l before (commandline -opc)[-1]
	set -l lines (__mkt_lines)
	set -l name $before
	set -l value $current
	if string match -q -- '--*=*' $current
		set name (string replace -r '=.*' '' -- $current)
		set value (string replace -r '^[^=]*=' '' -- $current)
	end
	for line in $lines
		set -l part (string split -- \t $line)
		if test "$part[1]" = "$name"; and test "$part[2]" != -; and test "$part[2]" != command
			for v in (__mkt_values $part[2] $value)
				test "$name" = "$before"; and echo $v; or echo "$name=$v"
			end
			return
		end
	end
	set -l commands
	for line in $lines
		set -l part (string split -- \t $line)
		if string match -q -- '-*' $part[1]
			string match -q -- '-*' $current; and printf '%s\t%s\n' $part[1] $part[4]
		else if test "$part[2]" = command
			set -a commands $part[1]
			printf '%s\t%s\n' $part[1] $part[4]
		end
	end
	if test (count $commands) -eq 0; and not string match -q -- '-*' $current
		for line in $lines
			set -l part (string split -- \t $line)
			if test "$part[1]" = arguments
				__mkt_values (string split -- ' ' $part[2])[-1] $current
			end
		end
	end
end

complete -c mkt -f -a '(__mkt)'
