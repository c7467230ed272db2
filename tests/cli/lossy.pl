#!/usr/bin/perl
# A line that loses answers: forwards a unix socket to another, but of the first
# COUNT posted transactions the server's answer never comes back.
#   lossy.pl LISTEN SERVER COUNT
use strict;
use warnings;
use IO::Select;
use IO::Socket::UNIX;

my ($listen, $server, $count) = @ARGV;
my $door = IO::Socket::UNIX->new(Type => SOCK_STREAM, Local => $listen, Listen => 16) or die "$listen: $!";
my $all = IO::Select->new($door);
my (%peer, %lose, %client);

sub hang_up {
	my ($s) = @_;
	for ($s, $peer{$s}) {
		next unless $_;
		$all->remove($_);
		close $_;
		delete @lose{$_}, delete @client{$_};
	}
	delete $peer{$peer{$s}} if $peer{$s};
	delete $peer{$s};
}

while (my @ready = $all->can_read) {
	for my $s (@ready) {
		if ($s == $door) {
			my $in = $door->accept or next;
			my $out = IO::Socket::UNIX->new(Type => SOCK_STREAM, Peer => $server);
			if (!$out) { close $in; next; }
			@peer{$in, $out} = ($out, $in);
			$client{$in} = 1;
			$all->add($in, $out);
			next;
		}
		next unless $peer{$s};
		my $n = sysread $s, my $bytes, 65536;
		if (!$n) { hang_up($s); next; }
		if ($client{$s} && $bytes =~ m{^POST /v1/transactions} && $count > 0) {
			$count--;
			$lose{$peer{$s}} = 1;
		}
		if ($lose{$s}) { hang_up($s); next; }
		syswrite $peer{$s}, $bytes;
	}
}
