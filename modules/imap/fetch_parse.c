/* fetch_parse.c - the items of FETCH. */
#include <hermod/arena.h>

#include "fetch.h"

static struct imap_fetch_item *
add_item(struct imap_parse *p, struct imap_fetch *f, enum imap_item item)
{
	struct imap_fetch_item *it;

	if (!f->items)
		f->items = hm_alloc_array(p->arena, IMAP_FETCH_ITEMS,
		    sizeof(*f->items));
	if (f->n == IMAP_FETCH_ITEMS) {
		imap_p_fail(p, "fewer items");
		return NULL;
	}
	it = &f->items[f->n++];
	it->item = item;
	if (item >= IMAP_ITEM_ENVELOPE)
		f->cold = true;
	if (item >= IMAP_ITEM_SECTION)
		f->bytes = true;
	return it;
}

/* Items that are one word. Longer words first where one begins another. */
static const struct {
	const char *word;
	enum imap_item item;
	unsigned parts;
} words[] = {
	{ "FLAGS", IMAP_ITEM_FLAGS, 0 },
	{ "UID", IMAP_ITEM_UID, 0 },
	{ "INTERNALDATE", IMAP_ITEM_INTERNALDATE, 0 },
	{ "RFC822.SIZE", IMAP_ITEM_SIZE, 0 },
	{ "MODSEQ", IMAP_ITEM_MODSEQ, 0 },
	{ "SAVEDATE", IMAP_ITEM_SAVEDATE, 0 },
	{ "ENVELOPE", IMAP_ITEM_ENVELOPE, HM_STORED_ENVELOPE },
	{ "BODYSTRUCTURE", IMAP_ITEM_BODYSTRUCTURE, HM_STORED_STRUCTURE },
};

/* Items with a section, or that stand for one (RFC 3501, 6.4.5, RFC822). */
static const struct {
	const char *word;      /* what begins the request */
	const char *name;      /* what begins the response */
	enum imap_item item;
	bool seen;
	bool bracket;          /* a section follows */
	enum imap_section_kind kind;
} sections[] = {
	{ "BODY.PEEK[", "BODY[", IMAP_ITEM_SECTION, false, true, 0 },
	{ "BODY[", "BODY[", IMAP_ITEM_SECTION, true, true, 0 },
	{ "BINARY.PEEK[", "BINARY[", IMAP_ITEM_BINARY, false, true, 0 },
	{ "BINARY.SIZE[", "BINARY.SIZE[", IMAP_ITEM_BINARY_SIZE, false, true, 0 },
	{ "BINARY[", "BINARY[", IMAP_ITEM_BINARY, true, true, 0 },
	{ "RFC822.HEADER", "RFC822.HEADER", IMAP_ITEM_SECTION, false, false,
	  IMAP_SECTION_HEADER },
	{ "RFC822.TEXT", "RFC822.TEXT", IMAP_ITEM_SECTION, true, false,
	  IMAP_SECTION_TEXT },
	{ "RFC822", "RFC822", IMAP_ITEM_SECTION, true, false, IMAP_SECTION_ALL },
};

static bool
take_section_item(struct imap_parse *p, struct imap_fetch *f, size_t i)
{
	struct imap_fetch_item *it = add_item(p, f, sections[i].item);
	bool binary = sections[i].item != IMAP_ITEM_SECTION;

	if (!it)
		return false;
	it->name = sections[i].name;
	it->section.kind = sections[i].kind;
	f->sets_seen |= sections[i].seen;
	if (sections[i].bracket && !imap_p_section(p, binary, &it->section))
		return false;
	if (it->item == IMAP_ITEM_BINARY_SIZE && it->section.partial)
		return imap_p_fail(p, "no partial");
	if (it->section.kind != IMAP_SECTION_ALL || it->section.nparts)
		f->parts |= HM_STORED_MIME;
	return true;
}

static bool
take_item(struct imap_parse *p, struct imap_fetch *f)
{
	struct imap_fetch_item *it;
	size_t i;

	for (i = 0; i < HM_ARRAY_LEN(words); i++) {
		if (!imap_p_word(p, words[i].word))
			continue;
		f->parts |= words[i].parts;
		if (words[i].item == IMAP_ITEM_UID && f->has_uid)
			return true;
		if (words[i].item == IMAP_ITEM_MODSEQ && f->has_modseq)
			return true;
		f->has_uid |= words[i].item == IMAP_ITEM_UID;
		f->has_modseq |= words[i].item == IMAP_ITEM_MODSEQ;
		it = add_item(p, f, words[i].item);
		return it != NULL;
	}
	for (i = 0; i < HM_ARRAY_LEN(sections); i++)
		if (imap_p_word(p, sections[i].word))
			return take_section_item(p, f, i);
	if (imap_p_word(p, "BODY")) {
		f->parts |= HM_STORED_STRUCTURE;
		return add_item(p, f, IMAP_ITEM_BODY) != NULL;
	}
	return imap_p_fail(p, "a FETCH item");
}

/* ALL, FAST and FULL stand for lists, each longer than the other. */
static bool
take_macro(struct imap_parse *p, struct imap_fetch *f)
{
	bool full = imap_p_word(p, "FULL");
	bool all = full || imap_p_word(p, "ALL");

	if (!all && !imap_p_word(p, "FAST"))
		return false;
	add_item(p, f, IMAP_ITEM_FLAGS);
	add_item(p, f, IMAP_ITEM_INTERNALDATE);
	add_item(p, f, IMAP_ITEM_SIZE);
	if (all) {
		add_item(p, f, IMAP_ITEM_ENVELOPE);
		f->parts |= HM_STORED_ENVELOPE;
	}
	if (full) {
		add_item(p, f, IMAP_ITEM_BODY);
		f->parts |= HM_STORED_STRUCTURE;
	}
	return true;
}

static bool
take_items(struct imap_parse *p, struct imap_fetch *f)
{
	if (take_macro(p, f))
		return true;
	if (!imap_p_maybe(p, '('))
		return take_item(p, f);
	do {
		if (!take_item(p, f))
			return false;
	} while (imap_p_maybe(p, ' '));
	return imap_p_char(p, ')');
}

/* "(CHANGEDSINCE 5)" (RFC 7162, 3.1.4.1). */
static bool
take_modifiers(struct imap_parse *p, struct imap_fetch *f)
{
	if (!imap_p_char(p, '('))
		return false;
	do {
		if (!imap_p_word(p, "CHANGEDSINCE"))
			return imap_p_fail(p, "CHANGEDSINCE");
		if (!imap_p_sp(p) || !imap_p_number63(p, &f->changedsince))
			return false;
		f->changed_only = true;
	} while (imap_p_maybe(p, ' '));
	return imap_p_char(p, ')');
}

bool
imap_p_fetch(struct imap_parse *p, struct imap_fetch *ret)
{
	if (!take_items(p, ret))
		return false;
	if (imap_p_maybe(p, ' ') && !take_modifiers(p, ret))
		return false;
	if (ret->changed_only && !ret->has_modseq) {
		ret->has_modseq = true;
		if (!add_item(p, ret, IMAP_ITEM_MODSEQ))
			return false;
	}
	return imap_p_end(p);
}
