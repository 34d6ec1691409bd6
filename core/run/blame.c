/* blame.c - whose code it is that went wrong, as the stack tells. */
#include <link.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include <hermod/clock.h>

#include "fiber-private.h"
#include "guard.h"
#include "guard-private.h"

enum {
	SCAN_BYTES = 16384,
	GUARD_NEAR_BYTES = 65536,
};

static struct hm_who *whos;
static int record = -1;
static __thread char *stack_end __attribute__((tls_model("initial-exec")));

/* ---- who can be named ---- */

void
hm_guard_add(struct hm_who *who)
{
	who->next = whos;
	whos = who;
}

void
hm_guard_remove(struct hm_who *who)
{
	struct hm_who **at;

	for (at = &whos; *at; at = &(*at)->next) {
		if (*at == who) {
			*at = who->next;
			return;
		}
	}
}

struct range {
	uintptr_t addr;
	struct hm_who *who;
};

static int
find_range(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct range *range = arg;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		uintptr_t low = info->dlpi_addr + p->p_vaddr;

		if (p->p_type != PT_LOAD || range->addr < low ||
		    range->addr >= low + p->p_memsz)
			continue;
		for (int j = 0; j < info->dlpi_phnum; j++) {
			p = &info->dlpi_phdr[j];
			if (p->p_type != PT_LOAD || !(p->p_flags & PF_X))
				continue;
			range->who->base = info->dlpi_addr;
			range->who->low = info->dlpi_addr + p->p_vaddr;
			range->who->high = range->who->low + p->p_memsz;
		}
		return 1;
	}
	return 0;
}

void
hm_guard_range(struct hm_who *who, const void *addr)
{
	struct range range = { (uintptr_t)addr, who };

	dl_iterate_phdr(find_range, &range);
}

static struct hm_who *
who_of(uintptr_t addr)
{
	struct hm_who *who;

	for (who = whos; who; who = who->next)
		if (addr >= who->low && addr < who->high)
			return who;
	return NULL;
}

/* ---- what a stack tells; all below is done in signal handlers ---- */

void
hm_blame_registers(const ucontext_t *uc, uintptr_t *ret_pc, uintptr_t *ret_sp)
{
#if defined(__x86_64__)
	*ret_pc = (uintptr_t)uc->uc_mcontext.gregs[REG_RIP];
	*ret_sp = (uintptr_t)uc->uc_mcontext.gregs[REG_RSP];
#elif defined(__aarch64__)
	*ret_pc = (uintptr_t)uc->uc_mcontext.pc;
	*ret_sp = (uintptr_t)uc->uc_mcontext.sp;
#else
	(void)uc;
	*ret_pc = *ret_sp = 0;
#endif
}

/* Words on the stack that point into code we know: mostly return addresses. No
 * unwinder, which may take locks and memory. It looks between the variables, which
 * AddressSanitizer has fenced. */
__attribute__((noinline, no_sanitize("address")))
static void
scan(struct hm_finding *f, uintptr_t pc, uintptr_t sp)
{
	const struct hm_fiber *self = hm_fiber_self();
	uintptr_t end = (uintptr_t)(self ? self->stack.top : stack_end);
	uintptr_t low = self ? (uintptr_t)self->stack.bottom : sp;

	if (who_of(pc))
		f->trace[f->n_trace++] = pc;
	sp = (sp > low ? sp : low) & ~(sizeof(uintptr_t) - 1);
	if (end > sp + SCAN_BYTES)
		end = sp + SCAN_BYTES;
	for (; sp + sizeof(uintptr_t) <= end && f->n_trace < HM_TRACE_MAX;
	    sp += sizeof(uintptr_t)) {
		uintptr_t word = *(const uintptr_t *)sp;

		if (who_of(word))
			f->trace[f->n_trace++] = word;
	}
}

/* Whom the core called is to blame, even for what goes wrong in the library or
 * in another module that it calls in turn. Else whose code it is. */
void
hm_blame_find(struct hm_finding *f, uintptr_t pc, uintptr_t sp)
{
	const struct hm_fiber *self = hm_fiber_self();
	const struct hm_where *at = hm_where();

	f->fiber = self ? self->name : NULL;
	f->what = at->what;
	f->who = at->who;
	scan(f, pc, sp);
	f->sure = at->who && at->called;
	for (unsigned i = 0; i < f->n_trace && !f->sure; i++) {
		struct hm_who *who = who_of(f->trace[i]);

		if (!who->core) {
			f->who = who;
			f->sure = true;
		}
	}
}

bool
hm_blame_near_guard(const void *addr)
{
	const struct hm_fiber *self = hm_fiber_self();
	uintptr_t a = (uintptr_t)addr;

	return self && a < (uintptr_t)self->stack.bottom &&
	    a + GUARD_NEAR_BYTES > (uintptr_t)self->stack.bottom;
}

/* snprintf() with these conversions neither allocates nor locks. */
static size_t
add(char *line, size_t n, const char *fmt, ...)
{
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(line + n, HM_LINE_MAX - n, fmt, ap);
	va_end(ap);
	n += len > 0 ? (size_t)len : 0;
	return n < HM_LINE_MAX ? n : HM_LINE_MAX - 1;
}

static void
put(int fd, const char *line, size_t n)
{
	if (fd >= 0 && write(fd, line, n) < 0)
		return;
}

size_t
hm_blame_trace(char *line, size_t n, const struct hm_finding *f)
{
	for (unsigned i = 0; i < f->n_trace; i++) {
		const struct hm_who *who = who_of(f->trace[i]);

		n = add(line, n, "%s%s+0x%lx", i ? "," : "", who->name,
		    (unsigned long)(f->trace[i] - who->base));
	}
	return n;
}

void
hm_blame_tell(const struct hm_finding *f, const char *event, const char *why)
{
	char line[HM_LINE_MAX], date[24];
	struct timespec now;
	size_t n = 0;

	clock_gettime(CLOCK_REALTIME, &now);
	hm_date_rfc3339(date, now.tv_sec);
	n = add(line, n, "%.19s.%03ldZ l=error m=\"%s\" why=%s", date,
	    now.tv_nsec / 1000000, event, why);
	n = add(line, n, " module=%s in=\"%s\"", f->who ? f->who->name : "-",
	    f->what ? f->what : "-");
	if (f->fiber && f->fiber != f->what)
		n = add(line, n, " fiber=\"%s\"", f->fiber);
	n = hm_blame_trace(line, add(line, n, " trace="), f);
	line[n++] = '\n';
	put(STDERR_FILENO, line, n);
	n = add(line, 0, "%lld crash %s %s %s %s\n", (long long)now.tv_sec,
	    f->who ? f->who->name : "-", why, f->sure ? "sure" : "unsure",
	    f->what ? f->what : "-");
	put(record, line, n);
}

void
hm_blame_record(int fd)
{
	record = fd;
}

void
hm_blame_stack_end(void *end)
{
	stack_end = end;
}
