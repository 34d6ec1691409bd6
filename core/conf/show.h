/* show.h - the settings in force, and where each one comes from. */
#ifndef HM_CONF_SHOW_H
#define HM_CONF_SHOW_H

#include <hermod/conf.h>

/* Writes a filled struct as YAML, a line for each option:
 *   timeout: 5m  # conf.d/smtp.yaml:7
 *   greeting: "Hello, world"  # default
 * map: what it was built from, or NULL. Secrets are written as (secret). depth:
 * how many levels to indent. */
void hm_conf_show(struct hm_buf *out, const struct hm_opt *table,
    const void *conf, const struct hm_node *map, unsigned depth);

#endif
