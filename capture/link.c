/* link - ioctls of a packet socket. */
#include "capture/link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

static int ask(int fd, unsigned long what, const char *name, struct ifreq *answer)
{
	memset(answer, 0, sizeof *answer);
	if (strlen(name) >= sizeof answer->ifr_name)
		return -ENODEV;
	strcpy(answer->ifr_name, name);
	return ioctl(fd, what, answer) == 0 ? 0 : -errno;
}

int link_kind(int fd, const char *name)
{
	struct ifreq answer;
	const int rc = ask(fd, SIOCGIFHWADDR, name, &answer);

	return rc != 0 ? rc : answer.ifr_hwaddr.sa_family;
}

bool link_is_up(int fd, const char *name)
{
	struct ifreq answer;

	return ask(fd, SIOCGIFFLAGS, name, &answer) == 0 && (answer.ifr_flags & IFF_UP) != 0;
}

int link_rejoin(int fd, const char *name, int kind, bool promiscuous)
{
	struct ifreq answer;
	const int now = link_kind(fd, name);
	int rc;

	if (now < 0)
		return now;
	if (now != kind)
		return -EPROTOTYPE;
	if (!link_is_up(fd, name))
		return -ENETDOWN;
	if ((rc = ask(fd, SIOCGIFINDEX, name, &answer)) != 0)
		return rc;
	const struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = answer.ifr_ifindex };
	const struct packet_mreq all = { .mr_ifindex = answer.ifr_ifindex, .mr_type = PACKET_MR_PROMISC };

	if (bind(fd, (const struct sockaddr *)&to, sizeof to) != 0 ||
	    (promiscuous && setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof all) != 0))
		return -errno;
	return 0;
}
