// signature - the raw signature in p0f's grammar, field by field in words: ver:ittl+dist:olen:mss:wsize,scale:olayout:quirks:pclass
'use strict';

const OPTIONS = {
	mss: 'maximum segment size', ws: 'window scale', sok: 'selective acknowledgement allowed', sack: 'selective acknowledgement',
	ts: 'timestamp', nop: 'padding of one byte',
};

const QUIRKS = {
	'df': 'packets must not be fragmented (IPv4)', 'id+': 'an IP identification although fragmenting is forbidden', 'id-': 'no IP identification although fragmenting is allowed',
	'ecn': 'explicit congestion notification', '0+': 'a bit that must be zero is set', 'flow': 'an IPv6 flow label',
	'seq-': 'sequence number zero', 'ack+': 'an acknowledgement number without its flag', 'ack-': 'no acknowledgement number with its flag',
	'uptr+': 'an urgent pointer without its flag', 'urgf+': 'the urgent flag', 'pushf+': 'the push flag',
	'ts1-': 'its own timestamp is zero', 'ts2+': 'a peer’s timestamp in the first packet', 'opt+': 'bytes behind the end of the options',
	'exws': 'a window scale above 14', 'bad': 'malformed options',
};

const listed = (text, words, none) => text === '' ? none : text.split(',').map((w) => {
	const eol = /^eol\+(\d+)$/.exec(w), unknown = /^\?(\d+)$/.exec(w);
	if (eol) return `end of options, ${eol[1]} bytes behind it`;
	if (unknown) return `option number ${unknown[1]}`;
	return words[w] ? `${w} (${words[w]})` : w;
}).join(', ');

// [name, as written, in words] of each field; null: not of this grammar.
function explainSignature(text) {
	const parts = text.split(':');
	if (parts.length !== 8) return null;
	const [version, ttl, olen, mss, window, layout, quirks, payload] = parts;
	const [, observed, hops] = /^(\d+)\+(\d+|\?)$/.exec(ttl) || [];
	const initial = /^(\d+)-$/.exec(ttl);
	const [size, scale] = window.split(',');
	const multiple = /^(mss|mtu)\*(\d+)$/.exec(size);
	return [
		['IP version', version, version === '4' ? 'IPv4' : version === '6' ? 'IPv6' : 'either'],
		['Time to live', ttl, initial ? `sent with ${initial[1]} or less, chosen at random` : hops === '?' || hops === undefined ? `arrived with ${observed ?? ttl}`
			: `arrived with ${observed}, ${hops} ${hops === '1' ? 'router' : 'routers'} away, so it left with ${Number(observed) + Number(hops)}`],
		['IP options', olen, olen === '0' ? 'none' : `${olen} bytes of options or extension headers`],
		['Maximum segment', mss, mss === '*' ? 'any' : `${mss} bytes of data in a packet`],
		['Window', window, (multiple ? `${multiple[2]} times the ${multiple[1] === 'mss' ? 'maximum segment' : 'packet size of the link'}` : size === '*' ? 'any' : `${size} bytes`)
			+ (scale === '*' || scale === undefined ? ', any scale' : scale === '0' ? ', not scaled' : `, shifted by ${scale} bits`)],
		['TCP options, in order', layout, listed(layout, OPTIONS, 'none')],
		['Quirks', quirks, listed(quirks, QUIRKS, 'none')],
		['Data in the first packet', payload, payload === '0' ? 'none' : payload === '+' ? 'some' : 'either'],
	];
}
