/* wire.h - frames of the control socket.
 *
 * A frame is a type, a length in four bytes (big endian) and that many bytes.
 * The server greets; the client sends all words and then "go"; only then does
 * the server act. Whatever else the client sends, it was asked for: so both
 * stay in step however a command ends.
 */
#ifndef HERMOD_SERVE_WIRE_H
#define HERMOD_SERVE_WIRE_H

#include <hermod/types.h>

enum {
	HM_WIRE_VERSION = 1,
	HM_WIRE_HEADER = 5,
	HM_WIRE_FRAME_MAX = 65536,
	HM_WIRE_ARGS_MAX = 256,
	HM_WIRE_ARGS_BYTES_MAX = 131072,
};

enum hm_wire_type {
	/* server to client */
	HM_WIRE_HELLO = 'h',           /* "hermod ctl 1 VERSION" */
	HM_WIRE_OUT = 'o',
	HM_WIRE_ERR = 'r',
	HM_WIRE_PROGRESS = 'p',
	HM_WIRE_ASK = 'q',             /* flags in one byte, then the prompt */
	HM_WIRE_WANT = 'w',            /* more of standard input */
	HM_WIRE_EXIT = 'x',            /* status in one byte; the last frame */
	/* client to server */
	HM_WIRE_ARG = 'a',
	HM_WIRE_GO = 'g',
	HM_WIRE_INPUT = 'i',           /* an answer, or bytes of standard input */
	HM_WIRE_END = 'e',             /* there is no more, or no answer */
};

static inline void
hm_wire_put_header(unsigned char out[HM_WIRE_HEADER], enum hm_wire_type type,
    uint32_t len)
{
	out[0] = (unsigned char)type;
	out[1] = (unsigned char)(len >> 24);
	out[2] = (unsigned char)(len >> 16);
	out[3] = (unsigned char)(len >> 8);
	out[4] = (unsigned char)len;
}

static inline uint32_t
hm_wire_len(const unsigned char header[HM_WIRE_HEADER])
{
	return (uint32_t)header[1] << 24 | (uint32_t)header[2] << 16 |
	    (uint32_t)header[3] << 8 | header[4];
}

#endif
