// What a person does with Thunderbird; args: the password, a name for what is made.
const { MailServices } =
    ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
const { MailUtils } =
    ChromeUtils.importESModule("resource:///modules/MailUtils.sys.mjs");
const [password, name] = args;
const out = {};
const flags = Ci.nsMsgFolderFlags;
const account = MailServices.accounts.accounts[0];
const server = account.incomingServer;
const keep = globalThis.keep = [];

function wait(ms)
{
	return new Promise(resolve => {
		const t = Cc["@mozilla.org/timer;1"].createInstance(Ci.nsITimer);
		t.initWithCallback(resolve, ms, 0);
		keep.push(t);
	});
}

async function until(what, test)
{
	for (let i = 0; i < 600; i++) {
		if (test())
			return true;
		await wait(100);
	}
	throw new Error("waited in vain for " + what);
}

function urlDone(start)
{
	return new Promise(resolve => start({
		QueryInterface: ChromeUtils.generateQI(["nsIUrlListener"]),
		OnStartRunningUrl() {},
		OnStopRunningUrl(url, status) { resolve(status); },
	}));
}

function copyDone(start)
{
	return new Promise(resolve => start({
		QueryInterface: ChromeUtils.generateQI(
		    ["nsIMsgCopyServiceListener"]),
		onStartCopy() {}, onProgress() {}, setMessageKey() {},
		getMessageId() { return null; },
		onStopCopy(status) { resolve(status); },
	}));
}

const find = (folder, subject) => [...folder.messages].find(
    h => h.mime2DecodedSubject == subject);

for (const kind of ["imap", "smtp"]) {
	const login = Cc["@mozilla.org/login-manager/loginInfo;1"]
	    .createInstance(Ci.nsILoginInfo);
	login.init(kind + "://localhost", null, kind + "://localhost", "anna",
	    password, "", "");
	await Services.logins.addLoginAsync(login);
}
server.password = password;
server.performExpand(null);
await until("the folders", () => server.rootFolder.descendants.length >= 6);
await until("the special uses", () =>
    server.rootFolder.getFolderWithFlags(flags.Junk) &&
    server.rootFolder.getFolderWithFlags(flags.Trash));
out.folders = server.rootFolder.descendants.map(f => f.name == "Inbox" ?
    "INBOX" : f.name).filter(n => !n.startsWith("Made in")).sort();
out.uses = [["inbox", flags.Inbox], ["drafts", flags.Drafts],
    ["sent", flags.SentMail], ["trash", flags.Trash],
    ["junk", flags.Junk], ["archive", flags.Archive]]
    .filter(([n, f]) => server.rootFolder.getFolderWithFlags(f))
    .map(([n]) => n).sort();

const inbox = server.rootFolder.getFolderWithFlags(flags.Inbox);
await urlDone(l => inbox.getNewMessages(null, l));
await until("five messages", () => find(inbox, name + " 4"));
out.subjects = [...inbox.messages].map(h => h.mime2DecodedSubject)
    .filter(s => s.startsWith(name + " ")).sort();

inbox.markMessagesFlagged([find(inbox, name + " 0")], true);
inbox.addKeywordsToMessages([find(inbox, name + " 0")], "$label1");

const read = find(inbox, name + " 4");
out.body = await new Promise(resolve => {
	let text = "";
	const uri = inbox.getUriForMsg(read);
	MailServices.messageServiceFromURI(uri).streamMessage(uri, {
		QueryInterface: ChromeUtils.generateQI(["nsIStreamListener"]),
		onStartRequest() {},
		onDataAvailable(request, stream, offset, count) {
			const s = Cc["@mozilla.org/scriptableinputstream;1"]
			    .createInstance(Ci.nsIScriptableInputStream);
			s.init(stream);
			text += s.read(count);
		},
		onStopRequest() { resolve(text.includes("Hello 4")); },
	}, null, null, false, "");
});
inbox.markMessagesRead([read], true);

await urlDone(l => {
	server.rootFolder.createSubfolder("Made in " + name, null);
	l.OnStopRunningUrl(null, 0);
});
await until("the new folder", () =>
    server.rootFolder.containsChildNamed("Made in " + name));
const made = server.rootFolder.getChildNamed("Made in " + name);
const copy = (n, move) => copyDone(l => MailServices.copy.copyMessages(inbox,
    [find(inbox, name + " " + n)], made, move, l, null, false));
out.copied = await copy(1, false) == 0 && await copy(2, true) == 0;
await copyDone(l => inbox.deleteMessages([find(inbox, name + " 3")], null,
    false, false, l, false));

// Sending, and the copy in Sent.
const file = Services.dirsvc.get("TmpD", Ci.nsIFile);
file.append("hermod-" + name + ".eml");
file.createUnique(0, 0o600);
await IOUtils.writeUTF8(file.path, "From: anna@example.org\r\n" +
    "To: anna@example.org\r\nSubject: from Thunderbird " + name + "\r\n" +
    "Date: Fri, 20 Nov 2026 10:00:00 +0000\r\nMessage-ID: <tb." + name +
    "@example.org>\r\n\r\nHello from Thunderbird\r\n");
const smtp = MailServices.outgoingServer.defaultServer;
smtp.password = password;
out.send = await Promise.race([wait(60000).then(() => "no end"),
    new Promise(resolve => smtp.sendMailMessage(file,
    MailServices.headerParser.makeFromDisplayAddress("anna@example.org"), [],
    MailServices.accounts.allIdentities[0], "anna@example.org", password, null,
    false, "<tb." + name + "@example.org>", {
	QueryInterface: ChromeUtils.generateQI(["nsIMsgOutgoingListener"]),
	onSendStart() {},
	onSendStop(url, status, sec, error) {
		resolve(status == 0 ? "sent" : "failed: " + status + error);
	},
    }))]);
const sent = server.rootFolder.getFolderWithFlags(flags.SentMail);
await copyDone(l => MailServices.copy.copyFileMessage(file, sent, null, false,
    Ci.nsMsgMessageFlags.Read, "", l, null));
await urlDone(l => inbox.getNewMessages(null, l));
out.arrived = await until("what was sent", () =>
    find(inbox, "from Thunderbird " + name));

// A search on the server.
const search = Cc["@mozilla.org/messenger/searchSession;1"]
    .createInstance(Ci.nsIMsgSearchSession);
search.addScopeTerm(Ci.nsMsgSearchScope.onlineMail, inbox);
const term = search.createTerm();
const value = term.value;
term.attrib = value.attrib = Ci.nsMsgSearchAttrib.Body;
term.op = Ci.nsMsgSearchOp.Contains;
value.str = "Hello from Thunderbird";
term.value = value;
search.appendTerm(term);
out.found = await new Promise(resolve => {
	let n = 0;
	search.registerListener({
		onSearchHit(h) { n += h.mime2DecodedSubject.endsWith(name); },
		onSearchDone() { resolve(n); },
		onNewSearch() {},
	}, Ci.nsIMsgSearchSession.allNotifications);
	search.search(null);
});
file.remove(false);
return out;
