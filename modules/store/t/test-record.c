/* test-record.c - records come back as they were written, and no cut or spoiled
 * one is taken for whole. */
#include "modules/store/store.h"

#include "t/tap.h"

static struct hm_arena *arena;

static int
get_state(struct hm_str in, void *ret)
{
	return store_get_state(in, ret);
}

static int
get_box(struct hm_str in, void *ret)
{
	return store_get_box(in, 5, arena, ret);
}

static int
get_msg(struct hm_str in, void *ret)
{
	return store_get_msg(in, ret);
}

static int
get_cold(struct hm_str in, void *ret)
{
	return store_get_cold(in, ret);
}

/* Every shorter record, and one longer, is refused. */
static void
check_cuts(const char *what, struct hm_str whole,
    int (*get)(struct hm_str in, void *ret), void *scratch)
{
	char longer[2000] = "";
	unsigned taken = 0;
	size_t len;

	is_int(get(whole, scratch), 0, "%s: whole", what);
	for (len = 0; len < whole.len; len++)
		taken += get(hm_str_take(whole, len), scratch) == 0;
	is_int(taken, 0, "%s: none of %zu cuts is taken", what, whole.len);
	memcpy(longer, whole.p, whole.len);
	is_int(get(hm_str_n(longer, whole.len + 1), scratch), -HM_ECORRUPT,
	    "%s: nor a longer one", what);
	longer[0] = 9;
	is_int(get(hm_str_n(longer, whole.len), scratch), -HM_ECORRUPT,
	    "%s: nor another version", what);
}

static void
test_state(void)
{
	struct acct_state s = { .modseq = UINT64_MAX, .next_msgid = 7,
		.next_mailbox = 300, .next_uidvalidity = UINT32_MAX,
		.bytes = 1, .messages = 2, .log_floor = 3 }, back;
	struct hm_buf buf = { 0 };

	store_put_state(&buf, &s);
	is_int(store_get_state(hm_buf_view(&buf), &back), 0, "state");
	ok(memcmp(&s, &back, sizeof(s)) == 0, "as it was");
	check_cuts("state", hm_buf_view(&buf), get_state, &back);
	hm_buf_release(&buf);
}

static void
test_box(void)
{
	struct hm_str words[] = { HM_STR("a"), HM_STR("") };
	struct hm_mailbox m = { .id = 5, .name = HM_STR("Ärger/x"),
		.uidvalidity = 9, .uidnext = UINT32_MAX, .special_use = 3,
		.createseq = 1, .modseq = 2, .messages = 3, .deleted = 4,
		.unseen = 5, .bytes = 6, .nkeywords = 2, .keywords = words }, back;
	struct hm_buf buf = { 0 };

	store_put_box(&buf, &m);
	is_int(store_get_box(hm_buf_view(&buf), 5, arena, &back), 0, "mailbox");
	ok(hm_str_eq(back.name, m.name) && back.uidnext == m.uidnext &&
	    back.special_use == 3 && back.unseen == 5 && back.bytes == 6 &&
	    back.nkeywords == 2 && hm_str_is(back.keywords[0], "a") &&
	    back.keywords[1].len == 0, "as it was");
	check_cuts("mailbox", hm_buf_view(&buf), get_box, &back);
	hm_buf_release(&buf);
}

static void
test_group(void)
{
	struct hm_entry e[3] = { { .uid = 64, .size = 1, .flags = 5 },
		{ .uid = 70, .received = -5, .keywords = UINT64_MAX },
		{ .uid = 127, .msgid = 9, .modseq = 8 } }, back[64];
	struct hm_buf buf = { 0 };
	unsigned n, taken = 0;
	uint64_t modseq;
	size_t i;

	store_put_group(&buf, 8, e, 3);
	is_int(store_get_group(hm_buf_view(&buf), 1, &modseq, back, &n), 0,
	    "group");
	ok(n == 3 && modseq == 8 && memcmp(e, back, sizeof(e)) == 0,
	    "as it was");
	is_int(store_get_group(hm_buf_view(&buf), 2, &modseq, back, &n),
	    -HM_ECORRUPT, "in another place");
	is_int(store_get_group(HM_STR(""), 1, &modseq, back, &n),
	    -HM_ECORRUPT, "empty");
	for (i = 1; i < buf.len; i++)
		taken += store_get_group(hm_str_take(hm_buf_view(&buf), i), 1,
		    &modseq, back, &n) == 0;
	is_int(taken, 0, "cut anywhere");
	hm_buf_clear(&buf);
	e[1].uid = 64;
	store_put_group(&buf, 8, e, 3);
	is_int(store_get_group(hm_buf_view(&buf), 1, &modseq, back, &n),
	    -HM_ECORRUPT, "a uid twice");
	hm_buf_release(&buf);
}

/* Groups of all sizes with likely and unlikely entries come back; so do those
 * that format 1 wrote. */
