/* serves.c - a module of the tests that provides and needs what macros say. */
#include <hermod/plugin.h>

struct hm_alpha_ops {
	uint32_t size;
	int (*number)(struct hm_mod *self);
};
#ifndef ALPHA
#define ALPHA 1
#endif
HM_IFACE(alpha, ALPHA);

struct hm_beta_ops {
	uint32_t size;
	int (*number)(struct hm_mod *self);
};
HM_IFACE(beta, 1);

static int
serves_number(struct hm_mod *self)
{
	(void)self;
	return 7;
}

static const struct hm_alpha_ops alpha = { sizeof(alpha), serves_number };
static const struct hm_beta_ops beta = { sizeof(beta), serves_number };

static const struct hm_provide serves_provides[] = {
#ifdef HAS_ALPHA
	HM_PROVIDE(alpha, &alpha),
#endif
#ifdef HAS_BETA
	HM_PROVIDE(beta, &beta),
#endif
	HM_PROVIDE_END
};

static const struct hm_need serves_needs[] = {
#ifdef NEEDS_ALPHA
	HM_NEED(alpha),
#endif
#ifdef WANTS_ALPHA
	HM_WANT(alpha),
#endif
#ifdef ALL_ALPHAS
	HM_NEED_ALL(alpha),
#endif
#ifdef NEEDS_BETA
	HM_NEED(beta),
#endif
	HM_NEED_END
};

__attribute__((weak)) void test_note(const char *fmt, ...) HM_PRINTF(1, 2);

static void
note_open(struct hm_mod *m, const struct hm_alpha *a)
{
	if (test_note)
		test_note("open %s %d %s", hm_mod_name(m),
		    a != NULL && HM_HAS(a, number) ? a->ops->number(a->self) : 0,
		    a != NULL ? hm_mod_name(a->self) : "-");
}

static int
serves_open(struct hm_mod *m, struct hm_err *reterr)
{
#if defined(ALL_ALPHAS)
	const struct hm_alpha *a = HM_GET_NTH(m, alpha, 0);

	for (size_t n = 1; HM_GET_NTH(m, alpha, n) != NULL; n++) {
		note_open(m, a);
		a = HM_GET_NTH(m, alpha, n);
	}
#elif defined(NEEDS_ALPHA) || defined(WANTS_ALPHA)
	const struct hm_alpha *a = HM_GET(m, alpha);
#else
	const struct hm_alpha *a = NULL;
#endif

	(void)reterr;
	(void)alpha;
	(void)beta;
	note_open(m, a);
	return 0;
}

HM_MODULE_NAMED(NAME, "1", "Provides and needs",
	.provides = serves_provides, .needs = serves_needs,
	.open = serves_open);
