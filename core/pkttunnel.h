/* pkttunnel - IP protocols and UDP ports that may carry another packet: for the decoder and for the filter in the kernel. */
#ifndef FP_PKTTUNNEL_H
#define FP_PKTTUNNEL_H

#include <stdbool.h>
#include <stdint.h>

#define TUNNEL_IPV4 4 /* RFC 2003 */
#define TUNNEL_UDP 17
#define TUNNEL_IPV6 41 /* RFC 2473, 4213 */
#define TUNNEL_GRE 47

#define TUNNEL_VXLAN 4789  /* UDP ports, RFC 7348 */
#define TUNNEL_GENEVE 6081 /* RFC 8926 */

static inline bool tunnel_protocol(uint8_t protocol)
{
	return protocol == TUNNEL_IPV4 || protocol == TUNNEL_IPV6 || protocol == TUNNEL_GRE || protocol == TUNNEL_UDP;
}

#endif
