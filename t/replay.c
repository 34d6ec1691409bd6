/* replay.c - main() for fuzzers built without libFuzzer.
 *
 * FOLDER/fuzz-NAME.t runs its LLVMFuzzerTestOneInput() over every file in
 * FOLDER/corpus/NAME/ of the source tree and speaks TAP; files given as
 * arguments are run instead, for looking at one finding.
 */
#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

#include "tap.h"

#define INPUT_MAX (16u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
replay_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	struct stat st;
	uint8_t *data;
	size_t n;

	if (!f)
		return false;
	if (fstat(fileno(f), &st) < 0 || !S_ISREG(st.st_mode) ||
	    st.st_size > (off_t)INPUT_MAX) {
		fclose(f);
		return false;
	}
	/* Exactly as large as the input, so that ASan sees a byte too far. */
	data = malloc(st.st_size ? (size_t)st.st_size : 1);
	n = data ? fread(data, 1, (size_t)st.st_size, f) : 0;
	fclose(f);
	if (data)
		LLVMFuzzerTestOneInput(data, n);
	free(data);
	return data && n == (size_t)st.st_size;
}

/* "…/core/base/.libs/fuzz-qp.t" -> "SRCDIR/core/base/corpus/qp" */
static bool
corpus_dir(const char *self, char *out, size_t size)
{
	const char *src = getenv("top_srcdir"), *build = getenv("top_builddir");
	const char *base, *name;
	size_t dir_len, name_len;

	if (build && strncmp(self, build, strlen(build)) == 0)
		self += strlen(build);
	while (self[0] == '/' || (self[0] == '.' && self[1] == '/'))
		self++;
	base = strrchr(self, '/');
	base = base ? base + 1 : self;
	dir_len = (size_t)(base - self);
	if (dir_len >= 6 && memcmp(base - 6, ".libs/", 6) == 0)
		dir_len -= 6;
	name = strncmp(base, "lt-", 3) == 0 ? base + 3 : base;
	if (strncmp(name, "fuzz-", 5) != 0)
		return false;
	name += 5;
	name_len = strcspn(name, ".");
	return snprintf(out, size, "%s/%.*scorpus/%.*s", src ? src : ".",
	    (int)dir_len, self, (int)name_len, name) < (int)size;
}

static int
by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static void
replay_dir(const char *dir)
{
	struct dirent **list;
	int i, n = scandir(dir, &list, NULL, by_name);
	char path[1400];

	if (!ok(n >= 0, "the corpus %s can be read", dir))
		return;
	for (i = 0; i < n; i++) {
		if (list[i]->d_name[0] != '.') {
			snprintf(path, sizeof(path), "%s/%s", dir,
			    list[i]->d_name);
			ok(replay_file(path), "%s", list[i]->d_name);
		}
		free(list[i]);
	}
	free(list);
	ok(tap_count > 1, "the corpus is not empty");
	LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
	ok(true, "the empty input");
}

int
main(int argc, char **argv)
{
	char dir[1024];
	int i;

	for (i = 1; i < argc; i++)
		ok(replay_file(argv[i]), "%s", argv[i]);
	if (argc == 1) {
		if (!corpus_dir(argv[0], dir, sizeof(dir)))
			return 2;
		replay_dir(dir);
	}
	return done();
}
