/* SPDX-License-Identifier: Apache-2.0 */

/* `dts-ctl check`: what encrypted tunnels need beside the agent: Open vSwitch's
 * IPsec daemon, an IKE daemon that may read this node's certificate, and what
 * the kernel encrypts with.  While one of these is missing, an encrypted tunnel
 * carries nothing. */

#include <config.h>
#include "check.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef HAVE_OPENSSL
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#endif

#include "daemon.h"
#include "dirs.h"
#include "openvswitch/dynamic-string.h"
#include "smap.h"
#include "sset.h"
#include "util.h"
#include "view.h"
#include "vswitch-idl.h"
#include "xfrm-guard.h"

#define CHARON_PID "/run/charon.pid"
#define RESTART "systemctl restart openvswitch-ipsec (encrypted tunnels are " \
                "interrupted meanwhile)"

/* Whether the kernel refuses the tunnel's packets in the clear. */
static void
check_guard(struct check *c, const char *peer,
            const struct ovsrec_interface *iface, const char *remote_ip)
{
    const char *type = !strcmp(iface->type, "ip6gre") ? "gre" : iface->type;
    char *name = xfrm_guard_name(dts_encap_from_string(type), remote_ip);
    struct sset guards = SSET_INITIALIZER(&guards);
    int error = xfrm_guard_read(&guards);

    if (error) {
        check_bad(&c->lines, error == EPERM ? CHECK_WARN : CHECK_FAIL, "ipsec",
                  xstrdup(error == EPERM ? "run dts-ctl check as root"
                          : "a kernel with IPsec (Debian's has it)"),
                  "the kernel's IPsec policies cannot be read (%s)",
                  ovs_strerror(error));
    } else if (sset_contains(&guards, name)) {
        check_ok(&c->lines, "ipsec",
                 "the tunnel to %s is encrypted, and refused in "
                 "the clear", peer);
    } else {
        check_bad(&c->lines, CHECK_FAIL, "ipsec", xstrdup("systemctl restart "
                  "dts-agent; its log is in /var/log/remus-dts"),
                  "the tunnel to %s is to be encrypted, but the kernel would "
                  "take its packets in the clear", peer);
    }
    sset_destroy(&guards);
    free(name);
}

void
check_ipsec_tunnel(struct check *c, const char *peer,
                   const struct ovsrec_interface *iface)
{
    const char *remote_ip = smap_get_def(&iface->options, "remote_ip", "");
    const char *local_ip = smap_get_def(&iface->options, "local_ip", "");
    const char *name = smap_get(&iface->options, "remote_name");
    char *source = source_of(remote_ip);

    if (!name || strcmp(name, peer)) {
        /* (With both roles at both ends it is the liveness tunnel that
         * tells.) */
        const char *role = smap_get_def(&iface->external_ids, "dts-role", "");
        const struct dtsrec_node *node = find_node(c->dts, peer);

        if (name || strcmp(role, "replication") || !node
            || !(node_has_role(node, "gateway")
                 || node_has_role(c->self, "gateway"))) {
            check_bad(&c->lines, CHECK_FAIL, "ipsec",
                      xstrdup("start dts-agent here; "
                      "is it of the same version (dts-ctl check, agent)?"),
                      "the tunnel to %s is to be encrypted, but %s has no "
                      "options:remote_name=%s", peer, iface->name, peer);
        }
        free(source);
        return;
    }
    check_guard(c, peer, iface, remote_ip);
    if (source && local_ip[0] && strcmp(source, local_ip)) {
        check_bad(&c->lines, CHECK_FAIL, "ipsec", xasprintf(
                  "a route to %s with \"src %s\" (ip route), or dts-ctl "
                  "tunnel-set %s %s %s=%s", remote_ip, local_ip, c->node,
                  peer, c->node, source),
                  "the tunnel to %s leaves from %s, but the kernel sends to "
                  "%s from %s: keys are agreed on for that address, and "
                  "nothing passes", peer, local_ip, remote_ip, source);
    }
    free(source);
}

/* The process whose id is in 'path' lives. */
static bool
is_running(const char *path)
{
    char *p = machine_path(path);
    FILE *file = fopen(p, "r");
    int pid = 0;
    bool yes = (file && fscanf(file, "%d", &pid) == 1 && pid > 0
                && (!kill(pid, 0) || errno == EPERM));

    if (file) {
        fclose(file);
    }
    free(p);
    return yes;
}

