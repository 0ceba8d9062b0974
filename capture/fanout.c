/* fanout - socket options of AF_PACKET that libpcap has no call for. */
#include "capture/fanout.h"

#include "capture/capture.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <sys/socket.h>

int fanout_join(int fd, uint16_t group, int mode)
{
	static const uint32_t kernel_mode[] = {
		[CAPTURE_FANOUT_HASH] = PACKET_FANOUT_HASH, /* symmetric: both directions of a flow */
		[CAPTURE_FANOUT_CPU] = PACKET_FANOUT_CPU,
		[CAPTURE_FANOUT_QM] = PACKET_FANOUT_QM,
	};
	const uint32_t arg = group | kernel_mode[mode] << 16;

	return setsockopt(fd, SOL_PACKET, PACKET_FANOUT, &arg, sizeof arg) == 0 ? 0 : -errno;
}

int fanout_shut(int fd)
{
	/* "return 0": not through pcap_setfilter(), which would also empty the ring. */
	struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
	const struct sock_fprog program = { .len = 1, .filter = &nothing };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0 ? 0 : -errno;
}
