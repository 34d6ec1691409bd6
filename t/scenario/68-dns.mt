# A DNS of the scenario's own, in virtual time.
need resolver-zone dns
dns <<END
$TTL 300
example.com.        MX  10 mx.example.com.
mx.example.com.     A   192.0.2.25
www.example.com.    CNAME mx.example.com.
$SECURE yes example.com.
$FAIL timeout lost.example.
$DELAY 5s late.example.
late.example.       A   192.0.2.26
END
module dns

command dns lookup MX example.com
expect output /found, secure.*10 mx.example.com/
command dns lookup A www.example.com
expect output /www.example.com. 300 IN CNAME mx.example.com.\nmx.example.com. 300 IN A 192.0.2.25/
command dns lookup A late.example
expect output /found, not secure/
command dns lookup A lost.example
expect exit 1
expect output /no answer in time/
command dns lookup TXT nothing.example
expect exit 1
expect output /no such name/

# It changes while the server runs.
dns <<END
example.com. MX 10 other.example.net.
END
command dns lookup MX example.com
expect output /not secure.*10 other.example.net/

# What is wrong is told, and what was goes on.
dns <<END
example.com. MX ten mx.example.com.
END
command dns lookup MX example.com
expect output /10 other.example.net/
expect log event="zone file" line=1 error=/number/

command domain dnsrecords example.org
expect output /example.org. IN MX 10 mail.example.org./
command domain dnscheck example.org
expect exit 1
expect output /wrong +example.org +MX +no such name/
