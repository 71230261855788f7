/* SPDX-License-Identifier: Apache-2.0 */

/* pki-init, pki-install: the nodes' keys and certificates.
 *
 * ovs-pki makes them; what is needed here is that it is called rightly (the
 * rules of the database compare the certificate's name with the node's, and
 * without -u ovs-pki adds to it), and that files are put in place in an order
 * that daemons which are running can follow. */

#include <config.h>
#include "pki-ctl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef HAVE_OPENSSL
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#endif

#include "check.h"
#include "ctl.h"
#include "pki-watch.h"
#include "util.h"

#define MAX_PEM 65536

/* In the order in which they are put in place.  The key is the last:
 * ovsdb-server looks at the certificate only when it sees another key, and in
 * between it must not have seen that. */
enum { CA_CERT, CERTIFICATE, PRIVATE_KEY, N_FILES };

static char *
default_dir(void)
{
    return machine_path(DTS_LOCALSTATEDIR "/pki");
}

static bool
name_is_proper(const char *name)
{
    size_t n = strlen(name);

    return (n && n < 64 && name[0] != '-' && name[0] != '.'
            && n == strspn(name, "abcdefghijklmnopqrstuvwxyz"
                           "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"));
}

/* Runs ovs-pki in 'dir', quietly.  Returns true if it ended with 0. */
static bool
run_ovs_pki(const char *dir, const char *command, const char *name)
{
    char *ca = xasprintf("%s/ca", dir);
    char *log = xasprintf("%s/ovs-pki.log", dir);
    const char *const argv[] = {
        "ovs-pki", "-d", ca, "-l", log, "-u", command, name,
        name ? "switch" : NULL, NULL,
    };
    int status = -1;
    pid_t pid;

    fflush(NULL);
    pid = fork();
    if (!pid) {
        int null = open("/dev/null", O_RDWR);

        umask(077);
        if (null < 0 || chdir(dir) || dup2(null, 0) < 0 || dup2(null, 1) < 0
            || dup2(null, 2) < 0) {
            _exit(126);
        }
        execvp(argv[0], (char *const *) argv);
        _exit(127);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid) {
        status = -1;
    }
    free(ca);
    free(log);
    return !status;
}

static bool
is_there(const char *dir, const char *format, const char *name)
{
    char *file = xasprintf(format, dir, name);
    bool there = !access(file, F_OK);

    free(file);
    return there;
}

/* Copies 'from' to 'to', which appears whole or not at all. */
static char *
copy_file(const char *from, const char *to, mode_t mode)
{
    char *new = xasprintf("%s.new", to);
    char *buffer = xmalloc(MAX_PEM), *error = NULL;
    int in = open(from, O_RDONLY | O_CLOEXEC), out = -1;
    ssize_t n = in < 0 ? -1 : read(in, buffer, MAX_PEM);

    if (n < 0) {
        error = xasprintf("%s: %s", from, ovs_strerror(errno));
    } else if (n == MAX_PEM) {
        error = xasprintf("%s is too long for a key or certificate", from);
    } else {
        unlink(new);
        out = open(new, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                   mode);
        if (out < 0 || fchmod(out, mode) || write(out, buffer, n) != n
            || fsync(out) || rename(new, to)) {
            error = xasprintf("%s: %s", to, ovs_strerror(errno));
            unlink(new);
        }
    }
    if (in >= 0) {
        close(in);
    }
    if (out >= 0) {
        close(out);
    }
    memset(buffer, 0, MAX_PEM);
    free(buffer);
    free(new);
    return error;
}

static char *
make_node(const char *dir, const char *name)
{
    char *files[] = {
        xasprintf("%s/%s-privkey.pem", dir, name),
        xasprintf("%s/%s-cert.pem", dir, name),
        xasprintf("%s/%s-req.pem", dir, name),
    };
    char *error = NULL;

    /* ovs-pki goes no further when they are there. */
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        unlink(files[i]);
    }
    if (!run_ovs_pki(dir, "req+sign", name)) {
        error = xasprintf("ovs-pki could not make the certificate of %s: see "
                          "%s/ovs-pki.log", name, dir);
    }
    unlink(files[2]);
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        free(files[i]);
    }
    return error;
}

