/* isolate.c - a module in a process of its own: the code and the instance that the
 * rest of the core sees.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <hermod/arena.h>
#include <hermod/buf.h>
#include <hermod/clock.h>
#include <hermod/fiber.h>
#include <hermod/log.h>
#include <hermod/str.h>

#include "core/base/die.h"
#include "core/conf/config.h"
#include "core/conf/errs.h"
#include "core/conf/node.h"
#include "core/plug/generation.h"
#include "core/plug/metrics.h"

#include "isolate-private.h"
#include "spawn.h"

enum {
	OPEN_MS = 60000, CLOSE_MS = 2000,
	PUMP_MS = 50,
};

/* ---- the instance ---- */

/* Where it is configured, and what of hermod.yaml modules may know. */
static int
put_settings(struct hm_buf *out, const struct hm_mod *m, struct hm_err *reterr)
{
	const struct hm_server *s = &m->gen->server;
	const struct hm_netlist *nets = s->trusted_networks;
	const struct hm_node *node = m->config->node;
	struct hm_str text = node != NULL ? node->doc->text : HM_STR("");

	hm_carry_put_str(out, hm_str(s->hostname));
	hm_carry_put_str(out, hm_str(s->data_dir));
	hm_carry_put_str(out, hm_str(s->conf_dir));
	hm_carry_put_str(out, hm_str(s->product));
	hm_buf_putc(out, s->pedantic);
	hm_buf_varint(out, nets != NULL ? nets->n : 0);
	for (size_t i = 0; nets != NULL && i < nets->n; i++)
		hm_buf_add(out, &nets->at[i], sizeof(nets->at[i]));
	hm_buf_varint(out, m->gen->number);
	hm_buf_varint(out, (uint64_t)m->gen->config->server.log_level);
	hm_carry_put_str(out, hm_str(m->config->path));
	hm_buf_varint(out, node != NULL ? node->doc->mode : 0);
	hm_carry_put_str(out, text);
	if (out->len <= HM_CARRY_MAX - 64)
		return 0;
	return hm_err_set(reterr, -HM_ELIMIT, "its file, or trusted-networks in "
	    "hermod.yaml, is too long for a module with \"isolate: yes\"");
}

static int
configure(struct hm_remote *r, struct hm_mod *m, struct hm_errs *errs,
    struct hm_err *reterr)
{
	size_t before = hm_errs_count(errs);
	struct hm_buf out = { 0 }, answer = { 0 };
	struct hm_str in;
	int rc = put_settings(&out, m, reterr);

	if (rc == 0 && (rc = hm_remote_ask(r, HM_CARRY_CONFIGURE,
	    hm_buf_view(&out), -1, HM_REMOTE_LOAD_MS, &answer)) < 0)
		hm_err_set(reterr, rc, "its process did not check the settings "
		    "(%s)", rc == -HM_EIO ? "it died" : hm_err_name(rc));
	in = hm_buf_view(&answer);
	if (rc == 0 && hm_carry_take_errs(&in, errs) < 0)
		rc = hm_err_set(reterr, -HM_ECORRUPT, "its process sent what no "
		    "module sends");
	hm_buf_release(&out);
	hm_buf_release(&answer);
	if (rc == 0 && hm_errs_count(errs) > before)
		return -HM_ESYNTAX;
	return rc;
}

static int
remote_configure(struct hm_mod *m, struct hm_errs *errs)
{
	struct hm_remote *r = m->code->remote;
	struct hm_err err = { 0 };
	int rc;

	r->mod = m;
	r->given = hm_xalloc((hm_metrics_cells(m) + 1) * sizeof(*r->given));
	rc = configure(r, m, errs, &err);
	if (rc < 0 && err.code != 0)
		hm_mod_error(m, errs, "module \"%s\": %s", m->name, err.text);
	return rc;
}

