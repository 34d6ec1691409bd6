# Connections are limited for each address: how many at once, and how many in a
# minute; networks around it have more, trusted ones none.
need smtp imap
include common.inc
conf hermod.yaml append { trusted-networks: [203.0.113.0/24] }
module smtp { connections-per-address: 3, connection-rate: 10 }
module imap { connections-per-address: 2, connection-rate: 5 }

each n 1 2 3
	client a$n connect 25 from 192.0.2.9
	a$n < 220
end
client a4 connect 25 from 192.0.2.9
a4 < 421 4.7.0
a4 closed
client b connect 25 from 192.0.2.10
b < 220
a1 > QUIT
a1 < 221
a1 closed
client a4 connect 25 from 192.0.2.9
a4 < 220

# Ten in a minute.
each n 5 6 7 8 9 10
	client a4 connect 25 from 192.0.2.9
	a4 < 220
end
client a4 connect 25 from 192.0.2.9
a4 < 421 4.7.0
a4 closed
clock +61s
client a4 connect 25 from 192.0.2.9
a4 < 220

repeat 30
	client t$i connect 25 from 203.0.113.5
	t$i < 220
end

client i1 connect 143 from 192.0.2.9
i1 < * OK
client i2 connect 143 from 192.0.2.9
i2 < * OK
client i3 connect 143 from 192.0.2.9
i3 < * BYE
i3 closed
i1 close
repeat 2
	client i3 connect 143 from 192.0.2.9
	i3 < * OK
end
client i3 connect 143 from 192.0.2.9
i3 < * BYE
i3 closed
clock +61s
client i3 connect 143 from 192.0.2.9
i3 < * OK
