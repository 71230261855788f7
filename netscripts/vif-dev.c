/* SPDX-License-Identifier: Apache-2.0 */
/* The network device itself, by ioctl.
 *
 * A vif is a cable into the guest: dom0 must not talk on it.  So it gets the
 * highest address that is no multicast (FE:FF:FF:FF:FF:FF, as in Xen's
 * scripts), and the kernel makes no IPv6 address of its own there: otherwise
 * dom0 would send router solicitations to the guest. */

#include <config.h>

#include "vif-dev.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util.h"

static const unsigned char quiet_mac[6]
    = { 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff };

static int
request(const char *name, unsigned long int req, struct ifreq *ifr)
{
    static int fd = -1;

    if (fd < 0) {
        fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd < 0) {
            return errno;
        }
    }
    ovs_strzcpy(ifr->ifr_name, name, sizeof ifr->ifr_name);
    return ioctl(fd, req, ifr) ? errno : 0;
}

static char *
failed(const char *name, const char *what, int error)
{
    return error ? xasprintf("%s: %s: %s", name, what, strerror(error)) : NULL;
}

char *
vif_dev_set_up(const char *name, bool up)
{
    struct ifreq ifr;
    int error;

    memset(&ifr, 0, sizeof ifr);
    error = request(name, SIOCGIFFLAGS, &ifr);
    if (!error && !(ifr.ifr_flags & IFF_UP) == up) {
        ifr.ifr_flags ^= IFF_UP;
        error = request(name, SIOCSIFFLAGS, &ifr);
    }
    return failed(name, up ? "cannot be taken up" : "cannot be taken down",
                  error);
}

/* No IPv6 address by itself; does nothing when the kernel has no IPv6. */
static void
no_address(const char *name)
{
    char path[64 + IFNAMSIZ];
    int fd;

    snprintf(path, sizeof path, "/proc/sys/net/ipv6/conf/%s/addr_gen_mode",
             name);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd >= 0) {
        ignore(write(fd, "1", 1));
        close(fd);
    }
}

char *
vif_dev_prepare(const char *name)
{
    struct ifreq ifr;
    char *error = vif_dev_set_up(name, false);

    if (error) {
        return error;
    }
    no_address(name);
    memset(&ifr, 0, sizeof ifr);
    if (!request(name, SIOCGIFHWADDR, &ifr)
        && ifr.ifr_hwaddr.sa_family == ARPHRD_ETHER
        && memcmp(ifr.ifr_hwaddr.sa_data, quiet_mac, sizeof quiet_mac)) {
        memcpy(ifr.ifr_hwaddr.sa_data, quiet_mac, sizeof quiet_mac);
        /* Some drivers refuse; as in Xen's scripts, that is no reason to. */
        request(name, SIOCSIFHWADDR, &ifr);
    }
    return NULL;
}

char *
vif_dev_rename(const char *from, const char *to)
{
    struct ifreq ifr;

    memset(&ifr, 0, sizeof ifr);
    ovs_strzcpy(ifr.ifr_newname, to, sizeof ifr.ifr_newname);
    return failed(from, "cannot be renamed", request(from, SIOCSIFNAME, &ifr));
}

char *
vif_dev_set_mtu(const char *name, int mtu)
{
    struct ifreq ifr;
    int error;

    memset(&ifr, 0, sizeof ifr);
    error = request(name, SIOCGIFMTU, &ifr);
    if (!error && ifr.ifr_mtu != mtu) {
        ifr.ifr_mtu = mtu;
        error = request(name, SIOCSIFMTU, &ifr);
    }
    return failed(name, "cannot take that MTU", error);
}
