/* switch.c - changing from one stack to another. */
#include "switch.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if HM_ASAN
#include <sanitizer/common_interface_defs.h>
#endif
#if HM_TSAN
#include <sanitizer/tsan_interface.h>
#endif

#if !HM_SWITCH_UCONTEXT

void hm_switch_stack(void **save_sp, void *load_sp);
void hm_switch_boot(void);

#if defined(__x86_64__)
/* The frame of a suspended context, from its stack pointer upwards: MXCSR and
 * x87 control word, r15 r14 r13 r12 rbx rbp, return address. */
#define FRAME_WORDS 8
__asm__(
	".text\n"
	".p2align 4\n"
	".globl hm_switch_stack\n"
	".hidden hm_switch_stack\n"
	".type hm_switch_stack,@function\n"
	"hm_switch_stack:\n"
	"	.cfi_startproc\n"
	"	pushq %rbp\n	.cfi_adjust_cfa_offset 8\n"
	"	pushq %rbx\n	.cfi_adjust_cfa_offset 8\n"
	"	pushq %r12\n	.cfi_adjust_cfa_offset 8\n"
	"	pushq %r13\n	.cfi_adjust_cfa_offset 8\n"
	"	pushq %r14\n	.cfi_adjust_cfa_offset 8\n"
	"	pushq %r15\n	.cfi_adjust_cfa_offset 8\n"
	"	subq $8, %rsp\n	.cfi_adjust_cfa_offset 8\n"
	"	stmxcsr (%rsp)\n"
	"	fnstcw 4(%rsp)\n"
	"	movq %rsp, (%rdi)\n"
	"	movq %rsi, %rsp\n"
	"	ldmxcsr (%rsp)\n"
	"	fldcw 4(%rsp)\n"
	"	addq $8, %rsp\n	.cfi_adjust_cfa_offset -8\n"
	"	popq %r15\n	.cfi_adjust_cfa_offset -8\n"
	"	popq %r14\n	.cfi_adjust_cfa_offset -8\n"
	"	popq %r13\n	.cfi_adjust_cfa_offset -8\n"
	"	popq %r12\n	.cfi_adjust_cfa_offset -8\n"
	"	popq %rbx\n	.cfi_adjust_cfa_offset -8\n"
	"	popq %rbp\n	.cfi_adjust_cfa_offset -8\n"
	"	ret\n"
	"	.cfi_endproc\n"
	".size hm_switch_stack,.-hm_switch_stack\n"
	".p2align 4\n"
	".globl hm_switch_boot\n"
	".hidden hm_switch_boot\n"
	".type hm_switch_boot,@function\n"
	"hm_switch_boot:\n"
	"	.cfi_startproc\n"
	"	.cfi_undefined rip\n"
	"	movq %r12, %rdi\n"
	"	callq *%r13\n"
	"	ud2\n"
	"	.cfi_endproc\n"
	".size hm_switch_boot,.-hm_switch_boot\n");

static void *
prepare(void *top, void (*entry)(void *), void *arg)
{
	uint64_t *sp = (uint64_t *)((uintptr_t)top & ~(uintptr_t)15);
	uint32_t mxcsr;
	uint16_t fpucw;

	__asm__ volatile("stmxcsr %0\n\tfnstcw %1" : "=m"(mxcsr), "=m"(fpucw));
	sp -= FRAME_WORDS;         /* aligned: boot starts at a multiple of 16 */
	memset(sp, 0, FRAME_WORDS * sizeof(*sp));
	sp[0] = mxcsr | (uint64_t)fpucw << 32;
	sp[3] = (uint64_t)(uintptr_t)entry;            /* r13 */
	sp[4] = (uint64_t)(uintptr_t)arg;              /* r12 */
	sp[7] = (uint64_t)(uintptr_t)hm_switch_boot;
	return sp;
}

#else /* aarch64 */

/* x19-x28, x29, x30, d8-d15: 20 words. */
#define FRAME_WORDS 20
__asm__(
	".text\n"
	".p2align 4\n"
	".globl hm_switch_stack\n"
	".hidden hm_switch_stack\n"
	".type hm_switch_stack,%function\n"
	"hm_switch_stack:\n"
	"	.cfi_startproc\n"
	"	hint #34\n"                    /* bti c */
	"	sub sp, sp, #160\n"
	"	.cfi_adjust_cfa_offset 160\n"
	"	stp x19, x20, [sp, #0]\n"
	"	stp x21, x22, [sp, #16]\n"
	"	stp x23, x24, [sp, #32]\n"
	"	stp x25, x26, [sp, #48]\n"
	"	stp x27, x28, [sp, #64]\n"
	"	stp x29, x30, [sp, #80]\n"
	"	.cfi_rel_offset x29, 80\n"
	"	.cfi_rel_offset x30, 88\n"
	"	stp d8, d9, [sp, #96]\n"
	"	stp d10, d11, [sp, #112]\n"
	"	stp d12, d13, [sp, #128]\n"
	"	stp d14, d15, [sp, #144]\n"
	"	mov x9, sp\n"
	"	str x9, [x0]\n"
	"	mov sp, x1\n"
	"	ldp x19, x20, [sp, #0]\n"
	"	ldp x21, x22, [sp, #16]\n"
	"	ldp x23, x24, [sp, #32]\n"
	"	ldp x25, x26, [sp, #48]\n"
	"	ldp x27, x28, [sp, #64]\n"
	"	ldp x29, x30, [sp, #80]\n"
	"	ldp d8, d9, [sp, #96]\n"
	"	ldp d10, d11, [sp, #112]\n"
	"	ldp d12, d13, [sp, #128]\n"
	"	ldp d14, d15, [sp, #144]\n"
	"	add sp, sp, #160\n"
	"	.cfi_adjust_cfa_offset -160\n"
	"	ret\n"
	"	.cfi_endproc\n"
	".size hm_switch_stack,.-hm_switch_stack\n"
	".p2align 4\n"
	".globl hm_switch_boot\n"
	".hidden hm_switch_boot\n"
	".type hm_switch_boot,%function\n"
	"hm_switch_boot:\n"
	"	.cfi_startproc\n"
	"	.cfi_undefined x30\n"
	"	mov x0, x19\n"
	"	blr x20\n"
	"	brk #1\n"
	"	.cfi_endproc\n"
	".size hm_switch_boot,.-hm_switch_boot\n");

