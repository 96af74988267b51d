# A web server for the files of one folder: perl serve.pl FOLDER PORT
use strict;
use warnings;
use IO::Socket::INET;

my ($site, $port) = @ARGV;
my %types = (html => 'text/html; charset=utf-8', css => 'text/css', js => 'text/javascript', svg => 'image/svg+xml', png => 'image/png', jpg => 'image/jpeg');
my $server = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port, Listen => 16, ReuseAddr => 1)
    or die "cannot listen on 127.0.0.1:$port: $!\n";
$| = 1;
$SIG{PIPE} = 'IGNORE';
print "Serving $site on http://127.0.0.1:$port/\n";

while (1) {
    my $client = $server->accept or next;
    # One request at a time will do here, but a client that says nothing must not hold up the others.
    eval {
        local $SIG{ALRM} = sub { die "slow\n" };
        alarm 5;
        answer($client);
    };
    alarm 0;
    close $client;
}

sub answer {
    my ($client) = @_;
    my $request = <$client>;
    return unless defined $request && $request =~ m{^(GET|HEAD) (/[^ ?#]*)};
    my ($method, $name) = ($1, $2);
    while (my $header = <$client>) { last if $header =~ /^\r?\n$/ }
    $name .= 'index.html' if $name =~ m{/$};
    my ($status, $type, $content) = ('404 Not Found', 'text/plain', "not found\n");
    # Nothing outside of the folder, whatever the address says.
    if ($name !~ m{(^|/)\.\.(/|$)} && -f "$site$name" && open my $file, '<:raw', "$site$name") {
        local $/;
        my ($extension) = $name =~ /\.(\w+)$/;
        ($status, $type, $content) = ('200 OK', $types{ $extension || '' } || 'text/plain; charset=utf-8', <$file>);
    }
    my $length = length $content;
    print $client "HTTP/1.1 $status\r\nContent-Type: $type\r\nContent-Length: $length\r\nCache-Control: no-cache\r\nConnection: close\r\n\r\n";
    print $client $content if $method eq 'GET';
}
