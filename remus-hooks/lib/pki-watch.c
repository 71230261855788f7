/* SPDX-License-Identifier: Apache-2.0 */

/* The key and certificates of a daemon are replaced while it runs: a certificate
 * that expires must not take a restart.
 *
 * libopenvswitch reads a file again when it is told of it again and it has
 * changed.  But a key and its certificate are two files, changed one after the
 * other: in between the pair does not fit, and stream_ssl_set_key_and_cert()
 * would note the first and then miss the second.  So they are loaded only when
 * nothing has changed for a while and they fit each other; until then the old
 * ones stay in use.  Connections that are there go on as they are. */

#include <config.h>
#include "pki-watch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#ifdef HAVE_OPENSSL
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#endif

#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "pki.h"
#include "stream-ssl.h"
#include "timeval.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(pki_watch);

/* How often the files are looked at; what has changed must stay the same for
 * that long. */
#define CHECK_MS 2000

/* What tells that a file is another one. */
struct stamp {
    dev_t dev;
    ino_t ino;
    off_t size;
    struct timespec mtime;
};

#define N_FILES 3

static struct pki files;
static struct stamp loaded[N_FILES], seen[N_FILES];
static char *complaint;                 /* About what is there now. */
static long long int next_check;

static void
read_stamps(struct stamp stamps[N_FILES])
{
    const char *const names[N_FILES] = {
        files.private_key, files.certificate, files.ca_cert,
    };

    memset(stamps, 0, N_FILES * sizeof *stamps);
    for (int i = 0; i < N_FILES; i++) {
        struct stat st;

        if (names[i] && !stat(names[i], &st)) {
            stamps[i].dev = st.st_dev;
            stamps[i].ino = st.st_ino;
            stamps[i].size = st.st_size;
            stamps[i].mtime = st.st_mtim;
        }
    }
}

void
pki_watch(const struct pki *pki)
{
    files = *pki;
    read_stamps(loaded);
    memcpy(seen, loaded, sizeof seen);
}

void
pki_watch_run(void)
{
    struct stamp now[N_FILES];

    if (time_msec() < next_check
        || !files.private_key || !files.certificate) {
        return;
    }
    next_check = time_msec() + CHECK_MS;

    read_stamps(now);
    if (memcmp(now, seen, sizeof now)) {
        memcpy(seen, now, sizeof seen);
        free(complaint);
        complaint = NULL;
        return;                 /* Perhaps more is to come. */
    }
    if (!memcmp(now, loaded, sizeof now) || complaint) {
        return;
    }
    complaint = pki_check_pair(files.private_key, files.certificate);
    if (complaint) {
        VLOG_WARN("%s; the old key and certificate stay in use", complaint);
        return;
    }
    /* The certificate first: that puts away a key which does not fit it. */
    stream_ssl_set_certificate_file(files.certificate);
    stream_ssl_set_private_key_file(files.private_key);
    if (files.ca_cert && !files.bootstrap_ca) {
        stream_ssl_set_ca_cert_file(files.ca_cert, false);
    }
    memcpy(loaded, now, sizeof loaded);
    VLOG_INFO("%s, its key and the authority's certificate were changed: new "
              "connections use them", files.certificate);
}

void
pki_watch_wait(void)
{
    if (files.private_key && files.certificate) {
        poll_timer_wait_until(next_check);
    }
}

#ifdef HAVE_OPENSSL
char *
pki_check_pair(const char *private_key, const char *certificate)
{
    FILE *key_file = fopen(private_key, "r");
    FILE *cert_file = fopen(certificate, "r");
    EVP_PKEY *key = NULL;
    X509 *cert = NULL;
    char *error = NULL;

    if (!key_file || !cert_file) {
        error = xasprintf("%s: %s", key_file ? certificate : private_key,
                          ovs_strerror(errno));
    } else if (!(key = PEM_read_PrivateKey(key_file, NULL, NULL, NULL))) {
        error = xasprintf("%s is not a private key", private_key);
    } else if (!(cert = PEM_read_X509(cert_file, NULL, NULL, NULL))) {
        error = xasprintf("%s is not a certificate", certificate);
    } else if (X509_check_private_key(cert, key) != 1) {
        error = xasprintf("%s is not the certificate of the key %s",
                          certificate, private_key);
    }
    ERR_clear_error();          /* It is not libopenvswitch's. */
    X509_free(cert);
    EVP_PKEY_free(key);
    if (key_file) {
        fclose(key_file);
    }
    if (cert_file) {
        fclose(cert_file);
    }
    return error;
}
#else
char *
pki_check_pair(const char *private_key OVS_UNUSED,
               const char *certificate OVS_UNUSED)
{
    return xstrdup("built without TLS");
}
#endif
