/* SPDX-License-Identifier: Apache-2.0 */

/* `dts-ctl check`: this node's certificate.  Peers and access rules compare
 * the name in it with the node's, and a certificate that has expired is
 * noticed when it is needed most: at the next connection. */

#include <config.h>
#include "check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef HAVE_OPENSSL
#include <openssl/pem.h>
#include <openssl/x509.h>
#endif

#include "util.h"

/* One of the three files, whether it is there or not.  '*path' is how it is to
 * be opened (to be freed): what the command line names is there as it stands,
 * the default may be below $DTS_CHECK_ROOT. */
static const char *
pki_file(const char *given, const char *usual, char **path)
{
    *path = given ? xstrdup(given) : machine_path(usual);
    return given ? given : usual;
}

char *
make_new_certificate(const struct check *c)
{
    const char *node = c->node ? c->node : "NODE";

    return xasprintf("where the authority is: dts-ctl pki-init --renew %s; "
                     "copy the files here: dts-ctl pki-install %s DIRECTORY",
                     node, node);
}

static void
check_key(struct check *c)
{
    char *path;
    const char *key_file = pki_file(settings.pki.private_key,
                                    DTS_PKI_PRIVATE_KEY, &path);
    struct stat st;

    if (stat(path, &st)) {
        check_bad(&c->lines, CHECK_FAIL, "pki", make_new_certificate(c),
                  "%s: %s", key_file,
                  ovs_strerror(errno));
    } else if (st.st_mode & (S_IRWXG | S_IRWXO)) {
        check_bad(&c->lines, CHECK_WARN, "pki", xasprintf("chmod 600 %s",
                  key_file),
                  "others than its owner may read the private key");
    }
    free(path);

    const char *ca_file = pki_file(settings.pki.ca_cert, DTS_PKI_CA_CERT,
                                   &path);
    if (access(path, R_OK)) {
        check_bad(&c->lines, CHECK_FAIL, "pki", xasprintf(
                  "copy the authority's certificate there "
                  "(/var/lib/openvswitch/pki/switchca/cacert.pem)"),
                  "%s: %s", ca_file, ovs_strerror(errno));
    }
    free(path);
}

#ifdef HAVE_OPENSSL
static void
check_x509(struct check *c, X509 *cert)
{
    char name[256] = "";
    time_t soon = time(NULL) + 30 * 24 * 3600;
    const ASN1_TIME *end = X509_get0_notAfter(cert);

    X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName,
                              name, sizeof name);
    if (c->node && strcmp(name, c->node)) {
        check_bad(&c->lines, CHECK_FAIL, "pki", make_new_certificate(c),
                  "this node's certificate is for \"%s\", not for %s: peers "
                  "refuse it", name, c->node);
    } else if (X509_cmp_current_time(X509_get0_notBefore(cert)) > 0) {
        check_bad(&c->lines, CHECK_FAIL, "pki",
                  xstrdup("look at the clock (date), "
                  "here and where the certificate was made"),
                  "this node's certificate is not valid yet");
    } else if (X509_cmp_current_time(end) < 0) {
        check_bad(&c->lines, CHECK_FAIL, "pki", make_new_certificate(c),
                  "this node's certificate has expired");
    } else if (X509_cmp_time(end, &soon) < 0) {
        check_bad(&c->lines, CHECK_WARN, "pki", make_new_certificate(c),
                  "this node's certificate expires within 30 days");
    } else {
        check_ok(&c->lines, "pki", "the certificate is for %s", name);
    }
}
#endif

void
check_pki(struct check *c)
{
    char *path;
    const char *cert_file = pki_file(settings.pki.certificate,
                                     DTS_PKI_CERTIFICATE, &path);
    bool wanted = c->remote && strstr(c->remote, "ssl:");

    if (!wanted && access(path, F_OK)) {
        free(path);
        return;
    }

    FILE *file = fopen(path, "r");
    if (!file) {
        check_bad(&c->lines, CHECK_FAIL, "pki", make_new_certificate(c),
                  "%s: %s", cert_file,
                  ovs_strerror(errno));
    }
#ifdef HAVE_OPENSSL
    X509 *cert = file ? PEM_read_X509(file, NULL, NULL, NULL) : NULL;
    if (cert) {
        check_x509(c, cert);
        X509_free(cert);
    } else if (file) {
        check_bad(&c->lines, CHECK_FAIL, "pki", make_new_certificate(c),
                  "%s is not a certificate", cert_file);
    }
#endif
    if (file) {
        fclose(file);
    }
    check_key(c);
    free(path);
}
