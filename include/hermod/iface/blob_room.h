/* blob_room.h - what providers of "blob" have in common: the room on the disk.
 * Thread: any, one at a time for each room.
 */
#ifndef HERMOD_IFACE_BLOB_ROOM_H
#define HERMOD_IFACE_BLOB_ROOM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/statvfs.h>

/* Zeroed at first, and to have the disk looked at again. */
struct hm_blob_room {
	int64_t looked_ms;
	uint64_t left;
};

/* Whether so many bytes leave the reserve as it is. What is taken counts until the
 * disk of dir is looked at again, a second later: a fast writer would else take the
 * reserve as well, which the tables need to commit. */
static inline bool
hm_blob_take_room(struct hm_blob_room *room, const char *dir, int64_t now_ms,
    uint64_t reserve, uint64_t bytes)
{
	struct statvfs fs;

	if (!room->looked_ms || now_ms - room->looked_ms >= 1000) {
		room->left = UINT64_MAX;
		if (statvfs(dir, &fs) == 0)
			room->left = (uint64_t)fs.f_bavail * fs.f_frsize;
		room->looked_ms = now_ms;
	}
	if (room->left < reserve + bytes)
		return false;
	room->left -= bytes;
	return true;
}

#endif