static int
open_there(struct hm_remote *r, struct hm_err *reterr)
{
	struct hm_buf answer = { 0 };
	struct hm_str in;
	uint8_t good;
	int rc = hm_remote_ask(r, HM_CARRY_OPEN, HM_STR(""), -1, OPEN_MS,
	    &answer);

	in = hm_buf_view(&answer);
	if (rc == -HM_EIO)
		hm_err_set(reterr, rc, "its process died");
	else if (rc < 0)
		hm_err_set(reterr, rc, "its process does not answer");
	else if (hm_take_u8(&in, &good) < 0)
		rc = hm_err_set(reterr, -HM_ECORRUPT, "a senseless answer");
	else if (!good)
		rc = hm_carry_take_err(&in, reterr) < 0 ? -HM_ECORRUPT :
		    reterr->code;
	hm_buf_release(&answer);
	if (rc == 0) {
		r->life = HM_REMOTE_UP;
		r->up_since = hm_now_ms();
	}
	return rc;
}

static int
remote_open(struct hm_mod *m, struct hm_err *reterr)
{
	struct hm_remote *r = m->code->remote;
	int rc = open_there(r, reterr);

	r->open = rc == 0;
	return rc;
}

static void
remote_start(struct hm_mod *m)
{
	m->code->remote->started = true;
	hm_remote_tell(m->code->remote, HM_CARRY_START, HM_STR(""), -1);
}

static void
remote_retire(struct hm_mod *m)
{
	hm_remote_tell(m->code->remote, HM_CARRY_RETIRE, HM_STR(""), -1);
}

static void
remote_close(struct hm_mod *m)
{
	struct hm_remote *r = m->code->remote;
	int left = CLOSE_MS / PUMP_MS;

	hm_remote_take_back(r);
	r->open = false;
	r->mod = NULL;
	hm_timer_stop(r->timer);
	r->timer = NULL;
	if (r->pid == 0)
		return;
	hm_remote_tell(r, HM_CARRY_CLOSE, HM_STR(""), -1);
	r->life = HM_REMOTE_ENDING;
	while (hm_clock_is_virtual() && r->pid != 0 && left > 0)
		left -= !hm_carrier_pump(&r->channel, PUMP_MS);
	if (r->pid != 0)
		r->timer = hm_timer_start(CLOSE_MS,
		    hm_remote_patience_ends, r);
}

/* ---- starting it again ---- */

static void
restart_fiber(void *arg)
{
	struct hm_remote *r = arg;
	struct hm_arena *arena = hm_arena_new(NULL, "restart");
	struct hm_errs *errs = hm_errs_new(arena);
	struct hm_buf def = { 0 };
	struct hm_err err = { 0 };
	int rc;

	r->restarting = true;
	rc = hm_remote_launch(r, &def, &err);
	if (rc == 0)
		rc = configure(r, r->mod, errs, &err);
	if (rc == 0)
		rc = open_there(r, &err);
	if (rc == 0 && r->started)
		hm_remote_tell(r, HM_CARRY_START, HM_STR(""), -1);
	if (rc == 0 && r->mod->gen->retired)
		hm_remote_tell(r, HM_CARRY_RETIRE, HM_STR(""), -1);
	if (rc < 0)
		hm_remote_bury(r);
	r->restarting = false;
	hm_buf_release(&def);
	hm_arena_free(arena);
	if (r->pid != 0) {
		hm_log(HM_LOG_INFO, "an isolated module runs again",
		    hm_f("module", r->name), hm_f("pid", r->pid));
		return;
	}
	if (rc < 0)
		hm_log(HM_LOG_ERROR, "an isolated module cannot be started "
		    "again", hm_f("module", r->name), hm_f("why", err.text));
	if (!hm_fiber_cancelled())
		hm_remote_plan_restart(r);
}

void
hm_remote_restart(void *arg)
{
	struct hm_remote *r = arg;

	r->timer = NULL;
	hm_fiber_start(r->mod, "restart", restart_fiber, r);
}

/* ---- code ---- */

static struct hm_remote_count *
count_of(struct hm_core *core, const char *name)
{
	struct hm_remote_count *c;

	for (c = core->remote_counts; c != NULL; c = c->next)
		if (strcmp(c->module, name) == 0)
			return c;
	c = hm_new(core->arena, struct hm_remote_count);
	c->module = hm_strdup(core->arena, name);
	c->next = core->remote_counts;
	core->remote_counts = c;
	return c;
}

