/* tls-cert.c - making self-signed certificates. */
#include "tls-private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <hermod/clock.h>
#include <hermod/err.h>
#include <hermod/rand.h>
#include <hermod/str.h>

static int
set_names(gnutls_x509_crt_t crt, const char *const *names)
{
	int rc = gnutls_x509_crt_set_dn_by_oid(crt,
	    GNUTLS_OID_X520_COMMON_NAME, 0, names[0],
	    (unsigned)strlen(names[0]));
	size_t i;

	for (i = 0; names[i] && rc == 0; i++) {
		struct hm_sockaddr a;
		bool ip = hm_sockaddr_parse(hm_str(names[i]), &a) == 0 &&
		    a.port == 0 && a.family != 1;

		rc = gnutls_x509_crt_set_subject_alt_name(crt,
		    ip ? GNUTLS_SAN_IPADDRESS : GNUTLS_SAN_DNSNAME,
		    ip ? (const void *)a.ip : names[i],
		    ip ? (a.family == 4 ? 4 : 16) :
		    (unsigned)strlen(names[i]), GNUTLS_FSAN_APPEND);
	}
	return rc;
}

static int
fill_cert(gnutls_x509_crt_t crt, gnutls_x509_privkey_t key,
    const char *const *names, int days)
{
	time_t now = (time_t)(hm_wall_ms() / 1000);
	unsigned char serial[16], id[20];
	size_t id_len = sizeof(id);
	int rc;

	hm_random(serial, sizeof(serial));
	serial[0] = (unsigned char)((serial[0] & 0x7f) | 0x40);
	rc = gnutls_x509_crt_set_version(crt, 3);
	if (rc == 0)
		rc = gnutls_x509_crt_set_serial(crt, serial, sizeof(serial));
	/* Clocks differ. */
	if (rc == 0)
		rc = gnutls_x509_crt_set_activation_time(crt, now - 3600);
	if (rc == 0)
		rc = gnutls_x509_crt_set_expiration_time(crt,
		    now + (time_t)days * 86400);
	if (rc == 0)
		rc = set_names(crt, names);
	if (rc == 0)
		rc = gnutls_x509_crt_set_key(crt, key);
	if (rc == 0)
		rc = gnutls_x509_crt_set_basic_constraints(crt, 0, -1);
	if (rc == 0)
		rc = gnutls_x509_crt_set_key_usage(crt,
		    GNUTLS_KEY_DIGITAL_SIGNATURE);
	if (rc == 0)
		rc = gnutls_x509_crt_set_key_purpose_oid(crt,
		    GNUTLS_KP_TLS_WWW_SERVER, 0);
	if (rc == 0 && gnutls_x509_crt_get_key_id(crt, 0, id, &id_len) == 0)
		rc = gnutls_x509_crt_set_subject_key_id(crt, id, id_len);
	if (rc == 0)
		rc = gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0);
	return rc;
}

/* Writes beside and renames, so that nobody ever reads half a file. */
static int
write_file(const char *path, const gnutls_datum_t *data, mode_t mode,
    struct hm_err *reterr)
{
	char tmp[1024];
	size_t done = 0;
	int fd, rc = 0;

	if ((size_t)snprintf(tmp, sizeof(tmp), "%s.new", path) >= sizeof(tmp))
		return hm_err_set(reterr, -HM_ELIMIT, "path too long");
	(void)unlink(tmp);
	fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd < 0)
		return hm_err_errno(reterr, errno, "%s", tmp);
	while (done < data->size) {
		ssize_t n = write(fd, data->data + done, data->size - done);

		if (n < 0)
			break;
		done += (size_t)n;
	}
	/* The mode as asked for, whatever the umask. */
	if (done < data->size || fchmod(fd, mode) != 0 || fsync(fd) != 0)
		rc = hm_err_errno(reterr, errno, "%s", tmp);
	close(fd);
	if (rc == 0 && rename(tmp, path) != 0)
		rc = hm_err_errno(reterr, errno, "%s", path);
	if (rc != 0)
		(void)unlink(tmp);
	return rc;
}

static int
write_both(gnutls_x509_crt_t crt, gnutls_x509_privkey_t key,
    const char *cert_file, const char *key_file, struct hm_err *reterr)
{
	gnutls_datum_t cert_pem = { 0 }, key_pem = { 0 };
	int rc;

	rc = gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &cert_pem);
	if (rc == 0)
		rc = gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM,
		    &key_pem);
	if (rc != 0)
		rc = hm_err_set(reterr, -HM_ETLS, "certificate: %s",
		    gnutls_strerror(rc));
	if (rc == 0)
		rc = write_file(key_file, &key_pem, 0600, reterr);
	if (rc == 0)
		rc = write_file(cert_file, &cert_pem, 0640, reterr);
	if (key_pem.data)
		gnutls_memset(key_pem.data, 0, key_pem.size);
	gnutls_free(key_pem.data);
	gnutls_free(cert_pem.data);
	return rc;
}

int
hm_tls_self_signed(const char *const *names, int days, const char *cert_file,
    const char *key_file, struct hm_err *reterr)
{
	gnutls_x509_privkey_t key = NULL;
	gnutls_x509_crt_t crt = NULL;
	int rc;

	if (!names || !names[0])
		return hm_err_set(reterr, -HM_EINVAL, "no name to certify");
	rc = gnutls_x509_privkey_init(&key);
	if (rc == 0)
		rc = gnutls_x509_crt_init(&crt);
	if (rc == 0)
		rc = gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
		    GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
	if (rc == 0)
		rc = fill_cert(crt, key, names, days);
	if (rc != 0)
		rc = hm_err_set(reterr, -HM_ETLS, "certificate: %s",
		    gnutls_strerror(rc));
	else
		rc = write_both(crt, key, cert_file, key_file, reterr);
	if (crt)
		gnutls_x509_crt_deinit(crt);
	if (key)
		gnutls_x509_privkey_deinit(key);
	return rc;
}
