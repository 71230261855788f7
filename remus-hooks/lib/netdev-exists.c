/* SPDX-License-Identifier: Apache-2.0 */
/* Is there such a network device?  Asked by rtnetlink: see the header. */

#include <config.h>

#include "netdev-exists.h"

#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>

#include "netlink.h"
#include "netlink-socket.h"
#include "openvswitch/ofpbuf.h"

bool
dts_netdev_exists(const char *name)
{
    struct ofpbuf request;
    int error;

    if (!name[0] || strlen(name) >= IFNAMSIZ) {
        return false;
    }
    ofpbuf_init(&request, 0);
    nl_msg_put_nlmsghdr(&request, sizeof(struct ifinfomsg), RTM_GETLINK,
                        NLM_F_REQUEST);
    ofpbuf_put_zeros(&request, sizeof(struct ifinfomsg));
    nl_msg_put_string(&request, IFLA_IFNAME, name);
    error = nl_transact(NETLINK_ROUTE, &request, NULL);
    ofpbuf_uninit(&request);
    return !error;
}
