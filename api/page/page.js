// page - what there is to see: rates from /v1/stats each second, systems from /v1/os and /v1/history, hosts from /v1/events, one from /v1/hosts.
// Whatever comes from a client or a signature file is put in as text, never as HTML.
'use strict';

const RATES_KEPT = 120;     // seconds in the charts of queues
const NEWEST_KEPT = 25;     // rows
const NEWEST_EACH_MS = 250; // the table is drawn at most so often, whatever comes
const SERIES_MAX = 8;       // systems in the chart; others are one more

const $ = (id) => document.getElementById(id);
const put = (id, text) => { if ($(id).textContent !== text) $(id).textContent = text; };

function element(name, attributes, ...children) {
	const e = document.createElement(name);
	for (const [key, value] of Object.entries(attributes || {})) {
		if (key === 'class') e.className = value;
		else e.setAttribute(key, value);
	}
	e.append(...children);
	return e;
}

const count = (n) => n.toLocaleString('en');
const rate = (n) => n >= 100 ? count(Math.round(n)) : n.toFixed(n >= 10 || n === 0 ? 0 : 1);
const percent = (p) => `${(100 * p).toFixed(p < 0.1 ? 1 : 0)} %`;
const clock = (date) => date.toLocaleTimeString('en-GB');
const known = (value, unit) => value === null || value === undefined ? 'not known' : `${value}${unit || ''}`;
const plural = (n, one) => `${count(n)} ${one}${n === 1 ? '' : 's'}`;

function systemName(os) {
	if (!os) return 'not known any more';
	return os.name === null ? 'not recognised' : os.flavor ? `${os.name} ${os.flavor}` : os.name;
}

const sureness = (host) => {
	if (!host.os) return '';
	const first = host.candidates && host.candidates[0];
	return first ? `${percent(first.p)} ${first.name}` : host.os.match === 'none' ? '–' : host.os.match;
};

/* ---- Asking --------------------------------------------------------------------------------- */

const store = (() => { try { return window.sessionStorage; } catch { return null; } })();
let token = store && store.getItem('token') || '';

async function ask(path, options) {
	const headers = { ...(options && options.headers) };
	if (token !== '') headers.Authorization = `Bearer ${token}`;
	const answer = await fetch(path, { ...options, headers, credentials: 'same-origin' });
	$('token-form').hidden = answer.status !== 401;
	return answer;
}

async function askJson(path) {
	const answer = await ask(path);
	const body = await answer.json();
	if (!answer.ok) throw Object.assign(new Error(body.detail || answer.statusText), { status: answer.status });
	return body;
}

$('token-form').addEventListener('submit', (event) => {
	event.preventDefault();
	token = $('token').value.trim();
	if (store) store.setItem('token', token);
	everything();
});

function say(good, text) {
	put('state-mark', good ? '●' : '▲');
	put('state-text', text);
	$('state').className = good ? '' : 'problem';
}

/* ---- Charts --------------------------------------------------------------------------------- */

// Told apart by dashes as well as by colour, in both themes.
const LIGHT = ['#1f6fb2', '#b35900', '#2e7d4f', '#8e3b9e', '#00757a', '#a8324e', '#5b6b00', '#5a4bb5', '#6b7482'];
const DARK = ['#6fb1ee', '#f0a04b', '#74cf97', '#d59be3', '#4fc9cf', '#f08aa3', '#c2d25a', '#a79df2', '#aab4c2'];
const DASHES = [[], [8, 4], [2, 3], [12, 3, 2, 3], [5, 5], [1, 4], [10, 2], [6, 2, 2, 2], [3, 6]];
const charts = new Map();

const isDark = () => getComputedStyle(document.documentElement).getPropertyValue('--ground').trim() === '#12161c';
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

const fontSize = () => 0.8 * parseFloat(getComputedStyle(document.documentElement).fontSize);

function paint(chart) {
	const palette = isDark() ? DARK : LIGHT;
	chart.data.datasets.forEach((d, i) => {
		const c = d.drops ? colour('bad') : palette[i % palette.length];
		Object.assign(d, { borderColor: c, backgroundColor: d.fill ? c + (isDark() ? '66' : '55') : c });
	});
	const { scales, plugins } = chart.options;
	for (const axis of Object.values(scales)) {
		axis.ticks.color = colour('soft');
		axis.ticks.font = { size: fontSize() };
		axis.grid.color = colour('line');
	}
	plugins.legend.labels.color = colour('text');
	plugins.legend.labels.font = { size: fontSize() };
	chart.update('none');
}

