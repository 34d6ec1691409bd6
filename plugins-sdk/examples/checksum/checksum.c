/* checksum.c - a worker job: a sum over the whole message, which takes a while and may
 * wait for the disk, so it is done on a worker thread. The session waits; all others
 * go on.
 */
#include <hermod/crc32c.h>
#include <hermod/plugin.h>
#include <hermod/spool.h>
#include <hermod/work.h>

struct sum {
	struct hm_spool *spool;
	uint32_t crc;
};

/* On another thread: only what hangs on arg, and functions for any thread. */
static int
sum_job(void *arg)
{
	struct sum *sum = arg;
	struct hm_str bytes;
	int r = hm_spool_view(sum->spool, &bytes);

	if (r == 0)
		sum->crc = hm_crc32c(0, bytes.p, bytes.len);
	return r;
}

static struct hm_verdict
checksum_message(struct hm_call *call, struct hm_message *msg)
{
	struct sum sum = { .spool = hm_message_spool(msg) };
	int r = hm_work(sum_job, &sum);

	if (r == 0)
		r = hm_message_add_field(msg, "X-CRC32C", hm_printf(
		    hm_call_arena(call), "%08x", (unsigned)sum.crc));
	return hm_ok_or_fail(r);
}

static const struct hm_hook checksum_hooks[] = {
	HM_ON(message, HM_ORDER_REWRITE, checksum_message),
	HM_HOOK_END
};

HM_MODULE(checksum, "1.0", "Puts a checksum above each message",
	.hooks = checksum_hooks);
