# A DNS that does not answer: keys of a message are waited for a minute in all, and
# more signatures do not make more of it: the last would have been answered.
need resolver-zone dkim
dns <<END
$TTL 300
$FAIL timeout lost.example.
$DELAY 5s late.example.
a._domainkey.late.example. TXT "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
END
module dkim
patience 2m
set rest h=From:Subject; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=AAAA
command dkim verify {
	DKIM-Signature: v=1; a=ed25519-sha256; d=late.example; s=a; $rest
	DKIM-Signature: v=1; a=rsa-sha256; d=1.lost.example; s=a; $rest
	DKIM-Signature: v=1; a=rsa-sha256; d=2.lost.example; s=a; $rest
	DKIM-Signature: v=1; a=rsa-sha256; d=3.lost.example; s=a; $rest
	DKIM-Signature: v=1; a=rsa-sha256; d=4.lost.example; s=a; $rest
	DKIM-Signature: v=1; a=rsa-sha256; d=5.lost.example; s=a; $rest
	DKIM-Signature: v=1; a=rsa-sha256; d=6.lost.example; s=a; $rest
	DKIM-Signature: v=1; a=rsa-sha256; d=7.lost.example; s=a; $rest
	DKIM-Signature: v=1; a=rsa-sha256; d=8.lost.example; s=a; $rest
	DKIM-Signature: v=1; a=rsa-sha256; d=9.lost.example; s=a; $rest
	DKIM-Signature: v=1; a=ed25519-sha256; d=late.example; s=a; $rest
	From: anna@example.org

	x
}
expect exit 1
expect output /late.example +a +ed25519-sha256 +fail .*\n1.lost.example +a +rsa-sha256 +temperror +the DNS did not answer in time\n/
expect output /9.lost.example +a +rsa-sha256 +temperror +the DNS did not answer in time\nlate.example +a +ed25519-sha256 +temperror +the DNS did not answer in time\n$/