static void
check_daemons(struct check *c)
{
    char *pidfile = xasprintf("%s/ovs-monitor-ipsec.pid", ovs_rundir());
    char *ipsec = machine_path("/usr/sbin/ipsec");

    if (!access(pidfile, R_OK) && read_pidfile(pidfile) > 0) {
        check_ok(&c->lines, "ipsec", "Open vSwitch's IPsec daemon runs");
    } else {
        check_bad(&c->lines, CHECK_FAIL, "ipsec", xstrdup("apt install "
                  "openvswitch-ipsec; systemctl enable --now "
                  "openvswitch-ipsec"),
                  "Open vSwitch's IPsec daemon, ovs-monitor-ipsec, does not "
                  "run (%s): encrypted tunnels carry nothing", pidfile);
    }
    if (access(ipsec, X_OK)) {
        check_bad(&c->lines, CHECK_FAIL, "ipsec",
                  xstrdup("apt install strongswan; "
                  "systemctl restart openvswitch-ipsec"),
                  "there is no /usr/sbin/ipsec: nobody agrees on keys");
    } else if (is_running(CHARON_PID) || is_running("/run/pluto/pluto.pid")) {
        check_ok(&c->lines, "ipsec", "an IKE daemon runs");
    } else {
        check_bad(&c->lines, CHECK_FAIL, "ipsec", xstrdup("systemctl restart "
                  "openvswitch-ipsec; journalctl -t charon"),
                  "strongSwan's charon does not run (%s)", CHARON_PID);
    }
    free(ipsec);
    free(pidfile);
}

#ifdef HAVE_OPENSSL
/* Whether 'cert' names 'node' as a DNS name, which is where IKE looks. */
static bool
has_alt_name(X509 *cert, const char *node)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL,
                                            NULL);
    bool found = false;

    for (int i = 0; names && i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

        if (name->type == GEN_DNS) {
            const char *s = (const char *)
                ASN1_STRING_get0_data(name->d.dNSName);
            size_t n = ASN1_STRING_length(name->d.dNSName);
            found |= n == strlen(node) && !memcmp(s, node, n);
        }
    }
    GENERAL_NAMES_free(names);
    return found;
}

static void
check_certificate(struct check *c, const char *path)
{
    X509 *cert = read_certificate(path);
    X509_NAME *subject = cert ? X509_get_subject_name(cert) : NULL;
    char name[256] = "";

    if (!cert) {
        check_bad(&c->lines, CHECK_FAIL, "ipsec", make_new_certificate(c),
                  "%s, which Open vSwitch's other_config names, is not a "
                  "certificate", path);
        goto out;
    }
    X509_NAME_get_text_by_NID(subject, NID_commonName, name, sizeof name);
    if (strcmp(name, c->node) || !has_alt_name(cert, c->node)) {
        check_bad(&c->lines, CHECK_FAIL, "ipsec", make_new_certificate(c),
                  "%s does not have %s both as its name and as a DNS name: "
                  "the other ends refuse it", path, c->node);
    } else if (X509_NAME_get_index_by_NID(subject, NID_commonName, -1) < 1) {
        /* It looks for "CN=NAME,". */
        check_bad(&c->lines, CHECK_WARN, "ipsec", make_new_certificate(c),
                  "the name is all that the subject of %s has: Open vSwitch "
                  "3.1's IPsec daemon does not find it there", path);
    } else {
        check_ok(&c->lines, "ipsec", "the certificate is for %s", name);
    }
out:
    ERR_clear_error();
    X509_free(cert);
}
#else
static void
check_certificate(struct check *c OVS_UNUSED, const char *path OVS_UNUSED)
{
}
#endif

/* What is in 'path', to be freed; "" if it cannot be read. */
static char *
read_file(const char *path)
{
    char *p = machine_path(path);
    FILE *file = fopen(p, "r");
    struct ds line = DS_EMPTY_INITIALIZER;
    struct ds all = DS_EMPTY_INITIALIZER;

    while (file && !ds_get_line(&line, file)) {
        ds_put_format(&all, "%s\n", ds_cstr(&line));
    }
    if (file) {
        fclose(file);
    }
    ds_destroy(&line);
    free(p);
    return ds_steal_cstr(&all);
}

#ifdef HAVE_OPENSSL
/* Open vSwitch 3.1 names the authority to strongSwan in a way in which
 * strongSwan (5.9) does not load it (a section "ca" without "auto=add"): what
 * it trusts is what is in a directory of its own. */
