#!/usr/bin/env python3
# node's imapflow and nodemailer, from NODE_PATH: Debian has no package of them.
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "interop"))
sys.dont_write_bytecode = True
from hermod import *  # noqa: E402,F403

SCRIPT = r"""
const { ImapFlow } = require('imapflow');
const nodemailer = require('nodemailer');
const fs = require('fs');
const [imap, smtp, password, ca] = process.argv.slice(2);
const tls = { ca: fs.readFileSync(ca) };
const auth = { user: 'anna', pass: password };
const check = (good, what) => { if (!good) throw new Error(what); };

(async () => {
	const sender = nodemailer.createTransport({ host: 'localhost', port: smtp,
	    requireTLS: true, auth, tls });
	await sender.sendMail({ from: 'anna@example.org', to: 'anna@example.org',
	    subject: 'nodemailer \u2713', text: 'x', html: '<b>x</b>',
	    attachments: [{ filename: 'gr\u00fc\u00dfe.txt', content: 'aaa' }] });

	const c = new ImapFlow({ host: 'localhost', port: imap, secure: true, auth,
	    tls, logger: false });
	await c.connect();
	const boxes = await c.list();
	check(boxes.some(b => b.specialUse == '\\Sent'), 'special use');
	const status = await c.status('INBOX', { messages: true, unseen: true,
	    highestModseq: true });
	check(status.messages == 4 && status.unseen == 4, 'status');
	const lock = await c.getMailboxLock('INBOX');
	let last;
	for await (const m of c.fetch('1:*', { envelope: true,
	    bodyStructure: true, flags: true, uid: true, source: true }))
		last = m;
	check(last.envelope.subject == 'nodemailer \u2713', 'envelope');
	check(last.bodyStructure.childNodes.length == 2, 'structure');
	check(last.bodyStructure.childNodes[1].dispositionParameters.filename ==
	    'gr\u00fc\u00dfe.txt', 'file name');
	const part = await c.download(last.uid, '2', { uid: true });
	let text = '';
	for await (const piece of part.content)
		text += piece;
	check(text == 'aaa', 'download');
	await c.messageFlagsAdd({ seen: false }, ['$Test', '\\Seen']);
	check((await c.search({ keyword: '$Test', seen: true })).length == 4,
	    'search of flags');
	check((await c.search({ subject: '\u2713' })).length == 1,
	    'search of an encoded word');
	const moved = await c.messageMove('1', 'Archive');
	check(moved.uidMap.size == 1, 'MOVE tells uids');
	const put = await c.append('Sent', 'Subject: x\r\n\r\ny\r\n', ['\\Seen']);
	check(put.uid == 1, 'APPEND tells the uid');
	await c.mailboxCreate(['Gr\u00fc\u00dfe', 'sub']);
	await c.mailboxRename('Gr\u00fc\u00dfe/sub', 'other');
	await c.mailboxDelete('other');
	const told = new Promise(resolve => c.once('exists', resolve));
	c.idle();
	await sender.sendMail({ from: 'anna@example.org', to: 'anna@example.org',
	    subject: 'pushed', text: 'x' });
	check((await told).count == 4, 'IDLE tells of new mail');
	lock.release();
	await c.logout();
	sender.close();
	console.log('all is well');
})().catch(e => { console.error(e); process.exit(1); });
"""
need("node")
server = Server()
home = Home(server)
if home.run("node", "-e", "require('imapflow'); require('nodemailer')")[0]:
    skip("imapflow and nodemailer", "not in NODE_PATH: npm install imapflow "
         "nodemailer, and NODE_PATH=.../node_modules")
else:
    home.deliver(3)
    home.try_("imapflow and nodemailer", "node", home.write("all.js", SCRIPT),
              str(server.ports["imaps"]), str(server.ports["submission"]),
              PASSWORD, home.cert, said="all is well")
server.close()
finish()