static void *
prepare(void *top, void (*entry)(void *), void *arg)
{
	uint64_t *sp = (uint64_t *)((uintptr_t)top & ~(uintptr_t)15);

	sp -= FRAME_WORDS;
	memset(sp, 0, FRAME_WORDS * sizeof(*sp));
	sp[0] = (uint64_t)(uintptr_t)arg;              /* x19 */
	sp[1] = (uint64_t)(uintptr_t)entry;            /* x20 */
	sp[11] = (uint64_t)(uintptr_t)hm_switch_boot;  /* x30 */
	return sp;
}
#endif

static void
ctx_set(struct hm_ctx *ctx, void *bottom, void *top, void (*entry)(void *),
    void *arg)
{
	(void)bottom;
	ctx->sp = prepare(top, entry, arg);
}

static void
ctx_jump(struct hm_ctx *from, struct hm_ctx *to)
{
	hm_switch_stack(&from->sp, to->sp);
}

#else /* ucontext */

/* makecontext passes ints only, so the two pointers travel in halves. */
static void
uc_boot(unsigned e1, unsigned e0, unsigned a1, unsigned a0)
{
	uintptr_t e = (uintptr_t)((uint64_t)e1 << 32 | e0);
	uintptr_t a = (uintptr_t)((uint64_t)a1 << 32 | a0);

	((void (*)(void *))e)((void *)a);
	abort();
}

static void
ctx_set(struct hm_ctx *ctx, void *bottom, void *top, void (*entry)(void *),
    void *arg)
{
	uint64_t e = (uint64_t)(uintptr_t)entry;
	uint64_t a = (uint64_t)(uintptr_t)arg;

	if (getcontext(&ctx->uc) != 0)
		abort();
	ctx->uc.uc_stack.ss_sp = bottom;
	ctx->uc.uc_stack.ss_size = (size_t)((char *)top - (char *)bottom);
	ctx->uc.uc_link = NULL;
	makecontext(&ctx->uc, (void (*)(void))(void *)uc_boot, 4,
	    (unsigned)(e >> 32), (unsigned)e, (unsigned)(a >> 32), (unsigned)a);
}

static void
ctx_jump(struct hm_ctx *from, struct hm_ctx *to)
{
	if (swapcontext(&from->uc, &to->uc) != 0)
		abort();
}
#endif

void
hm_ctx_init_running(struct hm_ctx *ctx)
{
	memset(ctx, 0, sizeof(*ctx));
#if HM_TSAN
	ctx->tsan = __tsan_get_current_fiber();
#endif
}

void
hm_ctx_init(struct hm_ctx *ctx, void *bottom, void *top,
    void (*entry)(void *arg), void *arg)
{
	memset(ctx, 0, sizeof(*ctx));
	ctx_set(ctx, bottom, top, entry, arg);
#if HM_ASAN
	ctx->bottom = bottom;
	ctx->size = (size_t)((char *)top - (char *)bottom);
#endif
#if HM_TSAN
	ctx->tsan = __tsan_create_fiber(0);
#endif
}

void
hm_ctx_release(struct hm_ctx *ctx)
{
#if HM_TSAN
	if (ctx->tsan)
		__tsan_destroy_fiber(ctx->tsan);
	ctx->tsan = NULL;
#else
	(void)ctx;
#endif
}

void
hm_ctx_switch(struct hm_ctx *from, struct hm_ctx *to)
{
#if HM_ASAN
	__sanitizer_start_switch_fiber(&from->fake_stack, to->bottom, to->size);
#endif
#if HM_TSAN
	__tsan_switch_to_fiber(to->tsan, 0);
#endif
	ctx_jump(from, to);
#if HM_ASAN
	__sanitizer_finish_switch_fiber(from->fake_stack, NULL, NULL);
#endif
}

void
hm_ctx_entered(struct hm_ctx *from)
{
#if HM_ASAN
	/* The only moment at which the bounds of a thread's own stack show. */
	__sanitizer_finish_switch_fiber(NULL, &from->bottom, &from->size);
#else
	(void)from;
#endif
}

void
hm_ctx_leave(struct hm_ctx *from, struct hm_ctx *to)
{
#if HM_ASAN
	__sanitizer_start_switch_fiber(NULL, to->bottom, to->size);
#endif
#if HM_TSAN
	__tsan_switch_to_fiber(to->tsan, 0);
#endif
	ctx_jump(from, to);
	abort();
}
