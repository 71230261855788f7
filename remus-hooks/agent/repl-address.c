/* SPDX-License-Identifier: Apache-2.0 */

/* The address of the local end of tunnel 1.
 *
 * Open vSwitch makes the interface (type internal) but gives it no address;
 * that is the host's affair, and after each restart of ovs-vswitchd with the
 * userspace datapath it is a new interface.  So it is looked at now and then
 * and put right: two or three system calls that do not wait for anything. */

#include <config.h>

#include "ovs-local.h"

#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netdev-exists.h"
#include "openvswitch/vlog.h"
#include "packets.h"
#include "socket-util.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(repl_address);

/* 169.254.64.0/20. */
#define PREFIX_LEN 20

static void
set_in4(struct ifreq *ifr, ovs_be32 ip)
{
    struct sockaddr_in *sin = ALIGNED_CAST(struct sockaddr_in *,
                                           &ifr->ifr_addr);
    memset(sin, 0, sizeof *sin);
    sin->sin_family = AF_INET;
    sin->sin_addr.s_addr = ip;
}

static ovs_be32
get_in4(const struct ifreq *ifr)
{
    struct sockaddr_in sin;

    memcpy(&sin, &ifr->ifr_addr, sizeof sin);
    return sin.sin_addr.s_addr;
}

/* Makes sure that 'interface' is up and has address 'ip'; false if it is not
 * there (yet) or refuses. */
bool
repl_address_apply(const char *interface, const char *ip)
{
    static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(1, 3);
    ovs_be32 want;
    struct ifreq ifr;
    int fd;

    if (!ip_parse(ip, &want)) {
        return true;            /* Not ours to set. */
    }
    if (!dts_netdev_exists(interface)) {
        return false;
    }
    fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return false;
    }

    memset(&ifr, 0, sizeof ifr);
    ovs_strlcpy(ifr.ifr_name, interface, sizeof ifr.ifr_name);
    bool has = !ioctl(fd, SIOCGIFADDR, &ifr) && get_in4(&ifr) == want;
    bool ok = true;
    if (!has) {
        set_in4(&ifr, want);
        ok = !ioctl(fd, SIOCSIFADDR, &ifr);
        set_in4(&ifr, be32_prefix_mask(PREFIX_LEN));
        ok = ok && !ioctl(fd, SIOCSIFNETMASK, &ifr);
    }
    ok = ok && !ioctl(fd, SIOCGIFFLAGS, &ifr);
    bool up = (ifr.ifr_flags & IFF_UP) != 0;
    if (ok && !up) {
        ifr.ifr_flags |= IFF_UP;
        ok = !ioctl(fd, SIOCSIFFLAGS, &ifr);
    }
    if (ok && (!has || !up)) {
        VLOG_INFO("%s has address %s/%d", interface, ip, PREFIX_LEN);
    } else if (!ok && errno != ENODEV) {
        VLOG_WARN_RL(&rl, "%s: cannot set address %s: %s", interface, ip,
                     ovs_strerror(errno));
    }
    close(fd);
    return ok;
}
