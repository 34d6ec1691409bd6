/* charset.c - text of any charset to UTF-8.
 *
 * A name from a message is only ever looked up in the table here; what goes to
 * iconv_open() is a constant. Where mail labels text with a standard but means
 * a vendor's superset of it, the superset is used.
 */
#include <hermod/charset.h>

#include <errno.h>
#include <iconv.h>
#include <string.h>

#include <hermod/buf.h>
#include <hermod/err.h>
#include <hermod/str.h>

#include "unicode.h"

/* Own decoders; everything else is iconv's. */
#define ASCII   "="
#define UTF8    "=u"
#define CP1252  "=w"
#define UTF16   "=16"

static const struct charset {
	const char *iconv;
	const char *names;      /* lower case, each followed by a space */
} charsets[] = {
	{ ASCII, "us-ascii ascii ansi_x3.4-1968 ansi_x3.4-1986 iso-ir-6 "
	    "iso646-us iso_646.irv:1991 us ibm367 cp367 csascii 646 7bit " },
	{ UTF8, "utf-8 utf8 unicode-1-1-utf-8 utf_8 csutf8 x-utf-8 "
	    "unicode-2-0-utf-8 x-unicode20utf8 " },
	{ CP1252, "iso-8859-1 windows-1252 latin1 cp1252 iso8859-1 iso_8859-1 "
	    "iso_8859-1:1987 iso88591 iso8859_1 iso-ir-100 l1 ibm819 cp819 "
	    "csisolatin1 x-cp1252 ansi 8859-1 8859_1 latin-1 iso-latin-1 "
	    "cswindows1252 x-ansi win-1252 ms-ansi 8bit unknown-8bit " },
	{ UTF16, "utf-16 utf16 csutf16 unicode ucs-2 iso-10646-ucs-2 "
	    "csunicode unicodefeff " },
	{ "UTF-16LE", "utf-16le utf16le csutf16le unicodelittle " },
	{ "UTF-16BE", "utf-16be utf16be csutf16be unicodefffe unicodebig " },
	{ "UTF-32", "utf-32 utf32 ucs-4 iso-10646-ucs-4 csutf32 " },
	{ "UTF-32LE", "utf-32le utf32le csutf32le " },
	{ "UTF-32BE", "utf-32be utf32be csutf32be " },
	{ "UTF-7", "utf-7 utf7 unicode-1-1-utf-7 csutf7 csunicode11utf7 " },
	{ "ISO-8859-2", "iso-8859-2 latin2 iso8859-2 iso_8859-2 iso88592 "
	    "iso_8859-2:1987 iso-ir-101 l2 csisolatin2 latin-2 " },
	{ "ISO-8859-3", "iso-8859-3 latin3 iso8859-3 iso_8859-3 iso88593 "
	    "iso_8859-3:1988 iso-ir-109 l3 csisolatin3 " },
	{ "ISO-8859-4", "iso-8859-4 latin4 iso8859-4 iso_8859-4 iso88594 "
	    "iso_8859-4:1988 iso-ir-110 l4 csisolatin4 " },
	{ "ISO-8859-5", "iso-8859-5 cyrillic iso8859-5 iso_8859-5 iso88595 "
	    "iso_8859-5:1988 iso-ir-144 csisolatincyrillic " },
	{ "ISO-8859-6", "iso-8859-6 arabic iso8859-6 iso_8859-6 iso88596 "
	    "iso-8859-6-i iso-8859-6-e asmo-708 ecma-114 iso-ir-127 "
	    "iso_8859-6:1987 csisolatinarabic " },
	{ "ISO-8859-7", "iso-8859-7 greek greek8 iso8859-7 iso_8859-7 "
	    "iso88597 iso_8859-7:1987 ecma-118 elot_928 iso-ir-126 "
	    "csisolatingreek " },
	{ "ISO-8859-8", "iso-8859-8 hebrew iso8859-8 iso_8859-8 iso88598 "
	    "iso-8859-8-i iso-8859-8-e iso_8859-8:1988 iso-ir-138 logical "
	    "visual csisolatinhebrew csiso88598i csiso88598e " },
	{ "WINDOWS-1254", "iso-8859-9 windows-1254 latin5 cp1254 iso8859-9 "
	    "iso_8859-9 iso88599 iso_8859-9:1989 iso-ir-148 l5 x-cp1254 "
	    "csisolatin5 " },
	{ "ISO-8859-10", "iso-8859-10 latin6 iso8859-10 iso_8859-10 l6 "
	    "iso_8859-10:1992 iso-ir-157 csisolatin6 " },
	{ "CP874", "windows-874 iso-8859-11 tis-620 cp874 iso8859-11 tis620 "
	    "dos-874 cstis620 x-windows-874 " },
	{ "ISO-8859-13", "iso-8859-13 iso8859-13 latin7 l7 iso_8859-13 " },
	{ "ISO-8859-14", "iso-8859-14 iso8859-14 latin8 l8 iso_8859-14 "
	    "iso-celtic iso-ir-199 " },
	{ "ISO-8859-15", "iso-8859-15 iso8859-15 latin9 latin-9 l9 iso885915 "
	    "iso_8859-15 csisolatin9 " },
	{ "ISO-8859-16", "iso-8859-16 iso8859-16 latin10 l10 iso_8859-16 "
	    "iso-ir-226 " },
	{ "WINDOWS-1250", "windows-1250 cp1250 x-cp1250 cswindows1250 " },
	{ "WINDOWS-1251", "windows-1251 cp1251 x-cp1251 win-1251 ansi-1251 "
	    "cswindows1251 " },
	{ "WINDOWS-1253", "windows-1253 cp1253 x-cp1253 cswindows1253 " },
	{ "WINDOWS-1255", "windows-1255 cp1255 x-cp1255 cswindows1255 " },
	{ "WINDOWS-1256", "windows-1256 cp1256 x-cp1256 cswindows1256 " },
	{ "WINDOWS-1257", "windows-1257 cp1257 x-cp1257 cswindows1257 " },
	{ "WINDOWS-1258", "windows-1258 cp1258 x-cp1258 cswindows1258 " },
	{ "KOI8-R", "koi8-r koi8 koi cskoi8r koi8_r koi8r " },
	{ "KOI8-U", "koi8-u koi8-ru cskoi8u koi8u " },
	{ "KOI8-T", "koi8-t " },
	{ "IBM437", "ibm437 cp437 437 cspc8codepage437 " },
	{ "IBM737", "ibm737 cp737 " },
	{ "IBM775", "ibm775 cp775 " },
	{ "IBM850", "ibm850 cp850 850 cspc850multilingual " },
	{ "IBM852", "ibm852 cp852 852 " },
	{ "IBM855", "ibm855 cp855 855 " },
	{ "IBM857", "ibm857 cp857 857 " },
	{ "IBM858", "ibm00858 cp858 ibm858 " },
	{ "IBM862", "ibm862 cp862 862 dos-862 " },
	{ "IBM864", "ibm864 cp864 " },
	{ "IBM866", "ibm866 cp866 866 csibm866 dos-866 " },
	{ "IBM037", "ibm037 cp037 " },
	{ "MACINTOSH", "macintosh mac csmacintosh x-mac-roman macroman " },
	{ "MAC-CYRILLIC", "x-mac-cyrillic mac-cyrillic x-mac-ukrainian " },
	{ "MAC-CENTRALEUROPE", "x-mac-ce mac-centraleurope "
	    "x-mac-centraleurroman " },
	{ "ARMSCII-8", "armscii-8 " },
	{ "GEORGIAN-PS", "georgian-ps " },
	{ "VISCII", "viscii csviscii " },
	{ "TCVN", "tcvn tcvn-5712 x-viet-tcvn5712 " },
	{ "GB18030", "gb18030 gb2312 gbk cp936 gb_2312-80 gb_2312 csgb2312 "
	    "euc-cn x-gbk windows-936 iso-ir-58 chinese ms936 x-euc-cn "
	    "csiso58gb231280 gb2312-80 csgb18030 csgbk " },
	{ "HZ", "hz-gb-2312 hz " },
	{ "ISO-2022-CN", "iso-2022-cn csiso2022cn " },
	{ "ISO-2022-CN-EXT", "iso-2022-cn-ext " },
	{ "BIG5-HKSCS", "big5 big5-hkscs cp950 big-5 cn-big5 csbig5 x-x-big5 "
	    "big5hkscs x-big5 windows-950 big5-eten " },
	{ "EUC-TW", "euc-tw x-euc-tw cns11643 " },
	{ "CP932", "shift_jis shift-jis sjis cp932 windows-31j x-sjis "
	    "ms_kanji csshiftjis ms932 cswindows31j shiftjis x-ms-cp932 " },
	{ "EUC-JP-MS", "euc-jp eucjp x-euc-jp cseucpkdfmtjapanese ujis "
	    "eucjp-ms x-euc " },
	{ "ISO-2022-JP-3", "iso-2022-jp csiso2022jp iso-2022-jp-1 "
	    "iso-2022-jp-3 iso2022jp jis iso-2022-jp-ms cp50220 cp50221 " },
	{ "ISO-2022-JP-2", "iso-2022-jp-2 csiso2022jp2 " },
	{ "CP949", "euc-kr ks_c_5601-1987 ks_c_5601-1989 ksc5601 ksc_5601 "
	    "ks_c_5601 cp949 uhc windows-949 cseuckr korean iso-ir-149 euckr "
	    "csksc56011987 x-euc-kr x-windows-949 5601 " },
	{ "JOHAB", "johab cp1361 " },
	{ "ISO-2022-KR", "iso-2022-kr csiso2022kr " },
	{ "TSCII", "tscii " },
	{ "PT154", "ptcp154 pt154 cyrillic-asian " },
	{ "RK1048", "rk1048 kz-1048 strk1048-2002 " },
	{ "HP-ROMAN8", "hp-roman8 roman8 r8 cshproman8 " },
};

