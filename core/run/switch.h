/* switch.h - changing from one stack to another.
 *
 * A context is a saved stack pointer plus what the sanitizers want to know. The
 * assembly form saves what the ABI calls callee-saved and nothing else; where no
 * assembly exists (or --with-fibers=ucontext) ucontext does the same, slower.
 */
#ifndef HERMOD_RUN_SWITCH_H
#define HERMOD_RUN_SWITCH_H

#include <stddef.h>

#if defined(HM_FIBERS_UCONTEXT) || \
    !((defined(__x86_64__) && !defined(__ILP32__)) || defined(__aarch64__))
#define HM_SWITCH_UCONTEXT 1
#include <ucontext.h>
#else
#define HM_SWITCH_UCONTEXT 0
#endif

#if defined(__SANITIZE_ADDRESS__)
#define HM_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HM_ASAN 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define HM_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define HM_TSAN 1
#endif
#endif
#ifndef HM_ASAN
#define HM_ASAN 0
#endif
#ifndef HM_TSAN
#define HM_TSAN 0
#endif

struct hm_ctx {
#if HM_SWITCH_UCONTEXT
	ucontext_t uc;
#else
	void *sp;
#endif
#if HM_ASAN
	void *fake_stack;
	const void *bottom;
	size_t size;
#endif
#if HM_TSAN
	void *tsan;
#endif
};

/* The context of the stack that is running now; it is filled at the first
 * switch away from it. */
void hm_ctx_init_running(struct hm_ctx *ctx);
/* A context that will call entry(arg) on the stack [bottom, top); entry never
 * returns. */
void hm_ctx_init(struct hm_ctx *ctx, void *bottom, void *top,
    void (*entry)(void *arg), void *arg);
/* Releases what the tools hold for a context that will not run again. */
void hm_ctx_release(struct hm_ctx *ctx);
void hm_ctx_switch(struct hm_ctx *from, struct hm_ctx *to);
/* First thing in an entry function: from is where it was switched from. */
void hm_ctx_entered(struct hm_ctx *from);
/* The last switch of a context. */
void hm_ctx_leave(struct hm_ctx *from, struct hm_ctx *to)
    __attribute__((noreturn));

#endif
