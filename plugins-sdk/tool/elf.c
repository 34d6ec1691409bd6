/* elf.c - the dynamic symbols of a shared object; whatever the file says, nothing
 * outside it is read. */
#include <elf.h>

#include <hermod/conf.h>

#include "tool.h"

enum { MAX_FILE = 512 << 20, MAX_SECTIONS = 10000, MAX_SYMBOLS = 1 << 20 };

/* len bytes at offset, or NULL if the file has no such. */
static const void *
at(struct hm_str file, uint64_t offset, uint64_t len)
{
	if (offset > file.len || len > file.len - offset)
		return NULL;
	return file.p + offset;
}

static bool
section(struct hm_str file, const Elf64_Ehdr *head, unsigned i, Elf64_Shdr *ret)
{
	const void *p = i < head->e_shnum ? at(file, head->e_shoff +
	    (uint64_t)i * sizeof(*ret), sizeof(*ret)) : NULL;

	if (p != NULL)
		memcpy(ret, p, sizeof(*ret));
	return p != NULL;
}

static const char *
string(struct hm_str file, const Elf64_Shdr *strings, uint32_t offset)
{
	const char *p;

	if (offset >= strings->sh_size)
		return NULL;
	p = at(file, strings->sh_offset + offset, strings->sh_size - offset);
	if (p == NULL || memchr(p, '\0', strings->sh_size - offset) == NULL)
		return NULL;
	return p;
}

static int
read_symbols(struct hm_arena *arena, struct hm_str file,
    const Elf64_Shdr *table, const Elf64_Shdr *strings,
    struct pt_symbol **ret, size_t *ret_n)
{
	size_t n = table->sh_size / sizeof(Elf64_Sym), kept = 0;
	const char *p = at(file, table->sh_offset, table->sh_size);
	struct pt_symbol *out;

	if (p == NULL || n > MAX_SYMBOLS)
		return -HM_ESYNTAX;
	out = hm_alloc_array(arena, n, sizeof(*out));
	for (size_t i = 0; i < n; i++) {
		Elf64_Sym sym;
		const char *name;

		memcpy(&sym, p + i * sizeof(sym), sizeof(sym));
		name = string(file, strings, sym.st_name);
		if (name == NULL)
			return -HM_ESYNTAX;
		if (name[0] == '\0' || ELF64_ST_BIND(sym.st_info) == STB_LOCAL)
			continue;
		out[kept++] = (struct pt_symbol){
			.name = hm_strdup(arena, name),
			.defined = sym.st_shndx != SHN_UNDEF,
			.weak = ELF64_ST_BIND(sym.st_info) == STB_WEAK,
		};
	}
	*ret = out;
	*ret_n = kept;
	return 0;
}

int
pt_symbols_in(struct hm_arena *arena, struct hm_str file, struct pt_symbol **ret,
    size_t *ret_n)
{
	Elf64_Shdr table, strings;
	Elf64_Ehdr head;

	if (file.len < sizeof(head))
		return -HM_ESYNTAX;
	memcpy(&head, file.p, sizeof(head));
	if (memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 ||
	    head.e_ident[EI_CLASS] != ELFCLASS64 || head.e_type != ET_DYN ||
	    head.e_shentsize != sizeof(table) || head.e_shnum > MAX_SECTIONS)
		return -HM_ESYNTAX;
	for (unsigned i = 0; section(file, &head, i, &table); i++)
		if (table.sh_type == SHT_DYNSYM &&
		    section(file, &head, table.sh_link, &strings))
			return read_symbols(arena, file, &table, &strings, ret,
			    ret_n);
	return -HM_ESYNTAX;
}

int
pt_symbols(struct hm_arena *arena, const char *path, struct pt_symbol **ret,
    size_t *ret_n, struct hm_err *reterr)
{
	struct hm_str file;
	int r = hm_file_read(arena, path, MAX_FILE, &file, reterr);

	if (r < 0)
		return r;
	if (pt_symbols_in(arena, file, ret, ret_n) < 0)
		return hm_err_set(reterr, -HM_ESYNTAX, "it is not a shared "
		    "object for this machine, or its tables are damaged");
	return 0;
}
