/* service.h - typed interfaces between modules that never see each other.
 *
 * An interface header under iface/ declares  struct hm_NAME_ops  and
 * HM_IFACE(NAME, major). A provider fills the ops and lists them with
 * HM_PROVIDE; a consumer lists HM_NEED or HM_WANT and asks once, in open(), with
 * HM_GET. Bound once per generation: the pointer never changes while the
 * module instance lives, so calls need neither look-up nor lock.
 */
#ifndef HERMOD_SERVICE_H
#define HERMOD_SERVICE_H

#include <hermod/types.h>

/* The handle of a bound interface: what its inline wrappers take. */
#define HM_IFACE(name, version) \
	enum { hm_##name##_major = (version) }; \
	struct hm_##name { \
		const struct hm_##name##_ops *ops; \
		struct hm_mod *self;       /* the provider */ \
	}

struct hm_provide {
	const char *iface;
	unsigned major;
	const void *ops;   /* begins with uint32_t size, filled by sizeof */
};

/* Another struct than the interface's ops does not compile. */
#define HM_PROVIDE(name, table) \
	{ .iface = #name, .major = hm_##name##_major, \
	  .ops = _Generic((table), \
	      const struct hm_##name##_ops *: (table)) }
#define HM_PROVIDE_END { .iface = NULL }

struct hm_need {
	const char *iface;
	unsigned major;
	bool optional;
};
#define HM_NEED(name) { .iface = #name, .major = hm_##name##_major }
#define HM_WANT(name) \
	{ .iface = #name, .major = hm_##name##_major, .optional = true }
#define HM_NEED_END { .iface = NULL }

/* The bound handle, or NULL for a wanted interface that nobody provides. It
 * lives as long as m. Only interfaces listed in needs are found. */
#define HM_GET(m, name) ((const struct hm_##name *)hm_service_get((m), #name))
HM_API const void *hm_service_get(struct hm_mod *m, const char *iface);

/* Whether a provider, perhaps older than this header, has the member. */
#define HM_HAS(handle, member) \
	((handle)->ops->size >= offsetof(__typeof__(*(handle)->ops), member) + \
	    sizeof((handle)->ops->member) && (handle)->ops->member != NULL)

#endif
