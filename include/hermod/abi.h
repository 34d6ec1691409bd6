/* abi.h - the version of everything under include/hermod.
 *
 * A module built against MAJOR.minor loads into a core of the same MAJOR whose
 * minor is equal or higher. Hooks are appended to hooks.def, enums have new values
 * behind the old ones, functions never change their type. Structs that carry
 * their size (hm_module_def, hm_NAME_ops) and hm_server grow at their ends; all
 * others are made by one side and filled, copied or counted by the other, so they
 * keep their size for ever. What breaks this raises MAJOR.
 *
 * Log of changes, newest first:
 *   1.1  2026-11-29  blob_missing.h; hm_kv_ops: lost, found
 *   1.1  2026-11-29  blob_room.h
 *   1.1  2026-11-28  hm_view_set_packed()
 *   1.1  2026-11-28  blob_records.h
 *   1.1  2026-11-28  enum hm_mail_kind; hm_queue_item, hm_queue_event, hm_attempt,
 *                    hm_tls_result: kind; HM_SMTP_TLS_OFFERED
 *   1.1  2026-11-28  hm_kv_ops: covers, cover; HM_BLOB_LINKED
 *   1.1  2026-11-28  hm_io_peer_uid(), hm_fiber_main(); hm_smtp_client_ops: ehlo
 *   1.1  2026-11-28  hm_tls_policy: dane_text, dane_fault; hm_smtp_client_ops:
 *                    verify_tlsa; hm_tls_leaf()
 *   1.1  2026-11-28  service smtp_client; smtp_transport.h;
 *                    hm_io_tls_peer_certs, hm_io_tls_verify
 *   1.1  2026-11-28  blob_holds.h; hm_directory_ops: route, domains;
 *                    hm_value_time, hm_strlist_has_domain
 *   1.1  2026-11-28  dns.h: hm_dns_want(); hook dns_records
 *   1.1  2026-11-28  hm_fdwatch_start(), hm_fdwatch_stop()
 *   1.1  2026-11-28  outbound.h; hooks route, tls_policy, queued, attempt,
 *                    delivered, deferred, bounced, tls_result, domain_changed;
 *                    HM_NEED_ALL; services queue, transport
 *   1.1  2026-11-28  hm_blob_ops: read_many; hm_store_ops: bodies
 *   1.1  2026-11-28  dns.h: names, records and answers; service resolver
 *   1.1  2026-11-28  dir.h; hm_kv_ops: repair
 *   1.1  2026-11-28  metrics.h; hm_module_def: metrics, metrics_size
 *   1.1  2026-11-28  hm_session_idle()
 *   1.1  2026-11-28  hm_opt: writes, in what was padding
 *   1.1  2026-11-28  hook report; smtp_transport.h: hm_smtp_relays_open()
 *   1.0  2026-11-20  first version
 */
#ifndef HERMOD_ABI_H
#define HERMOD_ABI_H

#define HM_ABI_MAJOR 1
#define HM_ABI_MINOR 1

#endif
