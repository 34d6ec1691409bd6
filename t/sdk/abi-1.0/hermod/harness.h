/* harness.h - a whole platform inside a test program, on virtual time.
 *
 * The real modules run with connections in memory, jobs done on the spot, time
 * that passes only when it is told to, and random numbers from a seed: the same
 * test does the same every time, and a week costs milliseconds. What
 * hermod-mailtest(7) is made of. One at a time in a process. Thread: the one
 * that began it; all functions are called outside fibers.
 */
#ifndef HERMOD_HARNESS_H
#define HERMOD_HARNESS_H

#include <hermod/fiber.h>
#include <hermod/types.h>

struct hm_harness;
struct hm_sockaddr;

/* Virtual time and seeded chance, before anything else is done. */
HM_API int hm_harness_begin(int64_t wall_ms, uint64_t seed,
    struct hm_err *reterr);
/* Frees what is left; appends a line for each thing that should not be: fibers,
 * streams, memory. */
HM_API void hm_harness_end(struct hm_buf *left);

/* A server without a configuration yet. module_path: "DIR:DIR", searched before
 * the installed modules, or NULL. A stopped one can be followed by another. */
HM_API struct hm_harness *hm_harness_server(const char *conf_dir,
    const char *module_path);
/* Reads the configuration and makes it current, the first time or again. 0, or
 * negative with the mistakes appended as "hermod config check" shows them. */
HM_API int hm_harness_reload(struct hm_harness *h, struct hm_buf *mistakes);
/* Lets the server end by itself within grace_ms, then cancels what it still does.
 * Appends a line for everything that did not end in time; without any grace, for
 * what does not even end when it is cancelled. */
HM_API void hm_harness_stop(struct hm_harness *h, int64_t grace_ms,
    struct hm_buf *left);

/* Runs the words (NULL-ended, without "hermod") as if they came to the server.
 * input is what the command reads; each question takes a line of it. What it
 * says, on both channels, is appended. Returns the exit status. */
HM_API int hm_harness_command(struct hm_harness *h, const char *const *words,
    struct hm_str input, struct hm_buf *output);
/* The interface as the current configuration provides it: fills ops and self of
 * a handle declared by HM_IFACE. -HM_ENOENT. */
HM_API int hm_harness_service(struct hm_harness *h, const char *iface,
    const void **ret_ops, struct hm_mod **ret_self);
/* Whether there is a file for that module. */
HM_API bool hm_harness_has_module(const char *module_path, const char *name);

/* Runs fn on a fiber to its end, letting time pass if it waits for that, but at
 * most an hour. Returns whether it ended. */
HM_API bool hm_harness_run(hm_fiber_fn *fn, void *arg);
/* Lets happen what can happen now. */
HM_API void hm_harness_settle(void);
/* Lets time pass; everything due happens at its moment, in order. */
HM_API void hm_harness_pass(int64_t ms);
/* The same until done(arg), at most max_ms. Returns whether it is done. */
HM_API bool hm_harness_until(bool (*done)(void *arg), void *arg,
    int64_t max_ms);

/* The nth such operation on the network from now on fails; 0 takes it back. */
enum hm_harness_fault {
	HM_FAULT_READ = 0,
	HM_FAULT_WRITE = 1,
	HM_FAULT_CONNECT = 2,
};
HM_API void hm_harness_fail(enum hm_harness_fault fault, unsigned nth);

#endif