static struct hm_remote *
remote_new(struct hm_code *code, const struct hm_remote_opts *opts)
{
	struct hm_remote *r = hm_xalloc(sizeof(*r));

	r->core = code->core;
	r->code = code;
	r->arena = hm_arena_new(NULL, "remote");
	r->name = hm_xstrdup(code->name);
	r->path = hm_xstrdup(code->path);
	r->file = hm_xstrdup(code->copy != NULL ? code->copy : code->path);
	r->opts = *opts;
	r->count = count_of(code->core, code->name);
	r->output = -1;
	r->channel.fd = -1;
	r->channel.strict = true;
	r->channel.packet = hm_remote_packet;
	r->channel.ended = hm_remote_ended;
	r->channel.arg = r;
	r->next = code->core->remotes;
	code->core->remotes = r;
	return r;
}

/* What it says of itself becomes the code's definition. */
static int
describe(struct hm_remote *r, struct hm_str in, struct hm_err *reterr)
{
	struct hm_carry_def said;

	if (hm_carry_take_def(r->arena, in, &said) < 0)
		return hm_err_set(reterr, -HM_ECORRUPT, "its process sent what "
		    "no module sends");
	if (said.refused != NULL)
		return hm_err_set(reterr, -HM_EUNSUPPORTED, "it cannot run in a "
		    "process of its own, because %s: remove \"isolate: yes\"",
		    said.refused);
	hm_remote_hooks(&said.def);
	said.def.open = remote_open;
	said.def.start = remote_start;
	said.def.retire = remote_retire;
	said.def.close = remote_close;
	return hm_module_check(&said.def, r->name, r->path, &r->code->def,
	    reterr);
}

static int
remote_load(struct hm_code *code, const struct hm_remote_opts *opts,
    struct hm_err *reterr)
{
	struct hm_remote *r = remote_new(code, opts);
	struct hm_buf def = { 0 };
	struct hm_err err = { 0 };
	int rc;

	code->remote = r;
	rc = hm_remote_launch(r, &def, &err);
	if (rc == 0)
		rc = describe(r, hm_buf_view(&def), &err);
	hm_buf_release(&def);
	if (rc < 0)
		return hm_err_set(reterr, rc, "%s", err.text);
	return 0;
}

static void
remote_unload(struct hm_code *code)
{
	struct hm_remote *r = code->remote;

	r->code = NULL;
	r->mod = NULL;
	/* One that was never opened has nothing to close. */
	if (r->life != HM_REMOTE_ENDING || r->pid == 0)
		hm_remote_finish(r);
}

static void
remote_end_all(struct hm_core *core)
{
	for (struct hm_remote *r = core->remotes; r != NULL; r = r->next)
		if (r->pid > 0)
			hm_spawn_end(r->pid);
}

const struct hm_remote_ops hm_isolate = {
	.load = remote_load, .unload = remote_unload,
	.configure = remote_configure, .end_all = remote_end_all,
};

/* ---- what commands show ---- */

const char *
hm_remote_text(struct hm_code *code, enum hm_remote_text what,
    struct hm_arena *arena)
{
	struct hm_buf out = { 0 }, answer = { 0 };
	struct hm_str text = HM_STR("");
	char *copy;

	hm_buf_varint(&out, what);
	if (hm_remote_ask(code->remote, HM_CARRY_TEXT, hm_buf_view(&out), -1,
	    HM_REMOTE_LOAD_MS, &answer) == 0)
		text = hm_buf_view(&answer);
	copy = hm_strndup(arena, text.p != NULL ? text.p : "", text.len);
	for (char *p = copy; *p != '\0'; p++)
		if (((unsigned char)*p < 0x20 && *p != '\n' && *p != '\t') ||
		    *p == 0x7f)
			*p = '?';
	hm_buf_release(&out);
	hm_buf_release(&answer);
	return copy;
}

const char *
hm_remote_state(const struct hm_code *code, struct hm_arena *arena)
{
	const struct hm_remote *r = code->remote;

	if (r->pid == 0)
		return hm_printf(arena, "isolated, no process now, %u %s",
		    r->restarts, r->restarts == 1 ? "restart" : "restarts");
	return hm_printf(arena, "isolated, pid %d, %u %s", (int)r->pid,
	    r->restarts, r->restarts == 1 ? "restart" : "restarts");
}
