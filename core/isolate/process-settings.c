/* process-settings.c - the process of an isolated module: its settings, and opening
 * it.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/fiber.h>
#include <hermod/log.h>
#include <hermod/str.h>

#include "core/conf/config.h"
#include "core/conf/node.h"
#include "core/conf/show.h"
#include "core/plug/metrics.h"

#include "isolate.h"
#include "process.h"

/* ---- the settings ---- */

static int
take_server(struct hm_arena *arena, struct hm_str *in, struct hm_generation *gen)
{
	struct hm_server *s = &gen->server;
	struct hm_netlist *nets = hm_new(arena, struct hm_netlist);
	struct hm_str host, data, conf, product;
	struct hm_net *at;
	uint8_t pedantic;
	uint64_t n, level;

	if (hm_carry_take_str(in, &host) < 0 || hm_carry_take_str(in, &data) < 0 ||
	    hm_carry_take_str(in, &conf) < 0 ||
	    hm_carry_take_str(in, &product) < 0 ||
	    hm_take_u8(in, &pedantic) < 0 || hm_take_varint(in, &n) < 0 ||
	    n > in->len / sizeof(*at))
		return -HM_ECORRUPT;
	at = hm_alloc_array(arena, n, sizeof(*at));
	memcpy(at, in->p, n * sizeof(*at));
	*in = hm_str_skip(*in, n * sizeof(*at));
	if (hm_take_varint(in, &gen->number) < 0 || hm_take_varint(in, &level) < 0)
		return -HM_ECORRUPT;
	nets->n = n;
	nets->at = at;
	*s = (struct hm_server){ .hostname = hm_strndup(arena, host.p, host.len),
	    .data_dir = hm_strndup(arena, data.p, data.len),
	    .conf_dir = hm_strndup(arena, conf.p, conf.len),
	    .product = hm_strndup(arena, product.p, product.len),
	    .pedantic = pedantic != 0, .trusted_networks = nets };
	hm_log_set_level((enum hm_loglevel)level);
	return 0;
}

/* The module's file as the worker read it. */
static int
take_file(struct hm_arena *arena, struct hm_str in, struct hm_config *config,
    struct hm_config_module *m, struct hm_errs *errs)
{
	struct hm_str path, text;
	struct hm_node *node;
	struct hm_doc *doc;
	uint64_t mode;

	if (hm_carry_take_str(&in, &path) < 0 || hm_take_varint(&in, &mode) < 0 ||
	    hm_carry_take_str(&in, &text) < 0 || path.p == NULL)
		return -HM_ECORRUPT;
	m->path = hm_strndup(arena, path.p, path.len);
	config->modules = m;
	config->nmodules = 1;
	if (text.len == 0)
		return 0;
	if (hm_doc_new(arena, m->path, text, &doc, errs) < 0)
		return -HM_ESYNTAX;
	doc->mode = (unsigned)mode;
	if (hm_doc_parse(arena, doc, &node, errs) < 0)
		return -HM_ESYNTAX;
	m->node = node;
	return 0;
}

static struct hm_mod *
mod_new(struct hm_process *p, struct hm_generation *gen,
    const struct hm_config_module *config)
{
	const struct hm_module_def *def = &p->code->def;
	struct hm_mod *m = hm_new(gen->arena, struct hm_mod);
	const struct hm_need *need;
	size_t n = 0;

	m->name = config->name;
	m->gen = gen;
	m->code = p->code;
	m->who = &p->code->who;
	m->def = def;
	m->config = config;
	m->arena = hm_arena_new(NULL, "module");
	/* What it would use, and nobody has here. */
	for (need = def->needs; need != NULL && need->iface != NULL; need++)
		n++;
	m->bindings = hm_alloc_array(m->arena, n, sizeof(*m->bindings));
	for (; m->n_bindings < n; m->n_bindings++)
		m->bindings[m->n_bindings].need = &def->needs[m->n_bindings];
	hm_metrics_bind(m);
	gen->mods = hm_alloc_array(gen->arena, 1, sizeof(*gen->mods));
	gen->mods[gen->n_mods++] = m;
	return m;
}

