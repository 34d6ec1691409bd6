/* fuzz-elf.c - the tables of a shared object, behind its first four bytes. */
#include "tool.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hm_arena *arena = hm_arena_new(NULL, "fuzz");
	char *file = malloc(size + 4);
	struct pt_symbol *symbols;
	size_t n;

	if (file == NULL)
		abort();
	memcpy(file, "\177ELF", 4);
	memcpy(file + 4, data, size);
	if (pt_symbols_in(arena, hm_str_n(file, size + 4), &symbols, &n) == 0)
		for (size_t i = 0; i < n; i++)
			if (symbols[i].name[0] == '\0')
				__builtin_trap();
	free(file);
	hm_arena_free(arena);
	return 0;
}
