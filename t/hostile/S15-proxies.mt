# S15: who claims to bring others, as a proxy may, stays who it is: the server
# knows neither XCLIENT nor the PROXY protocol.
need smtp imap
include ../scenario/common.inc
client p connect 25 from 192.0.2.99
p < 220
p >> PROXY TCP4 127.0.0.1 192.0.2.1 12345 25\r\nEHLO x.example\r\n
p < 500 5.5.1
p closed
client p connect 25 from 192.0.2.99
p < 220
p >> \r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\x7f\x00\x00\x01\x7f\x00\x00\x01\x30\x39\x00\x19
p < 500
p closed anyway
client p connect 25 from 192.0.2.99
p < 220
p >> \r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff\x7f\x00
p < 500
p closed anyway
smtp s
each line "XCLIENT ADDR=127.0.0.1 NAME=localhost" "XFORWARD ADDR=127.0.0.1" "XCLIENT LOGIN=anna"
	s > ${line}
	s < 500 5.5.1
end
deliver s x@example.com anna@example.org claims
expect message anna INBOX 1 /Received: from client.example \(\[198\.51\.100\./
client i connect 143 from 192.0.2.99
i < * OK
i >> PROXY TCP4 127.0.0.1 192.0.2.1 12345 143\r\na LOGIN anna $password\r\n
i < /BAD/
i < * BYE
i closed anyway
client i connect 143
i < * OK
i > a XCLIENT ADDR=127.0.0.1
i < a BAD
