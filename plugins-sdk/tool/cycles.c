/* cycles.c - what is left behind when something is done a thousand times. */
#include <dirent.h>
#include <dlfcn.h>
#include <malloc.h>

#include "tool.h"

enum {
	WARM_UP = 20,
	/* The C library keeps a little for itself now and then. */
	SLACK_BYTES = 1024, SLACK_EACH = 16,
};

static long
entries(const char *path)
{
	DIR *dir = opendir(path);
	long n = 0;

	while (dir != NULL && readdir(dir) != NULL)
		n++;
	if (dir != NULL)
		closedir(dir);
	return n;
}

/* Of files only: how the heap is mapped changes by itself. */
static long
file_mappings(void)
{
	FILE *f = fopen("/proc/self/maps", "re");
	char line[512];
	long n = 0;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		n += strchr(line, '/') != NULL;
	if (f != NULL)
		fclose(f);
	return n;
}

void
pt_counts(struct pt_counts *ret)
{
	struct mallinfo2 heap = mallinfo2();

	ret->bytes = (long)(heap.uordblks + heap.hblkhd);
	ret->descriptors = entries("/proc/self/fd");
	ret->threads = entries("/proc/self/task");
	ret->mappings = file_mappings();
}

void
pt_compare(struct pt_child *c, const char *what, unsigned n,
    const struct pt_counts *before, const struct pt_counts *after,
    const struct pt_counts *calm)
{
	long bytes = after->bytes - before->bytes - calm->bytes;
	bool good = true;
	const struct {
		const char *name;
		long grew;
	} things[] = {
		{ "descriptors", after->descriptors - before->descriptors },
		{ "mappings of files", after->mappings - before->mappings },
		{ "threads", after->threads - before->threads },
	};

	for (size_t i = 0; i < HM_ARRAY_LEN(things); i++) {
		if (things[i].grew <= 0)
			continue;
		good = false;
		pt_wrong(c, what, "%u times left %ld %s behind", n,
		    things[i].grew, things[i].name);
	}
	if (bytes > SLACK_BYTES + (long)n * SLACK_EACH) {
		good = false;
		pt_wrong(c, what, "%u times left %ld bytes of memory behind, "
		    "%ld each time", n, bytes, bytes / (long)n);
	}
	if (good)
		pt_good(c, what, "%u times, nothing is left behind", n);
}

static bool
once(struct pt_child *c)
{
	void *handle = dlopen(c->file, RTLD_NOW | RTLD_LOCAL);

	if (handle == NULL) {
		pt_wrong(c, "load", "it cannot be loaded: %s", dlerror());
		return false;
	}
	dlclose(handle);
	handle = dlopen(c->file, RTLD_NOLOAD | RTLD_NOW | RTLD_LOCAL);
	if (handle == NULL)
		return true;
	pt_wrong(c, "load", "it stays loaded when it is unloaded, so a new "
	    "version would not be taken: no -z nodelete, no thread-local "
	    "variables with destructors, no C++ unique symbols");
	return false;
}

void
pt_cycles(struct pt_child *c)
{
	struct pt_counts before, after, calm = { 0 };

	pt_stage(c, "loading and unloading it");
	for (unsigned i = 0; i < WARM_UP; i++)
		if (!once(c))
			return;
	pt_counts(&before);
	for (unsigned i = 0; i < c->args->cycles; i++) {
		if (i % 50 == 0)
			pt_stage(c, "loading and unloading it, %u of %u", i,
			    c->args->cycles);
		if (!once(c))
			return;
	}
	pt_counts(&after);
	pt_compare(c, "load", c->args->cycles, &before, &after, &calm);
}