function makeChart(canvas, datasets, y) {
	const chart = new Chart(canvas, {
		type: 'line',
		data: { labels: [], datasets },
		options: {
			animation: false, responsive: true, maintainAspectRatio: false, normalized: true,
			interaction: { mode: 'index', intersect: false },
			elements: { point: { radius: 0 }, line: { borderWidth: 2, tension: 0 } },
			scales: { x: { ticks: { maxTicksLimit: 7, maxRotation: 0 }, grid: {} }, y: { beginAtZero: true, ticks: { precision: 0 }, grid: {}, ...y } },
			plugins: { legend: { labels: { usePointStyle: true, pointStyleWidth: 36 } } },
		},
	});
	charts.set(canvas, chart);
	paint(chart);
	return chart;
}

function repaint() { for (const chart of charts.values()) paint(chart); }

/* ---- Packets and verdicts a second ---------------------------------------------------------- */

const queues = new Map(); // by number
let before = null;

function queueBox(q) {
	const id = `queue-${q.queue}`;
	const line = element('p', { id: `${id}-now` });
	const canvas = element('canvas', { role: 'img', 'aria-labelledby': `${id}-name ${id}-now` });
	const box = element('div', { class: 'queue' }, element('h3', { id: `${id}-name` }, q.source || `queue ${q.queue}`), line, element('div', { class: 'chart' }, canvas));
	$('queues').append(box);
	const chart = makeChart(canvas, [
		// What is drawn last lies on top: where all packets have a verdict both lines are to be seen.
		{ label: 'packets', data: [], order: 2, pointStyle: 'line', borderDash: DASHES[0] },
		{ label: 'verdicts', data: [], order: 1, pointStyle: 'line', borderDash: DASHES[1] },
		{ label: 'dropped', data: [], order: 0, pointStyle: 'rect', type: 'bar', drops: true, barPercentage: 1, categoryPercentage: 1 },
	]);
	return { line, chart };
}

function drawQueue(q, was, seconds, time) {
	if (!queues.has(q.queue)) {
		if (q.frames === 0 && queues.size > 0) return [0, 0, 0]; // streams that no sensor has used
		queues.set(q.queue, queueBox(q));
	}
	const { line, chart } = queues.get(q.queue);
	const per = (name) => Math.max(0, q[name] - was[name]) / seconds;
	const now = [per('frames'), per('matched'), per('kernel_dropped') + per('ring_dropped')];
	chart.data.labels.push(time);
	chart.data.datasets.forEach((d, i) => d.data.push(now[i]));
	if (chart.data.labels.length > RATES_KEPT) {
		chart.data.labels.shift();
		chart.data.datasets.forEach((d) => d.data.shift());
	}
	chart.update('none');
	line.replaceChildren(`${rate(now[0])} packets, ${rate(now[1])} verdicts, `, element('span', { class: now[2] > 0 ? 'drops' : '' }, `${rate(now[2])} dropped a second`));
	return now;
}

function drawStats(stats) {
	const at = performance.now();
	const { sum } = stats;
	put('tile-hosts', count(sum.hosts));
	put('version', stats.version);
	const dropped = sum.kernel_dropped + sum.ring_dropped;
	put('tile-dropped', count(dropped));
	// A daemon that was started anew begins at nought.
	if (before && before.stats.started === stats.started && before.stats.queues.length === stats.queues.length) {
		const seconds = (at - before.at) / 1000, time = clock(new Date());
		const now = stats.queues.map((q, i) => drawQueue(q, before.stats.queues[i], seconds, time));
		const total = (i) => now.reduce((n, q) => n + q[i], 0);
		put('tile-packets', rate(total(0)));
		put('tile-verdicts', rate(total(1)));
		put('tile-drops', rate(total(2)));
		$('tile-drops-box').className = total(2) > 0 ? 'alarm' : '';
	}
	before = { at, stats };
	const stuck = stats.threads.filter((t) => t.state === 'running' && t.beat_age_ms >= 10000).map((t) => t.name);
	if (!stats.store.usable) say(false, `the store cannot be read: ${stats.store.reason}`);
	else if (stuck.length > 0) say(false, `not moving: ${stuck.join(', ')}`);
	else say(true, stats.store.mode === 'live' ? 'watching' : 'reading files');
}

