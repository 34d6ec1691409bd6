# hermod dkim lookup: each way in which there is no key has words of its own.
need resolver-zone dkim
dns <<END
$TTL 300
good._domainkey.far.example. TXT "v=DKIM1; k=ed25519; t=y:s; h=sha256; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
$SECURE yes far.example.
below.empty._domainkey.far.example. A 192.0.2.1
gone._domainkey.far.example. TXT "v=DKIM1; p="
other._domainkey.far.example. TXT "v=spf1 -all"
other._domainkey.far.example. TXT "just words"
wrong._domainkey.far.example. TXT "v=DKIM1; k=rsa; p=!"
kind._domainkey.far.example. TXT "v=DKIM1; k=x448; p=AAAA"
two._domainkey.far.example. TXT "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
two._domainkey.far.example. TXT "k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
short._domainkey.far.example. TXT "v=DKIM1; p=MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBALgSoqXVSEmfcIsOzw7oRuCCOwsmtX/SJnTWxYyj2leFxfS/AVJ+dYfY+hXqMsT7l+MZvvh/R1WzN4MO/kI/7XsCAwEAAQ=="
chat._domainkey.far.example. TXT "v=DKIM1; k=ed25519; s=chat; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
theirs._domainkey.example.org. TXT "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
ours._domainkey.example.org. TXT "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
$FAIL timeout lost.example.
$FAIL failed broken.example.
$FAIL bogus forged.example.
END
module dkim

command dkim lookup good far.example
expect output /^good._domainkey.far.example: Ed25519, hashes: sha256, secure/
expect output /testing/
expect output /not for names below it/
command dkim lookup good far.example --json
expect output /"key": ?"ed25519".*"hashes": ?"sha256".*"testing": ?"yes".*"strict": ?"yes".*"secure": ?"yes".*"result": ?"good"/

# no SELECTOR DOMAIN: it cannot be used, which is said.
define no
	command dkim lookup $1 $2
	expect exit 1
end
no nothing far.example
expect output /there is no key: the DNS has no such name/
no empty far.example
expect output /there is no key: the name has no TXT record/
no x lost.example
expect output /the DNS did not answer in time/
no x broken.example
expect output /the DNS failed/
no x forged.example
expect output /fails validation by DNSSEC/
no gone far.example
expect output /the key was revoked/
no other far.example
expect output /the name has other texts only/
no wrong far.example
expect output /the record of the key is wrong: p= is no base64/
no kind far.example
expect output /k= is a kind of key nobody knows/
no two far.example
expect output /^hermod: [^\n]*there are several records of keys\n$/
no short far.example
expect output /RSA of less than 1024 bits/
no chat far.example
expect output /the key is not for mail/

# What is no name is not asked for.
command dkim lookup a..b far.example
expect exit 2
expect output /the selector is no name/
command dkim lookup a "far example"
expect exit 2
expect output /the domain is no name/

# Keys of our own domains are compared with those that sign.
command dkim lookup theirs example.org
expect output /The domain is ours, but this server has no key of that name/
command dkim add example.org ours --type ed25519
no ours example.org
expect output /this server signs with another key: publish what hermod dkim txt says example.org/
command dkim add example.org unpublished
no unpublished example.org
expect output /no such name.*publish what hermod dkim txt/

# A message that cannot be verified says so.
command dkim verify <<END
From: anna@example.org

x
END
expect exit 1
expect output /the message has no field DKIM-Signature/
command dkim verify <<END
DKIM-Signature: v=1; a=rsa-sha256; d=far.example; s=a
From: anna@example.org

x
END
expect exit 1
expect output /far.example +a +rsa-sha256 +permerror +it has no b=/
