/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_PKI_WATCH_H
#define DTS_PKI_WATCH_H 1

/* Replacing the files of TLS (pki.h) while a daemon runs. */

struct pki;

/* From now on 'pki', which was used, is watched. */
void pki_watch(const struct pki *);
void pki_watch_run(void);
void pki_watch_wait(void);

/* Returns why the certificate in the file 'certificate' cannot be used with
 * the key in 'private_key', to be freed, or NULL. */
char *pki_check_pair(const char *private_key, const char *certificate);

#endif /* pki-watch.h */