async function stats() {
	try {
		drawStats(await askJson('v1/stats'));
	} catch (e) {
		before = null;
		say(false, e.status ? e.message : 'no answer from the daemon; trying again');
	}
}

/* ---- Systems over time ---------------------------------------------------------------------- */

let shares = null;
const period = () => document.querySelector('input[name="period"]:checked').value;

// The commonest, and the rest as one: [name, hosts of each period].
function series(history) {
	const rows = history.systems.map((s) => ({ name: s.name === null ? 'not recognised' : s.name, hosts: s.hosts, sum: s.hosts.reduce((a, b) => a + (b || 0), 0) }));
	const shown = rows.slice(0, SERIES_MAX);
	const rest = rows.slice(SERIES_MAX);
	if (rest.length > 0) shown.push({ name: 'others', hosts: history.systems[0].hosts.map((v, i) => v === null ? null : rest.reduce((a, r) => a + (r.hosts[i] || 0), 0)) });
	return shown;
}

function drawHistory(history) {
	const shown = series(history);
	const begin = Date.parse(history.from);
	// What is drawn begins with the first value that there is, and ends with the last: the minute that has just begun has none yet.
	let first = history.count, last = -1;
	for (const s of shown) {
		const i = s.hosts.findIndex((v) => v !== null);
		if (i >= 0 && i < first) first = i;
		last = Math.max(last, s.hosts.findLastIndex((v) => v !== null));
	}
	const labels = [];
	const total = [];
	for (let i = first; i <= last; i++) {
		const date = new Date(begin + i * history.step_s * 1000);
		labels.push(history.by === 'hour' ? `${date.toLocaleDateString('en-GB', { day: 'numeric', month: 'short' })} ${date.getHours()}:00` : clock(date).slice(0, 5));
		total.push(shown.reduce((n, s) => n + (s.hosts[i] || 0), 0));
	}
	const datasets = shown.map((s, k) => ({
		label: s.name, fill: 'stack', stack: 'all', pointStyle: 'line', pointRadius: labels.length < 2 ? 4 : 0, borderDash: DASHES[k % DASHES.length], spanGaps: false,
		data: s.hosts.slice(first, last + 1).map((v, i) => v === null ? null : total[i] === 0 ? 0 : 100 * v / total[i]),
	}));
	if (!shares) {
		shares = makeChart($('shares'), [], { stacked: true, max: 100, ticks: { callback: (v) => `${v} %` } });
		shares.options.plugins.tooltip = { callbacks: { label: (c) => `${c.dataset.label}: ${c.parsed.y.toFixed(1)} %` } };
	}
	// Those that are still there keep their state (hidden by a click on the legend).
	shares.data.labels = labels;
	const old = shares.data.datasets;
	shares.data.datasets = datasets.map((d, i) => old[i] && old[i].label === d.label ? Object.assign(old[i], d) : d);
	paint(shares);
	const share = shown.map((s) => `${s.name} ${count(s.sum || 0)}`).slice(0, 4).join(', ');
	$('shares').setAttribute('aria-label', share === '' ? 'No hosts were seen yet' : `Shares of systems over time; hosts seen: ${share}. The table below has the hosts of now.`);
}

function drawSystems(os) {
	const by = new Map();
	for (const s of os.systems) {
		const name = s.name === null ? 'not recognised' : s.name;
		by.set(name, (by.get(name) || 0) + s.hosts);
	}
	const rows = [...by].sort((a, b) => b[1] - a[1]).map(([name, hosts]) => element('tr', null, element('th', { scope: 'row' }, name),
		element('td', null, count(hosts)), element('td', null, percent(os.hosts > 0 ? hosts / os.hosts : 0))));
	$('systems').tBodies[0].replaceChildren(...rows);
	$('systems').caption.textContent = os.complete ? 'Hosts in the store now, and their share' : 'Hosts in the store now, and their share: still counting';
}

async function systems() {
	try {
		const [os, history] = await Promise.all([askJson('v1/os'), askJson(`v1/history?by=${period()}`)]);
		drawSystems(os);
		drawHistory(history);
	} catch { /* what is wrong is said where the state is */ }
}

for (const radio of document.querySelectorAll('input[name="period"]')) radio.addEventListener('change', systems);

/* ---- Newest hosts --------------------------------------------------------------------------- */

