/* model.h - random changes, done to a store and to a simple model of it, and
 * compared. */
#ifndef STORE_T_MODEL_H
#define STORE_T_MODEL_H

#include "kit.h"

struct model;

struct model *model_new(uint64_t seed);
void model_free(struct model *m);
/* One random change to both. False, with a diagnostic, when results differ. */
bool model_step(struct model *m, struct kit *k);
/* Whether the store is as the model says, now and in what changed since the
 * last call. */
bool model_compare(struct model *m, struct kit *k);
/* Forgets views; before the kit is stopped. */
void model_drop_views(struct model *m);

#endif
