need directory-yaml
module whereis
command whereis anna@example.org nobody@example.org a@elsewhere.example
expect output /^ADDRESS +KIND +ACCOUNT +MAILBOX\n/
expect output /\nanna@example.org +account +anna +INBOX\n/
expect output /\nnobody@example.org +unknown here/
expect output /\na@elsewhere.example +not ours/
command whereis --json anna@example.org
expect output /"address": "anna@example.org", "kind": "account"/
command whereis nonsense
expect exit 1
command whereis
expect exit 2
