# T12: passwords that were right a moment ago are remembered. What is remembered is
# true for one account and one password only.
need imap auth
include ../scenario/common.inc
password anna same-password
password bert same-password
define tries
	client i connect 993 tls
	i < * OK
	i > a LOGIN $1 $2
	clock +10s
	i <* $3
	i close
end
# Both know the same password; neither opens the other's mail by it.
tries anna same-password "a OK"
tries bert same-password "a OK"
tries anna@example.org same-password "a OK"
password bert other-password
tries bert same-password "a NO [AUTHENTICATIONFAILED]"
tries bert other-password "a OK"
tries anna other-password "a NO [AUTHENTICATIONFAILED]"
tries anna same-password "a OK"
tries nobody same-password "a NO [AUTHENTICATIONFAILED]"
# Changed: the old one is forgotten at once.
password anna changed-password
tries anna same-password "a NO [AUTHENTICATIONFAILED]"
tries anna changed-password "a OK"
# Locked out: a password that is remembered does not help.
conf domains.yaml {
	domains: {example.org: {}}
	accounts:
	  anna: {addresses: [anna@example.org], login-disabled: "on leave"}
	  bert: {addresses: [bert@example.org]}
}
reload
tries anna changed-password "a NO"
tries bert other-password "a OK"