static bool
has_name(const char *names, struct hm_str name)
{
	for (const char *p = names; *p; p = strchr(p, ' ') + 1)
		if (hm_str_caseeq(name, hm_str_n(p, strcspn(p, " "))))
			return true;
	return false;
}

static const char *
find_charset(struct hm_str name)
{
	name = hm_str_trim(name);
	if (name.len >= 2 && name.p[0] == '"' && name.p[name.len - 1] == '"')
		name = (struct hm_str){ name.p + 1, name.len - 2 };
	if (name.len == 0 || name.len > 40)
		return NULL;
	for (size_t i = 0; i < HM_ARRAY_LEN(charsets); i++)
		if (has_name(charsets[i].names, name))
			return charsets[i].iconv;
	return NULL;
}

static void
replacement(struct hm_buf *out)
{
	hm_buf_add(out, "\xef\xbf\xbd", 3);
}

static void
from_ascii(struct hm_buf *out, struct hm_str in)
{
	for (size_t i = 0; i < in.len; i++) {
		if ((unsigned char)in.p[i] < 0x80)
			hm_buf_putc(out, in.p[i]);
		else
			replacement(out);
	}
}

/* Runs iconv until the input or the room is used up. */
static void
convert(iconv_t cd, struct hm_buf *out, struct hm_str in, size_t max)
{
	enum { ROOM = 4096 };
	char *from = (char *)(uintptr_t)in.p;
	size_t left = in.len, start = out->len;
	bool end = false;

	while (!end && out->len - start <= max) {
		hm_buf_reserve(out, ROOM);
		char *to = out->p + out->len;
		size_t room = ROOM;
		size_t rc = left > 0 ? iconv(cd, &from, &left, &to, &room)
		    : iconv(cd, NULL, NULL, &to, &room);
		int err = errno;
		end = left == 0 && rc != (size_t)-1 && ROOM - room == 0;
		out->len += ROOM - room;
		out->p[out->len] = '\0';
		if (rc != (size_t)-1 || err == E2BIG)
			continue;
		replacement(out);
		if (err == EINVAL || left <= 1) { /* cut off in a character */
			end = true;
		} else {
			from++;
			left--;
		}
	}
}

