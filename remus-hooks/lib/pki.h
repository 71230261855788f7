/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DTS_PKI_H
#define DTS_PKI_H 1

/* The files of TLS, the same for all of our programs: what the command line
 * names, and else what is in the usual place. */

#include <stdbool.h>

#define DTS_PKI_DIR DTS_SYSCONFDIR "/pki"
#define DTS_PKI_PRIVATE_KEY DTS_PKI_DIR "/privkey.pem"
#define DTS_PKI_CERTIFICATE DTS_PKI_DIR "/cert.pem"
#define DTS_PKI_CA_CERT DTS_PKI_DIR "/cacert.pem"

struct pki {
    const char *private_key, *certificate, *ca_cert;    /* NULL: none. */
    bool bootstrap_ca;          /* 'ca_cert' is yet to be got. */
};

/* Takes what is not named from the usual place, if it is there. */
void pki_complete(struct pki *);
/* True if TLS is possible with it. */
bool pki_is_complete(const struct pki *);
/* Tells the TLS library.  A daemon that is to follow the files as they change
 * watches them: pki-watch.h. */
void pki_use(const struct pki *);

#endif /* pki.h */
