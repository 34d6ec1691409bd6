/* descriptor.c - is what a module says of itself something that we can use? */
#include <string.h>

#include "paths.h"

#include "load.h"
#include "metrics.h"

static int
check_abi(const struct hm_module_def *found, const char *path,
    struct hm_err *reterr)
{
	static const char rebuild[] =
	    "rebuild the module against the headers in " HM_INCLUDEDIR
	    "/hermod";

	if (found->abi_major != HM_ABI_MAJOR)
		return hm_err_set(reterr, -HM_EUNSUPPORTED,
		    "%s: expected ABI %d, found %u: %s", path, HM_ABI_MAJOR,
		    found->abi_major, rebuild);
	if (found->abi_minor > HM_ABI_MINOR)
		return hm_err_set(reterr, -HM_EUNSUPPORTED,
		    "%s: expected ABI %d.%d or an earlier minor, found %u.%u: "
		    "update hermod, or %s", path, HM_ABI_MAJOR, HM_ABI_MINOR,
		    found->abi_major, found->abi_minor, rebuild);
	if (found->size < offsetof(struct hm_module_def, options) ||
	    found->size > 4096)
		return hm_err_set(reterr, -HM_EUNSUPPORTED,
		    "%s: expected a descriptor of %zu bytes, found %u: %s", path,
		    sizeof(*found), found->size, rebuild);
	return 0;
}

/* The size of what a setting fills; 0: a type that is not known. */
static size_t
option_size(const struct hm_opt *opt)
{
	switch (opt->type) {
	case HM_OPT_TYPE_BOOL:
		return sizeof(bool);
	case HM_OPT_TYPE_ENUM:
		return opt->choices != NULL ? sizeof(int) : 0;
	case HM_OPT_TYPE_INT:
	case HM_OPT_TYPE_TIME:
		return sizeof(int64_t);
	case HM_OPT_TYPE_SIZE:
		return sizeof(uint64_t);
	case HM_OPT_TYPE_BLOCK:
		return opt->sub != NULL ? opt->sub_size : 0;
	case HM_OPT_TYPE_BLOCKS:
		return opt->sub != NULL ? sizeof(void *) : 0;
	case HM_OPT_TYPE_STR:
	case HM_OPT_TYPE_LIST:
	case HM_OPT_TYPE_ADDRS:
	case HM_OPT_TYPE_NETS:
	case HM_OPT_TYPE_FILE:
	case HM_OPT_TYPE_SECRET:
	case HM_OPT_TYPE_MAP:
		return sizeof(void *);
	default:
		return 0;
	}
}

static int
check_options(const struct hm_opt *opt, size_t conf_size, const char *path,
    struct hm_err *reterr)
{
	for (; opt->name != NULL; opt++) {
		size_t size = option_size(opt);
		int r;

		if (size == 0)
			return hm_err_set(reterr, -HM_EUNSUPPORTED,
			    "%s: option \"%s\" is of a type (%d) that is not "
			    "known, or lacks what belongs to it", path, opt->name,
			    (int)opt->type);
		if (size > conf_size || opt->offset > conf_size - size)
			return hm_err_set(reterr, -HM_EUNSUPPORTED,
			    "%s: option \"%s\" lies at byte %zu, outside the "
			    "%zu bytes of conf_size", path, opt->name,
			    opt->offset, conf_size);
		if (opt->sub != NULL && (r = check_options(opt->sub,
		    opt->sub_size, path, reterr)) < 0)
			return r;
	}
	return 0;
}

static int
check_tables(const struct hm_module_def *def, const char *path,
    struct hm_err *reterr)
{
	const struct hm_hook *h;
	const struct hm_provide *p;
	const char *wrong;
	int r;

	for (h = def->hooks; h != NULL && h->id != HM_HOOK_NONE; h++)
		if ((unsigned)h->id >= HM_HOOK_COUNT || h->fn.connection == NULL ||
		    (unsigned)h->order > HM_ORDER_LAST)
			return hm_err_set(reterr, -HM_EUNSUPPORTED,
			    "%s: entry %d of its hook table makes no sense", path,
			    (int)(h - def->hooks));
	for (p = def->provides; p != NULL && p->iface != NULL; p++) {
		uint32_t size = 0;

		if (p->ops != NULL)
			memcpy(&size, p->ops, sizeof(size));
		if (size < sizeof(size) + sizeof(void *))
			return hm_err_set(reterr, -HM_EUNSUPPORTED,
			    "%s: its interface \"%s\" does not begin with its "
			    "size", path, p->iface);
	}
	if (def->options != NULL && (r = check_options(def->options,
	    def->conf_size, path, reterr)) < 0)
		return r;
	if ((wrong = hm_metrics_check(def)) != NULL)
		return hm_err_set(reterr, -HM_EUNSUPPORTED,
		    "%s: its table of metrics has %s", path, wrong);
	return 0;
}

int
hm_module_check(const struct hm_module_def *found, const char *name,
    const char *path, struct hm_module_def *ret, struct hm_err *reterr)
{
	struct hm_module_def def = { 0 };
	int r;

	if ((r = check_abi(found, path, reterr)) < 0)
		return r;
	memcpy(&def, found,
	    found->size < sizeof(def) ? found->size : sizeof(def));
	if (def.name == NULL || strcmp(def.name, name) != 0)
		return hm_err_set(reterr, -HM_EUNSUPPORTED,
		    "%s: expected module \"%s\", found \"%s\": the file must be "
		    "named like the module", path, name,
		    def.name != NULL ? def.name : "");
	if (def.version == NULL)
		def.version = "";
	if (def.summary == NULL)
		def.summary = "";
	if ((r = check_tables(&def, path, reterr)) < 0)
		return r;
	*ret = def;
	return 0;
}
