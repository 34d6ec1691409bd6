/* keys.c - keys in files: a folder for each domain, SELECTOR.pem in it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <hermod/dir.h>
#include <hermod/encode.h>

#include "dkim.h"

enum { RSA_BITS = 2048 };          /* of new keys */
enum { KEY_MAX = 64 * 1024, KEYS_MAX = 2000 };

/* ---- reading ---- */

static int
read_file(const char *path, struct hm_buf *out)
{
	/* A pipe would else be waited for. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK |
	    O_NOCTTY);
	struct stat st;
	ssize_t n = -1;

	if (fd < 0)
		return -HM_EIO;
	hm_buf_reserve(out, KEY_MAX);
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		n = read(fd, out->p, KEY_MAX);
	close(fd);
	out->len = n > 0 ? (size_t)n : 0;
	return n > 0 ? 0 : -HM_EIO;
}

static void
free_key(void *arg)
{
	gnutls_privkey_deinit(arg);
}

/* An exponent below 3 signs nothing. */
static bool
exponent_sound(gnutls_privkey_t key)
{
	gnutls_datum_t e = { NULL, 0 };
	bool sound = gnutls_privkey_export_rsa_raw(key, NULL, &e, NULL, NULL, NULL,
	    NULL, NULL, NULL) == 0;
	unsigned long value = 0;

	for (unsigned i = 0; i < e.size && value < 3; i++)
		value = value << 8 | e.data[i];
	gnutls_free(e.data);
	return sound && value >= 3;
}

/* Whether what it signs verifies: numbers that do not belong together sign, too. */
static bool
signs(const struct dkim_key *key)
{
	unsigned char text[] = "DKIM";
	gnutls_datum_t data = { text, sizeof(text) }, sig = { NULL, 0 };
	gnutls_sign_algorithm_t how = key->kind == DKIM_RSA ?
	    GNUTLS_SIGN_RSA_SHA256 : GNUTLS_SIGN_EDDSA_ED25519;
	gnutls_pubkey_t public;
	bool good;

	if (gnutls_pubkey_init(&public) < 0)
		return false;
	good = gnutls_pubkey_import_privkey(public, key->key, 0, 0) >= 0 &&
	    gnutls_privkey_sign_data2(key->key, how, 0, &data, &sig) >= 0 &&
	    gnutls_pubkey_verify_data2(public, how, 0, &data, &sig) >= 0;
	gnutls_free(sig.data);
	gnutls_pubkey_deinit(public);
	return good;
}

/* NULL for a key that is good to sign with, or what is wrong. */
static const char *
key_fault(struct dkim_key *key)
{
	int kind = gnutls_privkey_get_pk_algorithm(key->key, &key->bits);

	key->kind = kind == GNUTLS_PK_RSA ? DKIM_RSA : DKIM_ED25519;
	if (kind != GNUTLS_PK_RSA && kind != GNUTLS_PK_EDDSA_ED25519)
		return "neither RSA nor Ed25519";
	if (kind == GNUTLS_PK_RSA && key->bits < DKIM_RSA_BITS_MIN)
		return "RSA of less than 1024 bits: receivers refuse it";
	if (kind == GNUTLS_PK_RSA && key->bits > DKIM_RSA_BITS_MAX)
		return "RSA of more than 4096 bits: receivers do not verify it";
	if (kind == GNUTLS_PK_RSA && !exponent_sound(key->key))
		return "RSA with an exponent below 3";
	return signs(key) ? NULL : "its numbers do not belong together";
}

static const char *
import(struct dkim_keys *keys, const char *path, struct dkim_key *ret)
{
	struct hm_buf pem = { 0 };
	gnutls_datum_t data;
	int r = read_file(path, &pem);

	if (r < 0 || gnutls_privkey_init(&ret->key) < 0) {
		hm_buf_release(&pem);
		return "it cannot be read";
	}
	hm_on_free(keys->arena, free_key, ret->key);
	data = (gnutls_datum_t){ (unsigned char *)pem.p, (unsigned)pem.len };
	r = gnutls_privkey_import_x509_raw(ret->key, &data, GNUTLS_X509_FMT_PEM,
	    NULL, 0);
	hm_wipe(pem.p, pem.len);
	hm_buf_release(&pem);
	return r < 0 ? "not a private key in PEM without a password" :
	    key_fault(ret);
}

static void
add_key(struct dkim_keys *keys, const char *dir, const char *domain,
    const char *file)
{
	struct hm_str name = hm_str(file);
	const char *path = hm_printf(keys->arena, "%s/%s/%s", dir, domain, file);
	struct dkim_key *key = &keys->at[keys->n];
	const char *fault;

	if (!hm_str_ends(name, HM_STR(".pem")) || name.p[0] == '.' ||
	    keys->n == KEYS_MAX)
		return;
	fault = import(keys, path, key);
	if (fault != NULL) {
		hm_log(HM_LOG_ERROR, "DKIM key not used", hm_f("file", path),
		    hm_f("why", fault));
		return;
	}
	key->domain = hm_str_dup(keys->arena, hm_str(domain));
	key->selector = hm_str_dup(keys->arena, hm_str_take(name, name.len - 4));
	keys->n++;
}

static int
by_name(const void *va, const void *vb)
{
	const struct dkim_key *a = va, *b = vb;
	int r = hm_str_cmp(a->domain, b->domain);

	return r != 0 ? r : hm_str_cmp(a->selector, b->selector);
}

static void
add_domain(struct dkim_keys *keys, const char *dir, const char *domain)
{
	DIR *d = opendir(hm_printf(keys->arena, "%s/%s", dir, domain));
	struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL)
		add_key(keys, dir, domain, e->d_name);
	if (d != NULL)
		closedir(d);
}