/* Big-endian unless a byte order mark says otherwise (RFC 2781, 4.3). */
static const char *
utf16_order(struct hm_str *in)
{
	if (in->len >= 2 && memcmp(in->p, "\xff\xfe", 2) == 0) {
		*in = hm_str_skip(*in, 2);
		return "UTF-16LE";
	}
	if (in->len >= 2 && memcmp(in->p, "\xfe\xff", 2) == 0)
		*in = hm_str_skip(*in, 2);
	return "UTF-16BE";
}

/* Cuts out to max bytes from start, at a character. */
static int
cut(struct hm_buf *out, size_t start, size_t max)
{
	if (out->len - start <= max)
		return 0;
	size_t end = start + max;
	while (end > start && ((unsigned char)out->p[end] & 0xc0) == 0x80)
		end--;
	out->len = end;
	out->p[end] = '\0';
	return -HM_ELIMIT;
}

int
hm_charset_decode(struct hm_buf *out, struct hm_str charset, struct hm_str in,
    size_t max)
{
	const char *name = find_charset(charset);
	size_t start = out->len;

	if (!name)
		return -HM_EUNSUPPORTED;
	if (strcmp(name, UTF16) == 0)
		name = utf16_order(&in);
	if (name[0] == '=') {
		/* No byte becomes less than one. */
		if (max < SIZE_MAX - 4)
			in = hm_str_take(in, max + 4);
		if (name[1] == 'u')
			hm_uni_repair(out, in);
		else if (name[1] == 'w')
			hm_uni_from_1252(out, in);
		else
			from_ascii(out, in);
		return cut(out, start, max);
	}
	iconv_t cd = iconv_open("UTF-8", name);
	if (cd == (iconv_t)-1)
		return -HM_EUNSUPPORTED;
	convert(cd, out, in, max);
	iconv_close(cd);
	return cut(out, start, max);
}
