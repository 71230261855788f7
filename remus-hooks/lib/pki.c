/* SPDX-License-Identifier: Apache-2.0 */

/* The files of TLS (pki.h).  What is neither named nor there is left out: not
 * every database is reached by TLS. */

#include <config.h>
#include "pki.h"

#include <stddef.h>
#include <unistd.h>

#include "stream-ssl.h"

static void
complete(const char **file, const char *usual)
{
    if (!*file && !access(usual, R_OK)) {
        *file = usual;
    }
}

void
pki_complete(struct pki *pki)
{
    complete(&pki->private_key, DTS_PKI_PRIVATE_KEY);
    complete(&pki->certificate, DTS_PKI_CERTIFICATE);
    complete(&pki->ca_cert, DTS_PKI_CA_CERT);
}

bool
pki_is_complete(const struct pki *pki)
{
    return pki->private_key && pki->certificate && pki->ca_cert;
}

void
pki_use(const struct pki *pki)
{
    if (pki->private_key) {
        stream_ssl_set_private_key_file(pki->private_key);
    }
    if (pki->certificate) {
        stream_ssl_set_certificate_file(pki->certificate);
    }
    if (pki->ca_cert) {
        stream_ssl_set_ca_cert_file(pki->ca_cert, pki->bootstrap_ca);
    }
}