const WHAT = { new: 'first seen', changed: 'system changed', shared: 'shared address' };
let newest = [];
let paused = false;
let drawing = null;
let lastId = '';

function addressButton(ip) {
	const button = element('button', { type: 'button', class: 'address' }, ip);
	button.addEventListener('click', () => { $('search-address').value = ip; lookUp(ip); });
	return button;
}

function row(e) {
	const { host } = e;
	return element('tr', e.drawn ? null : { class: 'fresh' }, element('td', null, clock(new Date(e.time))), element('td', null, WHAT[e.event] || e.event),
		element('td', null, addressButton(host.ip)), element('td', null, systemName(host.os)), element('td', null, sureness(host)),
		element('td', null, known(host.distance)), element('td', null, known(host.link)));
}

function drawNewest() {
	drawing = null;
	if (paused) return;
	// Whoever stands on an address with the keyboard keeps his place.
	const at = document.activeElement && document.activeElement.closest('#newest') ? document.activeElement.textContent : null;
	$('newest').tBodies[0].replaceChildren(...newest.map(row));
	for (const e of newest) e.drawn = true;
	if (at !== null) [...$('newest').querySelectorAll('.address')].find((b) => b.textContent === at)?.focus();
}

function addNewest(event) {
	newest.unshift(event);
	newest.length = Math.min(newest.length, NEWEST_KEPT);
	drawing = drawing || setTimeout(drawNewest, NEWEST_EACH_MS);
}

function onEvent(event) {
	if (event.id) lastId = event.id;
	if (event.data === '') return;
	const data = JSON.parse(event.data);
	if (event.name === 'lost') put('newest-state', data.lost === null ? 'some were missed' : `${count(data.lost)} came too fast to be shown`);
	else addNewest(data);
}

// Server-sent events by hand: EventSource cannot carry a token.
async function listen() {
	const headers = lastId !== '' ? { 'Last-Event-ID': lastId } : {};
	const answer = await ask('v1/events', { headers });
	if (!answer.ok) throw new Error(answer.statusText);
	put('newest-state', 'as they arrive');
	const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
	let rest = '';
	for (;;) {
		const { value, done } = await reader.read();
		if (done) return;
		const blocks = (rest + value).split('\n\n');
		rest = blocks.pop();
		for (const block of blocks) {
			const event = { name: 'message', data: '', id: '' };
			for (const line of block.split('\n')) {
				const [, field, text] = /^([a-z]*): ?(.*)$/.exec(line) || [];
				if (field === 'event') event.name = text;
				else if (field === 'data') event.data += text;
				else if (field === 'id') event.id = text;
			}
			onEvent(event);
		}
	}
}

async function follow() {
	for (;;) {
		try {
			await listen();
		} catch {
			put('newest-state', 'no events at the moment; trying again');
		}
		await new Promise((go) => setTimeout(go, 2000));
	}
}

async function firstHosts() {
	try {
		const page = await askJson(`v1/hosts?limit=${NEWEST_KEPT}`);
		if (newest.length === 0) newest = page.hosts.map((host) => ({ event: 'new', time: host.first_seen, host, drawn: true }));
		drawNewest();
	} catch { /* said elsewhere */ }
}

$('pause').addEventListener('click', () => {
	paused = !paused;
	$('pause').setAttribute('aria-pressed', String(paused));
	if (!paused) drawNewest();
});

/* ---- One address ---------------------------------------------------------------------------- */

function facts(...rows) {
	return element('dl', { class: 'facts' }, ...rows.flatMap(([name, ...value]) => [element('dt', null, name), element('dd', null, ...value)]));
}

// How sure, as a picture: a bar for each candidate and for what is left.
function candidates(host) {
	if (host.candidates.length === 0) return element('p', { class: 'soft' }, 'No probabilities are known of this address.');
	const rows = host.candidates.map((c) => [c.flavor ? `${c.name} ${c.flavor}` : c.name, c.p]);
	const left = 1 - rows.reduce((n, r) => n + r[1], 0);
	if (left >= 0.005) rows.push(['anything else', left]);
	return element('ul', { class: 'sure' }, ...rows.map(([name, p]) => element('li', null, element('span', null, name),
		element('meter', { min: 0, max: 1, value: p, 'aria-label': `${name}: ${percent(p)}` }), element('span', null, percent(p)))));
}

