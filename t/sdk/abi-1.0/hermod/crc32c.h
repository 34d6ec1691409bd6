/* crc32c.h - the checksum of stored data (Castagnoli polynomial). Thread: any. */
#ifndef HERMOD_CRC32C_H
#define HERMOD_CRC32C_H

#include <hermod/types.h>

/* The sum of bytes that follow those which gave crc; 0 at the start. */
HM_API uint32_t hm_crc32c(uint32_t crc, const void *p, size_t len);

#endif
