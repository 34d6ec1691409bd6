/* abi.h - the version of everything under include/hermod.
 *
 * A module built against MAJOR.minor loads into a core of the same MAJOR whose
 * minor is equal or higher. Members are only appended to structs, hooks only
 * to the end of hooks.def, functions never change their type. What breaks this
 * raises MAJOR.
 *
 * Log of changes, newest first:
 *   1.0  2026-11-20  first version
 */
#ifndef HERMOD_ABI_H
#define HERMOD_ABI_H

#define HM_ABI_MAJOR 1
#define HM_ABI_MINOR 0

#endif