static void
check_authority(struct check *c, const char *ca_cert)
{
    char *dir_path = machine_path("/etc/ipsec.d/cacerts");
    char *link_path = xasprintf("%s/remus-dts.pem", dir_path);
    X509 *ca = read_certificate(ca_cert);
    DIR *dir = opendir(dir_path);
    struct dirent *e;
    bool found = false;

    while (dir && !found && (e = readdir(dir))) {
        char *path = xasprintf("%s/%s", dir_path, e->d_name);
        X509 *cert = e->d_name[0] != '.' ? read_certificate(path) : NULL;

        found = cert && ca && !X509_cmp(cert, ca);
        X509_free(cert);
        free(path);
    }
    if (dir) {
        closedir(dir);
    }
    if (!found && dir && c->repair && !symlink(ca_cert, link_path)) {
        check_bad(&c->lines, CHECK_WARN, "ipsec",
                  xstrdup("ipsec rereadcacerts"),
                  "strongSwan's directory of authorities now leads to %s "
                  "(repaired)", ca_cert);
    } else if (!found) {
        check_bad(&c->lines, CHECK_FAIL, "ipsec", xasprintf(
                  "ln -s %s /etc/ipsec.d/cacerts/remus-dts.pem; ipsec "
                  "rereadcacerts", ca_cert),
                  "strongSwan does not trust the nodes' authority: it is not "
                  "in /etc/ipsec.d/cacerts");
    }
    X509_free(ca);
    free(link_path);
    free(dir_path);
}
#else
static void
check_authority(struct check *c OVS_UNUSED, const char *ca_cert OVS_UNUSED)
{
}
#endif

/* Debian confines charon: it reads certificates in /etc/ipsec.d only. */
static void
check_apparmor(struct check *c, const char *path)
{
    static const char rules[] = "/etc/apparmor.d/local/usr.lib.ipsec.charon";
    char *loaded = read_file("/sys/kernel/security/apparmor/profiles");
    char *dir = dir_name(path);
    char *own = read_file(rules);

    if (strstr(loaded, "/usr/lib/ipsec/charon (enforce)")
        && strncmp(path, "/etc/ipsec.d/", 13) && !strstr(own, dir)) {
        check_bad(&c->lines, CHECK_FAIL, "ipsec", xasprintf(
                  "echo '%s/* r,' >>%s; apparmor_parser -r "
                  "/etc/apparmor.d/usr.lib.ipsec.charon; systemctl restart "
                  "openvswitch-ipsec", dir, rules),
                  "AppArmor does not let strongSwan's charon read %s", dir);
    }
    free(own);
    free(dir);
    free(loaded);
}

/* strongSwan reads a certificate when it is told of the first tunnel. */
static void
check_age(struct check *c, const char *path)
{
    char *pidfile = machine_path(CHARON_PID);
    struct stat cert, charon;

    if (!stat(path, &cert) && !stat(pidfile, &charon)
        && cert.st_mtime > charon.st_mtime) {
        check_bad(&c->lines, CHECK_WARN, "ipsec", xstrdup(RESTART),
                  "%s was replaced since strongSwan has started, which may still "
                  "have the one before",
                  path);
    }
    free(pidfile);
}

static void
check_files(struct check *c)
{
    static const char *const keys[] = { "certificate", "private_key",
                                        "ca_cert" };
    const struct ovsrec_open_vswitch *ovs = ovsrec_open_vswitch_first(c->ovs);

    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        const char *path = smap_get(&ovs->other_config, keys[i]);

        if (!path) {
            check_bad(&c->lines, CHECK_FAIL, "ipsec", xasprintf(
                      "start dts-agent here, with this node's certificate "
                      "(dts-ctl pki-install %s), or, for other files: "
                      "ovs-vsctl set Open_vSwitch . other_config:"
                      "certificate=FILE other_config:private_key=FILE "
                      "other_config:ca_cert=FILE", c->node),
                      "Open vSwitch is not told the %s for encrypted tunnels",
                      keys[i]);
            return;
        } else if (access(path, R_OK)) {
            check_bad(&c->lines, CHECK_FAIL, "ipsec", xasprintf(
                      "dts-ctl pki-install %s", c->node),
                      "other_config:%s of Open vSwitch, %s: %s", keys[i],
                      path, ovs_strerror(errno));
            return;
        }
    }
    const char *path = smap_get(&ovs->other_config, keys[0]);
    check_certificate(c, path);
    check_authority(c, smap_get(&ovs->other_config, keys[2]));
    check_apparmor(c, path);
    check_age(c, path);
}

void
check_ipsec(struct check *c)
{
    static const char why[] = "encrypted tunnels carry nothing";

    if ((!c->encrypted4 && !c->encrypted6) || c->userspace || !c->node) {
        return;
    }
    check_daemons(c);
    check_module(c, "xfrm_user", why, CHECK_FAIL);
    if (c->encrypted4) {
        check_module(c, "esp4", why, CHECK_FAIL);
    }
    if (c->encrypted6) {
        check_module(c, "esp6", why, CHECK_FAIL);
    }
    check_files(c);
}