function signatureTable(host) {
	if (host.signature === null) return element('p', { class: 'soft' }, 'No signature is known.');
	const fields = explainSignature(host.signature);
	const whole = element('p', null, element('code', null, host.signature));
	if (fields === null) return whole;
	return element('div', null, whole, element('div', { class: 'scroll', role: 'region', 'aria-label': 'The signature, field by field', tabindex: '0' },
		element('table', null, element('thead', null, element('tr', null, ...['Field', 'As written', 'Which says'].map((t) => element('th', { scope: 'col' }, t)))),
			element('tbody', null, ...fields.map(([name, raw, words]) => element('tr', null, element('th', { scope: 'row' }, name), element('td', null, element('code', null, raw || '(empty)')), element('td', null, words)))))));
}

const time = (text) => text === null ? 'never' : `${new Date(text).toLocaleString('en-GB')} (${text})`;
const uptime = (min) => `${Math.floor(min / 1440)} days ${Math.floor(min / 60) % 24} hours ${min % 60} minutes`;

function drawHost(host) {
	const clockText = host.clock_hz === null ? 'not known' : `${host.clock_hz} Hz`;
	$('found').replaceChildren(element('h3', null, `${host.ip}: ${systemName(host.os)}`),
		facts(['Matched', { exact: 'a signature exactly', generic: 'a general signature', fuzzy: 'a signature nearly (fuzzy)', none: 'no signature' }[host.os.match] || host.os.match],
			['Kind', known(host.os.class)], ['Handshake', host.confirmed ? 'completed: the address is not forged' : 'none yet: the address may be forged'],
			['Distance', host.distance === null ? 'not known' : plural(host.distance, 'hop')], ['Link', known(host.link)], ['MTU', known(host.mtu, ' bytes')],
			['The way did', host.path.length > 0 ? host.path.join(', ') : 'nothing that shows'],
			['First seen', time(host.first_seen)], ['Last seen', time(host.last_seen)],
			['Connections', count(host.connections)], ['Handshakes', count(host.handshakes)],
			['System last changed', time(host.os_changed)], ['Last sign of several systems', time(host.shared)], ['Score of that sign', String(host.sharing)],
			['Up for', host.uptime_min === null ? 'not known' : uptime(host.uptime_min)], ['Clock', clockText], ['Learned by', host.origin === null ? 'this machine' : host.origin]),
		element('h3', null, 'How sure'), candidates(host), element('h3', null, 'The signature'), signatureTable(host));
}

async function lookUp(ip) {
	try {
		drawHost(await askJson(`v1/hosts/${encodeURIComponent(ip)}`));
	} catch (e) {
		$('found').replaceChildren(element('p', { class: 'problem' }, e.status === 404 ? `Nothing is known of ${ip}.` : e.status === 400 ? `“${ip}” is no IPv4 or IPv6 address.` : e.message));
	}
	$('found').focus();
}

$('search').addEventListener('submit', (event) => {
	event.preventDefault();
	const ip = $('search-address').value.trim();
	if (ip !== '') lookUp(ip);
});

document.addEventListener('keydown', (event) => {
	if (event.key === '/' && !event.ctrlKey && !event.metaKey && !event.altKey && !/^(INPUT|TEXTAREA)$/.test(document.activeElement?.tagName)) {
		event.preventDefault();
		$('search-address').focus();
		$('search-address').select();
	}
});

/* ---- Theme ---------------------------------------------------------------------------------- */

const THEMES = ['', 'light', 'dark'];
const kept = (() => { try { return window.localStorage; } catch { return null; } })();
let theme = kept && THEMES.includes(kept.getItem('theme')) ? kept.getItem('theme') : '';

function setTheme() {
	if (theme === '') delete document.documentElement.dataset.theme;
	else document.documentElement.dataset.theme = theme;
	put('theme', `Theme: ${theme === '' ? 'as the system' : theme}`);
	repaint();
}

$('theme').addEventListener('click', () => {
	theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
	if (kept) kept.setItem('theme', theme);
	setTheme();
});
window.addEventListener('resize', repaint);
window.matchMedia('(prefers-color-scheme: dark)').addEventListener('change', repaint);

/* ---- All of it ------------------------------------------------------------------------------ */

async function everything() { await Promise.all([stats(), systems(), firstHosts()]); }

async function each(ms, work) {
	for (;;) {
		await new Promise((go) => setTimeout(go, ms));
		if (!document.hidden) await work();
	}
}

setTheme();
everything();
each(1000, stats);
each(15000, systems);
follow();