static void
configure(struct hm_process *p, struct hm_str in, struct hm_errs *errs)
{
	struct hm_arena *arena = hm_arena_new(NULL, "generation");
	struct hm_generation *gen = hm_new(arena, struct hm_generation);
	struct hm_config_module *config = hm_new(arena, struct hm_config_module);

	gen->arena = arena;
	gen->core = p->core;
	gen->config = hm_new(arena, struct hm_config);
	config->name = hm_strdup(arena, p->code->name);
	if (take_server(arena, &in, gen) < 0 ||
	    take_file(arena, in, gen->config, config, errs) < 0)
		return;
	gen->config->dir = gen->server.conf_dir;
	p->gen = gen;
	p->mod = mod_new(p, gen, config);
	p->cells = hm_metrics_cells(p->mod);
	p->told = hm_alloc_array(arena, p->cells, sizeof(*p->told));
	hm_mod_configure(p->mod, errs);
}

/* ---- requests, each on a fiber ---- */

struct request {
	struct hm_process *p;
	enum hm_carry what;
	uint64_t id;
	struct hm_buf packet;
};

static void
do_configure(struct request *q, struct hm_buf *out)
{
	struct hm_arena *arena = hm_arena_new(NULL, "configure");
	struct hm_errs *errs = hm_errs_new(arena);

	if (q->p->gen == NULL)
		configure(q->p, hm_buf_view(&q->packet), errs);
	hm_carry_put_errs(out, errs);
	hm_arena_free(arena);
}

static void
do_text(struct request *q, struct hm_buf *out)
{
	const struct hm_module_def *def = &q->p->code->def;
	struct hm_str in = hm_buf_view(&q->packet);
	uint64_t which;

	if (hm_take_varint(&in, &which) < 0)
		return;
	if (which == HM_REMOTE_EXAMPLE)
		hm_config_example_module(out, def->name, def->summary,
		    def->options);
	else if (q->p->mod != NULL && def->options != NULL)
		hm_conf_show(out, def->options, q->p->mod->conf,
		    q->p->mod->config->node, 0);
	if (out->len > HM_CARRY_MAX - 64) {
		hm_buf_clear(out);
		hm_buf_puts(out, "# too long for an isolated module\n");
	}
}

static void
do_open(struct request *q, struct hm_buf *out)
{
	struct hm_mod *m = q->p->mod;
	struct hm_err err = { 0 };
	struct hm_where former;
	int r = 0;

	if (m == NULL)
		r = hm_err_set(&err, -HM_EINTERNAL, "it has no settings");
	former = hm_where_enter(&q->p->code->who, "open");
	if (r == 0 && m->def->open != NULL)
		r = m->def->open(m, &err);
	hm_where_leave(former);
	if (r < 0 && err.code == 0)
		err.code = r;
	hm_buf_putc(out, r >= 0);
	if (r < 0)
		hm_carry_put_err(out, &err);
	else
		m->open = true;
}

static void
request_fiber(void *arg)
{
	struct request *q = arg;
	struct hm_buf out = { 0 };

	if (q->what == HM_CARRY_CONFIGURE)
		do_configure(q, &out);
	else if (q->what == HM_CARRY_TEXT)
		do_text(q, &out);
	else
		do_open(q, &out);
	hm_process_answer(q->p, q->id, hm_buf_view(&out));
	hm_buf_release(&out);
	hm_buf_release(&q->packet);
	free(q);
}

void
hm_process_request(struct hm_process *p, enum hm_carry what, struct hm_str in)
{
	struct request *q = hm_xalloc(sizeof(*q));

	q->p = p;
	q->what = what;
	if (hm_take_varint(&in, &q->id) < 0) {
		free(q);
		return;
	}
	hm_buf_str(&q->packet, in);
	hm_fiber_start(p->mod, "request", request_fiber, q);
}