void
cmd_pki_init(struct ctl_context *ctx)
{
    char *dir = (option(ctx, "--dir") ? xstrdup(option(ctx, "--dir"))
                 : default_dir());
    bool renew = has_option(ctx, "--renew");
    char *ca = xasprintf("%s/ca/switchca/cacert.pem", dir);
    char *copy = xasprintf("%s/cacert.pem", dir);
    char *error = NULL;
    int code = DTS_EXIT_REFUSED;

    for (int i = 1; i < ctx->argc && !error; i++) {
        if (!name_is_proper(ctx->argv[i])) {
            code = DTS_EXIT_USAGE;
            error = xasprintf("\"%s\" cannot be the name of a node",
                              ctx->argv[i]);
        }
    }
    if (!error && dir[0] != '/') {
        code = DTS_EXIT_USAGE;
        error = xasprintf("--dir=%s: give the whole path", dir);
    }
    if (error || settings.dry_run) {
        goto out;
    }
    if (mkdir(dir, 0700) && errno != EEXIST) {
        error = xasprintf("%s: %s", dir, ovs_strerror(errno));
        goto out;
    }
    if (!access(ca, F_OK)) {
        ds_put_format(&ctx->output, "authority: %s/ca\n", dir);
    } else if (run_ovs_pki(dir, "init", NULL)) {
        ds_put_format(&ctx->output, "authority: %s/ca (made; whoever has it "
                      "can be any node: keep it off-line if you can)\n", dir);
    } else {
        error = xasprintf("ovs-pki (package openvswitch-common) could not "
                          "make an authority: see %s/ovs-pki.log", dir);
        goto out;
    }
    error = copy_file(ca, copy, 0644);
    for (int i = 1; i < ctx->argc && !error; i++) {
        const char *name = ctx->argv[i];
        bool there = is_there(dir, "%s/%s-cert.pem", name);

        if (!there || renew) {
            error = make_node(dir, name);
        }
        if (!error) {
            ds_put_format(&ctx->output, "%s: %s/%s-cert.pem (%s)\n", name,
                          dir, name, !there ? "made" : renew ? "made anew"
                          : "is there already; --renew makes another");
        }
    }
    if (!error && ctx->argc > 1) {
        ds_put_format(&ctx->output, "on each NODE: copy %s/NODE-privkey.pem, "
                      "NODE-cert.pem and cacert.pem to a directory DIR of "
                      "root's, dts-ctl pki-install NODE DIR, then delete "
                      "both copies of the key\n", dir);
    }
out:
    fail_if(ctx, code, error);
    free(copy);
    free(ca);
    free(dir);
}

#ifdef HAVE_OPENSSL
X509 *
read_certificate(const char *path)
{
    FILE *file = fopen(path, "r");
    X509 *cert = file ? PEM_read_X509(file, NULL, NULL, NULL) : NULL;

    if (file) {
        fclose(file);
    }
    ERR_clear_error();
    return cert;
}

/* Returns why 'cert_file' does not make its holder 'node' for those who trust
 * 'ca_file', to be freed, or NULL. */
static char *
check_certificate(const char *node, const char *cert_file,
                  const char *ca_file)
{
    X509 *cert = read_certificate(cert_file);
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *x = X509_STORE_CTX_new();
    char name[256] = "", *error = NULL;

    if (!cert) {
        error = xasprintf("%s is not a certificate", cert_file);
        goto out;
    }
    X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName,
                              name, sizeof name);
    if (strcmp(name, node)) {
        error = xasprintf("%s is for \"%s\", not for %s", cert_file, name,
                          node);
    } else if (X509_STORE_load_locations(store, ca_file, NULL) != 1) {
        error = xasprintf("%s is not an authority's certificate", ca_file);
    } else if (X509_STORE_CTX_init(x, store, cert, NULL) != 1
               || X509_verify_cert(x) != 1) {
        error = xasprintf("%s is not accepted by those who trust %s: %s",
                          cert_file, ca_file,
                          X509_verify_cert_error_string(
                              X509_STORE_CTX_get_error(x)));
    }
out:
    ERR_clear_error();
    X509_STORE_CTX_free(x);
    X509_STORE_free(store);
    X509_free(cert);
    return error;
}
#else
static char *
check_certificate(const char *node OVS_UNUSED,
                  const char *cert_file OVS_UNUSED,
                  const char *ca_file OVS_UNUSED)
{
    return NULL;
}
#endif

void
cmd_pki_install(struct ctl_context *ctx)
{
    const char *node = ctx->argv[1];
    char *dir = ctx->argc > 2 ? xstrdup(ctx->argv[2]) : default_dir();
    char *to_dir = machine_path(DTS_SYSCONFDIR "/pki");
    char *self = local_ovs_external_id("dts-node", 1000);
    char *from[N_FILES] = {
        [PRIVATE_KEY] = xasprintf("%s/%s-privkey.pem", dir, node),
        [CERTIFICATE] = xasprintf("%s/%s-cert.pem", dir, node),
        [CA_CERT] = xasprintf("%s/cacert.pem", dir),
    };
    char *to[N_FILES] = {
        [PRIVATE_KEY] = xasprintf("%s/privkey.pem", to_dir),
        [CERTIFICATE] = xasprintf("%s/cert.pem", to_dir),
        [CA_CERT] = xasprintf("%s/cacert.pem", to_dir),
    };
    char *error;

    if (self && strcmp(self, node)) {
        error = xasprintf("this is node %s, not %s (external_ids:dts-node)",
                          self, node);
    } else {
        error = pki_check_pair(from[PRIVATE_KEY], from[CERTIFICATE]);
    }
    if (!error) {
        error = check_certificate(node, from[CERTIFICATE],
                                  from[CA_CERT]);
    }
    if (!error && !settings.dry_run) {
        if (mkdir(to_dir, 0700) && errno != EEXIST) {
            error = xasprintf("%s: %s", to_dir, ovs_strerror(errno));
        }
        for (int i = 0; i < N_FILES && !error; i++) {
            error = copy_file(from[i], to[i],
                              i == PRIVATE_KEY ? 0600 : 0644);
        }
    }
    if (!fail_if(ctx, DTS_EXIT_REFUSED, error) && !settings.dry_run) {
        ds_put_format(&ctx->output, "installed in %s; daemons that run take "
                      "them for new connections within seconds\n", to_dir);
    }
    for (int i = 0; i < N_FILES; i++) {
        free(from[i]);
        free(to[i]);
    }
    free(self);
    free(to_dir);
    free(dir);
}