static void
test_groups(void)
{
	static struct hm_entry e[64], back[64];
	struct hm_buf buf = { 0 };
	unsigned round, n, got, bad = 0, padded = 0;
	uint64_t x = 88172645463325252, modseq;

	for (round = 0; round < 2000; round++) {
		uint32_t number = round * 33554, bit;

		memset(e, 0, sizeof(e));
		for (n = 0, bit = round % 7; bit < 64; bit += 1 + round % 5) {
			x ^= x << 13, x ^= x >> 7, x ^= x << 17;
			e[n].uid = number << 6 | bit;
			e[n].size = (uint32_t)(x >> round % 60);
			e[n].flags = (uint16_t)(x >> 20);
			e[n].keywords = round % 3 ? 0 : x;
			e[n].msgid = round % 4 ? round + n : x * 3;
			e[n].modseq = round % 5 ? 70 + n : x * 5;
			e[n].received = (int64_t)(x * 7) >> round % 64;
			e[n++].saved = (uint32_t)x;
		}
		hm_buf_clear(&buf);
		store_put_group(&buf, x, e, n);
		bad += store_get_group(hm_buf_view(&buf), number, &modseq, back,
		    &got) != 0 || got != n || modseq != x ||
		    memcmp(e, back, n * sizeof(*e)) != 0;
		padded += buf.p[buf.len - 1] == 0;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
		hm_buf_clear(&buf);
		hm_buf_le64(&buf, x);
		hm_buf_add(&buf, e, n * sizeof(*e));
		bad += store_get_group(hm_buf_view(&buf), number, &modseq, back,
		    &got) != 0 || got != n || modseq != x ||
		    memcmp(e, back, n * sizeof(*e)) != 0;
#endif
	}
	is_int(bad, 0, "2,000 groups come back, %u of them perhaps padded",
	    padded);
	hm_buf_release(&buf);
}

static void
test_messages(void)
{
	struct msg_record m = { .trained = 2, .mailbox = 3, .uid = 4,
		.original = 5, .destined = 6, .createseq = 7, .cold = 8 }, mback;
	struct cold_record c = { .blob = 1, .blob_bytes = 2, .thread = 3,
		.flags = COLD_LINK_MISSING, .nparents = 2, .parents = { 9, 4 },
		.prefix = HM_STR("P: x\r\n"), .message_id = HM_STR("i@x"),
		.subject_base = HM_STR("S"), .envelope = HM_STR("(e)"),
		.body = HM_STR("(b)"), .bodystructure = HM_STR("(bs)"),
		.mime = HM_STR("m\0m"), .facts = HM_STR("") }, cback;
	struct hm_buf buf = { 0 };

	store_put_msg(&buf, &m);
	is_int(store_get_msg(hm_buf_view(&buf), &mback), 0, "message");
	ok(mback.trained == 2 && mback.uid == 4 && mback.destined == 6 &&
	    mback.createseq == 7 && mback.cold == 8, "as it was");
	check_cuts("message", hm_buf_view(&buf), get_msg, &mback);
	hm_buf_clear(&buf);
	store_put_cold(&buf, &c);
	is_int(store_get_cold(hm_buf_view(&buf), &cback), 0, "content");
	ok(cback.nparents == 2 && cback.parents[1] == 4 &&
	    hm_str_eq(cback.mime, c.mime) &&
	    hm_str_eq(cback.bodystructure, c.bodystructure), "as it was");
	check_cuts("content", hm_buf_view(&buf), get_cold, &cback);
	hm_buf_release(&buf);
}

static void
test_sets(void)
{
	struct hm_uidrange r[] = { { 1, 1 }, { 5, 9 }, { 4000000000u,
		UINT32_MAX } };
	struct hm_uidset set = { 3, r }, back;
	struct hm_uidset_builder b = { 0 };
	uint64_t ids[] = { 5, 6, 4, UINT64_MAX, 0, 1 }, id = 0;
	struct hm_buf buf = { 0 };
	struct hm_str in;
	size_t i;

	store_put_ranges(&buf, &set);
	in = hm_buf_view(&buf);
	is_int(store_take_ranges(&in, &b), 0, "ranges");
	hm_uidset_take(&b, arena, &back);
	ok(back.n == 3 && memcmp(back.at, r, sizeof(r)) == 0 && in.len == 0,
	    "as they were");
	in = hm_str_take(hm_buf_view(&buf), buf.len - 1);
	is_int(store_take_ranges(&in, &b), -HM_ECORRUPT, "cut");
	hm_uidset_release(&b);
	in = HM_STR("\x01\xff\xff\xff\xff\x0f\x01");
	is_int(store_take_ranges(&in, &b), -HM_ECORRUPT, "beyond 32 bits");
	hm_uidset_release(&b);
	hm_buf_clear(&buf);
	store_put_ids(&buf, ids, HM_ARRAY_LEN(ids));
	in = hm_buf_view(&buf);
	for (i = 0; store_take_id(&in, &id) == 1 && id == ids[i]; i++)
		;
	is_int(i, HM_ARRAY_LEN(ids), "ids in any order");
	hm_buf_release(&buf);
}

static void
test_keys(void)
{
	struct store_key k, after;

	store_key(&k, 0x01020304);
	store_key_u8(&k, 5);
	store_key_u64(&k, 6);
	is_bytes(k.b, k.n, "\1\2\3\4\5\0\0\0\0\0\0\0\6", 13, "a key");
	store_key(&k, 0x0102ffff);
	store_key_after(&k, &after);
	is_bytes(after.b, after.n, "\1\3", 2, "the first behind it");
	store_key(&k, UINT32_MAX);
	store_key_after(&k, &after);
	is_int(after.n, 0, "the end of the table");
	is_int(store_hash(HM_STR("abc")), (int64_t)UINT64_C(0xe71fa2190541574b),
	    "FNV-1a");
	ok(store_hash_fold(HM_STR("ABC@x")) == store_hash(HM_STR("abc@x")),
	    "folded");
}

int
main(void)
{
	arena = hm_arena_new(NULL, "test");
	test_state();
	test_box();
	test_group();
	test_groups();
	test_messages();
	test_sets();
	test_keys();
	hm_arena_free(arena);
	return done();
}
