# A reload fails at each of its steps; the server goes on as it was, the session
# that is open as well, and nothing of the attempt is left.
need smtp imap store kv-bdb blob-segment blob-fs
include common.inc
smtp s
deliver s x@example.com anna@example.org zero

# attempt TEXT: it fails and says so; old and new sessions get on.
define attempt
	reload expect-fail "$1"
	s > NOOP
	s < 250
	smtp n
	deliver n x@example.com anna@example.org more
	command generations
	expect output /^[^\n]*\n1 +current[^\n]*\n$/
end

# Read.
conf hermod.yaml append { "log-level: [" }
attempt "hermod.yaml:8"
conf hermod.yaml <<END
	hostname: mail.example.org
	data-dir: elsewhere
END
attempt "data-dir cannot change"
conf hermod.yaml <<END
	hostname: mail.example.org
	data-dir: data
	module-path: [modules]
END
conf conf.d/smtp.yaml { mx: [25 }
attempt "conf.d/smtp.yaml:2:1"

# Load: a file that is missing, one that is no module.
module smtp
module nowhere
attempt "nowhere"
module nowhere { enabled: no }
conf modules/broken.so { this is not an object file }
module broken
attempt "broken.so cannot be loaded"
module broken { enabled: no }

# Schema.
module imap { idle-timeout: 1y }
attempt "idle-timeout"
module imap { idel-timeout: 30m }
attempt "did you mean"
module imap

# Check.
module kv-bdb { page-size: 5000 }
attempt "power of two"
module kv-bdb

# Bind: nobody provides it, two do.
module kv-bdb { enabled: no }
attempt "needs the interface"
module kv-bdb
module blob-fs
attempt "blob"
module blob-fs { enabled: no }

# Open: a file of a module, a certificate.
conf domains.yaml { "accounts: {anna: {addresses: [anna@nowhere.example]}}" }
attempt "domains.yaml"
conf domains.yaml <<END
	domains: {example.org: {}}
	accounts: {anna: {addresses: [anna@example.org]}}
END
conf hermod.yaml append <<END
	tls:
	  certificates:
	    mail.example.org: {cert-file: nowhere.crt, key-file: nowhere.key}
END
attempt "nowhere"
conf hermod.yaml <<END
	hostname: mail.example.org
	data-dir: data
END

# Listen: two modules at one port.
module imap { listen: [25] }
attempt "two listeners"
module imap

# What is right again is taken over.
reload
s > NOOP
s < 250
command generations
expect output /\n2 +current/
s > QUIT
s < 221
verify