int
dkim_keys_load(const char *dir, struct dkim_keys **ret, struct hm_err *reterr)
{
	struct hm_arena *arena = hm_arena_new(NULL, "dkim keys");
	struct dkim_keys *keys = hm_new(arena, struct dkim_keys);
	struct dirent *e;
	DIR *d;

	keys->arena = arena;
	keys->refs = 1;
	keys->at = hm_alloc_array(arena, KEYS_MAX + 1, sizeof(*keys->at));
	d = opendir(dir);
	if (d == NULL && errno != ENOENT) {
		hm_err_errno(reterr, errno, "%s", dir);
		hm_arena_free(arena);
		return -HM_EIO;
	}
	while (d != NULL && (e = readdir(d)) != NULL)
		if (e->d_name[0] != '.')
			add_domain(keys, dir, e->d_name);
	if (d != NULL)
		closedir(d);
	qsort(keys->at, keys->n, sizeof(*keys->at), by_name);
	*ret = keys;
	return 0;
}

void
dkim_keys_unref(struct dkim_keys *keys)
{
	if (keys != NULL && --keys->refs == 0)
		hm_arena_free(keys->arena);
}

/* ---- making ---- */

static int
generate(enum dkim_kind kind, gnutls_datum_t *ret_pem)
{
	gnutls_x509_privkey_t key;
	int r = gnutls_x509_privkey_init(&key);

	if (r < 0)
		return r;
	r = gnutls_x509_privkey_generate(key, kind == DKIM_RSA ? GNUTLS_PK_RSA :
	    GNUTLS_PK_EDDSA_ED25519, kind == DKIM_RSA ? RSA_BITS : 0, 0);
	if (r == 0)
		r = gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_PEM,
		    NULL, GNUTLS_PKCS_PLAIN, ret_pem);
	gnutls_x509_privkey_deinit(key);
	return r;
}

/* Whole and on disk, or not there. */
static int
write_file(const char *path, const gnutls_datum_t *pem, struct hm_err *reterr)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600), saved;
	bool good;

	if (fd < 0)
		return errno == EEXIST ? hm_err_set(reterr, -HM_EEXIST,
		    "%s exists already", path) :
		    hm_err_errno(reterr, errno, "%s", path);
	good = write(fd, pem->data, pem->size) == (ssize_t)pem->size &&
	    fsync(fd) == 0;
	saved = errno;
	close(fd);
	if (good)
		return 0;
	unlink(path);
	return hm_err_errno(reterr, saved, "%s", path);
}

static bool
name_fit(const char *name)
{
	return *name != '\0' && *name != '.' && strlen(name) <= 253 &&
	    strchr(name, '/') == NULL;
}

int
dkim_key_make(const char *dir, const char *domain, const char *selector,
    enum dkim_kind kind, struct hm_err *reterr)
{
	char folder[1000], path[1300];
	gnutls_datum_t pem;
	int r;

	if (!name_fit(domain) || !name_fit(selector))
		return hm_err_set(reterr, -HM_EINVAL,
		    "domain and selector are names of the DNS");
	snprintf(folder, sizeof(folder), "%s/%s", dir, domain);
	snprintf(path, sizeof(path), "%s/%s.pem", folder, selector);
	r = hm_dir_make(dir, 0700, reterr);
	if (r == 0)
		r = hm_dir_make(folder, 0700, reterr);
	if (r < 0)
		return r;
	if (generate(kind, &pem) < 0)
		return hm_err_set(reterr, -HM_EINTERNAL, "no key could be made");
	r = write_file(path, &pem, reterr);
	if (r == 0)
		r = hm_dir_sync(folder, reterr);
	gnutls_memset(pem.data, 0, pem.size);
	gnutls_free(pem.data);
	return r;
}

/* ---- what is published ---- */

int
dkim_key_record(const struct dkim_key *key, struct hm_buf *out)
{
	gnutls_pubkey_t public;
	gnutls_datum_t der = { NULL, 0 };
	int r = gnutls_pubkey_init(&public);

	if (r < 0)
		return -HM_EINTERNAL;
	r = gnutls_pubkey_import_privkey(public, key->key, 0, 0);
	if (r == 0 && key->kind == DKIM_RSA)
		r = gnutls_pubkey_export2(public, GNUTLS_X509_FMT_DER, &der);
	else if (r == 0)
		r = gnutls_pubkey_export_ecc_raw(public, NULL, &der, NULL);
	if (r == 0) {
		hm_buf_printf(out, "v=DKIM1; k=%s; p=",
		    dkim_kind_name(key->kind));
		hm_base64_encode(out, hm_str_n((char *)der.data, der.size));
	}
	gnutls_free(der.data);
	gnutls_pubkey_deinit(public);
	return r < 0 ? -HM_EINTERNAL : 0;
}
