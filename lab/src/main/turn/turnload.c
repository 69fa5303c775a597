/*
 * turnload - load generator for STUN/TURN servers (loopback measuring tool).
 *
 * Written from scratch for this project from RFC 8489 (STUN), RFC 8656 (TURN),
 * RFC 1321 (MD5), RFC 3174 (SHA-1) and RFC 2104 (HMAC).
 *
 * Build:  cc -O2 -Wall -o turnload turnload.c -lm
 *         with TLS: cc -O2 -Wall -DWITH_TLS -o turnload turnload.c -lm -lssl -lcrypto
 * Usage:  turnload help
 *
 * One thread, epoll, sendmmsg/recvmmsg. All results are one line of flat JSON on
 * stdout; messages for people go to stderr. Exit code 0 only if something was delivered.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#ifdef WITH_TLS
#include <openssl/ssl.h>
#endif

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif
#ifndef SOL_UDP
#define SOL_UDP 17
#endif

/* ------------------------------------------------------------------ utilities */

static void die(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	fputs("turnload: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	exit(1);
}

static void warn(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	fputs("turnload: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
}

static inline uint64_t now_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

static void *xcalloc(size_t n, size_t s)
{
	void *p = calloc(n, s);
	if (!p)
		die("out of memory");
	return p;
}

static inline void w16(uint8_t *p, unsigned v) { p[0] = v >> 8; p[1] = v; }
static inline void w32(uint8_t *p, uint32_t v) { p[0] = v >> 24; p[1] = v >> 16; p[2] = v >> 8; p[3] = v; }
static inline unsigned r16(const uint8_t *p) { return (unsigned)p[0] << 8 | p[1]; }
static inline uint32_t r32(const uint8_t *p) { return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]; }

static uint64_t rng_state;
static uint64_t rng(void) /* splitmix64: transaction ids only, nothing secret */
{
	uint64_t z = (rng_state += 0x9e3779b97f4a7c15ull);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

/* ------------------------------------------------------------------ MD5, SHA-1, HMAC */

static void md5(const uint8_t *msg, size_t len, uint8_t out[16])
{
	static const int rot[4][4] = {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};
	static uint32_t tab[64];
	if (!tab[0])
		for (int i = 0; i < 64; i++)
			tab[i] = (uint32_t)floor(fabs(sin(i + 1.0)) * 4294967296.0);
	size_t padded = ((len + 8) / 64 + 1) * 64;
	uint8_t *m = xcalloc(1, padded);
	memcpy(m, msg, len);
	m[len] = 0x80;
	uint64_t bits = (uint64_t)len * 8;
	for (int i = 0; i < 8; i++)
		m[padded - 8 + i] = (uint8_t)(bits >> (8 * i));
	uint32_t s[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
	for (size_t o = 0; o < padded; o += 64) {
		uint32_t x[16], a = s[0], b = s[1], c = s[2], d = s[3];
		for (int i = 0; i < 16; i++) {
			const uint8_t *p = m + o + 4 * i;
			x[i] = (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
		}
		for (int i = 0; i < 64; i++) {
			uint32_t f;
			int g;
			switch (i / 16) {
			case 0: f = (b & c) | (~b & d); g = i; break;
			case 1: f = (b & d) | (c & ~d); g = (5 * i + 1) & 15; break;
			case 2: f = b ^ c ^ d; g = (3 * i + 5) & 15; break;
			default: f = c ^ (b | ~d); g = (7 * i) & 15; break;
			}
			uint32_t t = a + f + x[g] + tab[i];
			int r = rot[i / 16][i & 3];
			a = d; d = c; c = b;
			b += t << r | t >> (32 - r);
		}
		s[0] += a; s[1] += b; s[2] += c; s[3] += d;
	}
	free(m);
	for (int i = 0; i < 16; i++)
		out[i] = (uint8_t)(s[i / 4] >> (8 * (i & 3)));
}

typedef struct { uint32_t h[5]; uint64_t n; uint8_t buf[64]; } sha1_t;

static void sha1_block(uint32_t *h, const uint8_t *p)
{
	uint32_t w[80];
	for (int i = 0; i < 16; i++)
		w[i] = r32(p + 4 * i);
	for (int i = 16; i < 80; i++) {
		uint32_t v = w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16];
		w[i] = v << 1 | v >> 31;
	}
	uint32_t a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
	for (int i = 0; i < 80; i++) {
		uint32_t f, k;
		if (i < 20) { f = (b & c) | (~b & d); k = 0x5a827999; }
		else if (i < 40) { f = b ^ c ^ d; k = 0x6ed9eba1; }
		else if (i < 60) { f = (b & c) | (b & d) | (c & d); k = 0x8f1bbcdc; }
		else { f = b ^ c ^ d; k = 0xca62c1d6; }
		uint32_t t = (a << 5 | a >> 27) + f + e + k + w[i];
		e = d; d = c; c = b << 30 | b >> 2; b = a; a = t;
	}
	h[0] += a; h[1] += b; h[2] += c; h[3] += d; h[4] += e;
}

static void sha1_init(sha1_t *s)
{
	static const uint32_t iv[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
	memcpy(s->h, iv, sizeof iv);
	s->n = 0;
}

static void sha1_add(sha1_t *s, const uint8_t *p, size_t len)
{
	while (len) {
		size_t off = s->n & 63, k = 64 - off;
		if (k > len)
			k = len;
		memcpy(s->buf + off, p, k);
		s->n += k; p += k; len -= k;
		if ((s->n & 63) == 0)
			sha1_block(s->h, s->buf);
	}
}

static void sha1_end(sha1_t *s, uint8_t out[20])
{
	uint64_t bits = s->n * 8;
	uint8_t pad[72] = {0x80};
	size_t k = ((s->n & 63) < 56 ? 56 : 120) - (s->n & 63);
	for (int i = 0; i < 8; i++)
		pad[k + i] = (uint8_t)(bits >> (56 - 8 * i));
	sha1_add(s, pad, k + 8);
	for (int i = 0; i < 5; i++)
		w32(out + 4 * i, s->h[i]);
}

typedef struct { sha1_t in, out; } hmac_t;

static void hmac_key(hmac_t *h, const uint8_t *key, size_t len)
{
	uint8_t k[64] = {0}, p[64];
	if (len > 64) {
		sha1_t s;
		sha1_init(&s); sha1_add(&s, key, len); sha1_end(&s, k);
	} else
		memcpy(k, key, len);
	for (int i = 0; i < 64; i++) p[i] = k[i] ^ 0x36;
	sha1_init(&h->in); sha1_add(&h->in, p, 64);
	for (int i = 0; i < 64; i++) p[i] = k[i] ^ 0x5c;
	sha1_init(&h->out); sha1_add(&h->out, p, 64);
}

/* ------------------------------------------------------------------ histogram (log-linear, 1.6 %) */

#define HS 6
typedef struct { uint64_t n, max; uint32_t b[60 << HS]; } hist_t;

static inline void hist_add(hist_t *h, uint64_t v)
{
	unsigned i;
	if (v < (1u << HS))
		i = (unsigned)v;
	else {
		int e = 63 - __builtin_clzll(v);
		i = ((unsigned)(e - HS + 1) << HS) + (unsigned)((v >> (e - HS)) & ((1u << HS) - 1));
	}
	h->b[i]++;
	h->n++;
	if (v > h->max)
		h->max = v;
}

static double hist_us(const hist_t *h, double q)
{
	if (!h->n)
		return 0;
	uint64_t want = (uint64_t)ceil(q * (double)h->n), seen = 0;
	if (!want)
		want = 1;
	for (unsigned i = 0; i < (60u << HS); i++) {
		seen += h->b[i];
		if (seen >= want) {
			if (i < (1u << HS))
				return i / 1e3;
			int e = (int)(i >> HS) + HS - 1;
			double lo = (double)(((uint64_t)1 << HS) + (i & ((1u << HS) - 1))) * (double)((uint64_t)1 << (e - HS));
			return (lo + (double)((uint64_t)1 << (e - HS)) / 2) / 1e3;
		}
	}
	return (double)h->max / 1e3;
}

static void hist_merge(hist_t *a, const hist_t *b)
{
	for (unsigned i = 0; i < (60u << HS); i++)
		a->b[i] += b->b[i];
	a->n += b->n;
	if (b->max > a->max)
		a->max = b->max;
}

/* ------------------------------------------------------------------ options */

static struct {
	const char *server, *user, *pass, *realm, *mode, *direction, *pid, *rate;
	int sockets, inflight, allocs, payload, count, concurrency, cpu, peers, burst, window, total;
	int tcp, tls, gso, gro, busy, even, fingerprint, channels, rounds, hold, remote, noauth;
	double secs, warmup, wait;
} opt = {
	.mode = "channel", .direction = "both", .rate = "max",
	.sockets = 16, .inflight = 8, .allocs = 1, .payload = 160, .count = 1000, .concurrency = 32,
	.cpu = -1, .peers = 0, .burst = 1, .window = 0, .total = 64, .secs = 5, .warmup = 0.5, .wait = 10,
	.rounds = 1,
};

static const char help_text[] =
"turnload COMMAND --server IP:PORT [options]      (IPv6: [::1]:PORT)\n"
"\n"
"  ping    wait until the server answers a Binding request   --wait SECS (10)\n"
"  stun    closed-loop Binding requests\n"
"          --sockets N (16)  --inflight M per socket (8)  --fingerprint\n"
"  relay   TURN relay throughput/latency\n"
"          --user U --pass P [--realm R]  --allocs N (1)  --payload B (160, 24..1400)\n"
"          --rate PPS_PER_ALLOC|max  (per direction; max = windowed closed loop)\n"
"          --mode channel|send (channel)  --direction up|down|both (both)\n"
"          --total-window T  packets in flight per direction, all allocations (64)\n"
"          --window W        packets in flight per allocation and direction (no limit)\n"
"          --burst K         packets sent in a row by one allocation (1)\n"
"          --peers P         peer sockets, 0 = one per allocation (0)\n"
"          --tcp / --tls     clients come by TCP or TLS; payloads are multiples of 4 then\n"
"          --gso / --gro     generator uses UDP_SEGMENT / UDP_GRO itself\n"
"  allocs  allocation rate and memory\n"
"          --user U --pass P [--realm R] --count N (1000) --concurrency C (32)\n"
"          --tcp / --tls     clients come by TCP or TLS\n"
"          --channels (also CreatePermission + ChannelBind each) --rounds R (1)\n"
"          --hold (says when all are there, and keeps them until standard input ends)\n"
"  selftest  check MD5/SHA-1/HMAC against published vectors\n"
"\n"
"  common: --secs S (5)  --warmup S (0.5)  --server-pid PID|auto  --cpu N (pin generator)\n"
"          --busy (spin instead of sleeping in epoll_wait)\n"
"          --i-own-this-server (needed for any target that is not loopback)\n";

static void parse_opts(int argc, char **argv)
{
	for (int i = 2; i < argc; i++) {
		char *a = argv[i];
#define FLAG(n, f) if (!strcmp(a, n)) { opt.f = 1; continue; }
#define ARG(n) (!strcmp(a, n) && (++i < argc || (die("%s needs a value", n), 0)))
		FLAG("--gso", gso) FLAG("--gro", gro) FLAG("--busy", busy) FLAG("--fingerprint", fingerprint)
		FLAG("--tcp", tcp) FLAG("--tls", tls) FLAG("--channels", channels) FLAG("--hold", hold) FLAG("--i-own-this-server", remote)
		if (ARG("--server")) opt.server = argv[i];
		else if (ARG("--user")) opt.user = argv[i];
		else if (ARG("--pass")) opt.pass = argv[i];
		else if (ARG("--realm")) opt.realm = argv[i];
		else if (ARG("--mode")) opt.mode = argv[i];
		else if (ARG("--direction")) opt.direction = argv[i];
		else if (ARG("--rate")) opt.rate = argv[i];
		else if (ARG("--server-pid")) opt.pid = argv[i];
		else if (ARG("--sockets")) opt.sockets = atoi(argv[i]);
		else if (ARG("--inflight")) opt.inflight = atoi(argv[i]);
		else if (ARG("--allocs")) opt.allocs = atoi(argv[i]);
		else if (ARG("--payload")) opt.payload = atoi(argv[i]);
		else if (ARG("--count")) opt.count = atoi(argv[i]);
		else if (ARG("--concurrency")) opt.concurrency = atoi(argv[i]);
		else if (ARG("--cpu")) opt.cpu = atoi(argv[i]);
		else if (ARG("--peers")) opt.peers = atoi(argv[i]);
		else if (ARG("--burst")) opt.burst = atoi(argv[i]);
		else if (ARG("--window")) opt.window = atoi(argv[i]);
		else if (ARG("--total-window")) opt.total = atoi(argv[i]);
		else if (ARG("--rounds")) opt.rounds = atoi(argv[i]);
		else if (ARG("--secs")) opt.secs = atof(argv[i]);
		else if (ARG("--warmup")) opt.warmup = atof(argv[i]);
		else if (ARG("--wait")) opt.wait = atof(argv[i]);
		else die("unknown option %s (see: turnload help)", a);
	}
}

/* ------------------------------------------------------------------ addresses and sockets */

typedef struct { union { struct sockaddr sa; struct sockaddr_in v4; struct sockaddr_in6 v6; }; socklen_t len; } addr_t;
static addr_t server;

static void parse_server(void)
{
	if (!opt.server)
		die("--server IP:PORT is missing");
	char host[128];
	const char *colon = strrchr(opt.server, ':');
	if (!colon || (size_t)(colon - opt.server) >= sizeof host)
		die("--server must be IP:PORT or [IPv6]:PORT");
	memcpy(host, opt.server, colon - opt.server);
	host[colon - opt.server] = 0;
	int port = atoi(colon + 1), loop;
	char *h = host;
	if (*h == '[') { h++; h[strcspn(h, "]")] = 0; }
	memset(&server, 0, sizeof server);
	if (inet_pton(AF_INET, h, &server.v4.sin_addr) == 1) {
		server.v4.sin_family = AF_INET;
		server.v4.sin_port = htons(port);
		server.len = sizeof server.v4;
		loop = (ntohl(server.v4.sin_addr.s_addr) >> 24) == 127;
	} else if (inet_pton(AF_INET6, h, &server.v6.sin6_addr) == 1) {
		server.v6.sin6_family = AF_INET6;
		server.v6.sin6_port = htons(port);
		server.len = sizeof server.v6;
		loop = IN6_IS_ADDR_LOOPBACK(&server.v6.sin6_addr);
	} else
		die("bad server address '%s' (literal IP needed)", opt.server);
	if (port <= 0 || port > 65535)
		die("bad server port");
	if (!loop && !opt.remote)
		die("refusing to load %s: not a loopback address (--i-own-this-server overrides)", opt.server);
}

static unsigned addr_port(const addr_t *a)
{
	return ntohs(a->sa.sa_family == AF_INET ? a->v4.sin_port : a->v6.sin6_port);
}

static int udp_socket(int rcvbuf)
{
	int fd = socket(server.sa.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		die("socket: %s (raise 'ulimit -n'?)", strerror(errno));
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &rcvbuf, sizeof rcvbuf) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &rcvbuf, sizeof rcvbuf);
	return fd;
}

static int client_socket(addr_t *local)
{
	int fd = udp_socket(4 << 20);
	if (connect(fd, &server.sa, server.len) < 0)
		die("connect: %s", strerror(errno));
	if (local) {
		local->len = sizeof local->v6;
		getsockname(fd, &local->sa, &local->len);
	}
	if (opt.gro) {
		int one = 1;
		if (setsockopt(fd, SOL_UDP, UDP_GRO, &one, sizeof one) < 0)
			die("UDP_GRO: %s", strerror(errno));
	}
	return fd;
}

static int peer_socket(addr_t *local)
{
	int fd = udp_socket(4 << 20);
	addr_t a = server; /* the same local address family; port chosen by the kernel */
	if (a.sa.sa_family == AF_INET) { a.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK); a.v4.sin_port = 0; }
	else { a.v6.sin6_addr = in6addr_loopback; a.v6.sin6_port = 0; }
	if (bind(fd, &a.sa, a.len) < 0)
		die("bind peer: %s", strerror(errno));
	local->len = sizeof local->v6;
	getsockname(fd, &local->sa, &local->len);
	if (opt.gro) {
		int one = 1;
		setsockopt(fd, SOL_UDP, UDP_GRO, &one, sizeof one);
	}
	return fd;
}

/* ------------------------------------------------------------------ /proc sampling */

typedef struct { double user, sys, sched; unsigned threads; uint64_t tids; long rss_kb, hwm_kb; double gen; } sample_t;
static int server_pid;

static int port_owner(unsigned port)
{
	unsigned long inodes[64];
	int n = 0;
	static const char *const files[] = {"/proc/net/udp", "/proc/net/udp6"};
	for (int f = 0; f < 2; f++) {
		FILE *fp = fopen(files[f], "r");
		if (!fp)
			continue;
		char line[512];
		while (fgets(line, sizeof line, fp)) {
			char loc[80], rem[80];
			unsigned long ino;
			if (sscanf(line, " %*d: %79s %79s %*x %*s %*s %*s %*d %*d %lu", loc, rem, &ino) == 3 && strchr(loc, ':') &&
			    strtoul(strrchr(loc, ':') + 1, NULL, 16) == port && strtoul(strrchr(rem, ':') + 1, NULL, 16) == 0 && n < 64)
				inodes[n++] = ino;
		}
		fclose(fp);
	}
	DIR *d = opendir("/proc");
	struct dirent *e;
	int found = 0;
	while (d && !found && (e = readdir(d))) {
		if (!isdigit((unsigned char)e->d_name[0]))
			continue;
		char path[300];
		snprintf(path, sizeof path, "/proc/%s/fd", e->d_name);
		DIR *fd = opendir(path);
		struct dirent *l;
		while (fd && !found && (l = readdir(fd))) {
			char lp[600], to[64];
			snprintf(lp, sizeof lp, "%s/%s", path, l->d_name);
			ssize_t k = readlink(lp, to, sizeof to - 1);
			if (k <= 0)
				continue;
			to[k] = 0;
			unsigned long ino;
			if (sscanf(to, "socket:[%lu]", &ino) == 1)
				for (int i = 0; i < n; i++)
					if (inodes[i] == ino)
						found = atoi(e->d_name);
		}
		if (fd)
			closedir(fd);
	}
	if (d)
		closedir(d);
	return found;
}

static void resolve_pid(void)
{
	if (!opt.pid)
		return;
	server_pid = atoi(opt.pid);
	for (int i = 0; !strcmp(opt.pid, "auto") && !server_pid && i < 20; i++) {
		/* /proc/net/udp may skip entries while thousands of sockets are being closed: look again */
		struct timespec ts = {0, 100000000};
		if (i)
			nanosleep(&ts, NULL);
		server_pid = port_owner(addr_port(&server));
	}
	if (server_pid <= 0)
		die("--server-pid: no process found (%s)", opt.pid);
}

static sample_t take_sample(void)
{
	sample_t s = {0};
	struct rusage ru;
	getrusage(RUSAGE_SELF, &ru);
	s.gen = ru.ru_utime.tv_sec + ru.ru_utime.tv_usec / 1e6 + ru.ru_stime.tv_sec + ru.ru_stime.tv_usec / 1e6;
	if (!server_pid)
		return s;
	char path[320], buf[4096];
	snprintf(path, sizeof path, "/proc/%d/stat", server_pid);
	FILE *fp = fopen(path, "r");
	if (!fp)
		die("server process %d is gone", server_pid);
	if (fgets(buf, sizeof buf, fp)) {
		char *p = strrchr(buf, ')');
		unsigned long ut = 0, st = 0;
		if (p)
			sscanf(p + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &ut, &st);
		double hz = (double)sysconf(_SC_CLK_TCK);
		s.user = ut / hz;
		s.sys = st / hz;
	}
	fclose(fp);
	snprintf(path, sizeof path, "/proc/%d/task", server_pid);
	DIR *d = opendir(path);
	struct dirent *e;
	while (d && (e = readdir(d))) {
		if (!isdigit((unsigned char)e->d_name[0]))
			continue;
		snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat", server_pid, e->d_name);
		fp = fopen(path, "r");
		if (!fp)
			continue;
		unsigned long long ns = 0;
		if (fscanf(fp, "%llu", &ns) == 1)
			s.sched += (double)ns / 1e9;
		fclose(fp);
		s.threads++;
		s.tids += strtoull(e->d_name, NULL, 10) * 2654435761u;
	}
	if (d)
		closedir(d);
	snprintf(path, sizeof path, "/proc/%d/status", server_pid);
	fp = fopen(path, "r");
	while (fp && fgets(buf, sizeof buf, fp)) {
		sscanf(buf, "VmRSS: %ld", &s.rss_kb);
		sscanf(buf, "VmHWM: %ld", &s.hwm_kb);
	}
	if (fp)
		fclose(fp);
	return s;
}

/* CPU seconds of the server between two samples: nanosecond run times of the threads when no
 * thread came or went, else utime+stime of the whole process (10 ms steps, exited threads included). */
static double server_cpu(const sample_t *a, const sample_t *b)
{
	if (a->tids == b->tids && a->threads == b->threads && b->sched > 0)
		return b->sched - a->sched;
	return b->user + b->sys - a->user - a->sys;
}

/* ------------------------------------------------------------------ STUN encoding */

#define MAGIC 0x2112a442u
enum { A_USERNAME = 6, A_MI = 8, A_ERROR = 9, A_CHANNEL = 0x0c, A_LIFETIME = 0x0d, A_XPEER = 0x12, A_DATA = 0x13,
       A_REALM = 0x14, A_NONCE = 0x15, A_XRELAYED = 0x16, A_FAMILY = 0x17, A_TRANSPORT = 0x19, A_XMAPPED = 0x20,
       A_FINGERPRINT = 0x8028 };

static int put_attr(uint8_t *b, int off, unsigned type, const void *v, int len)
{
	int pad = (4 - (len & 3)) & 3;
	w16(b + off, type);
	w16(b + off + 2, (unsigned)len);
	memcpy(b + off + 4, v, (size_t)len);
	memset(b + off + 4 + len, 0, (size_t)pad);
	return off + 4 + len + pad;
}

static int put_xaddr(uint8_t *b, int off, unsigned type, const addr_t *a)
{
	uint8_t v[20] = {0};
	if (a->sa.sa_family == AF_INET) {
		v[1] = 1;
		w16(v + 2, addr_port(a) ^ (MAGIC >> 16));
		w32(v + 4, ntohl(a->v4.sin_addr.s_addr) ^ MAGIC);
		return put_attr(b, off, type, v, 8);
	}
	v[1] = 2;
	w16(v + 2, addr_port(a) ^ (MAGIC >> 16));
	for (int i = 0; i < 16; i++)
		v[4 + i] = a->v6.sin6_addr.s6_addr[i] ^ b[4 + i];
	return put_attr(b, off, type, v, 20);
}

static int get_xaddr(const uint8_t *msg, const uint8_t *v, int len, addr_t *a)
{
	memset(a, 0, sizeof *a);
	if (len >= 8 && v[1] == 1) {
		a->v4.sin_family = AF_INET;
		a->v4.sin_port = htons(r16(v + 2) ^ (MAGIC >> 16));
		a->v4.sin_addr.s_addr = htonl(r32(v + 4) ^ MAGIC);
		a->len = sizeof a->v4;
		return 1;
	}
	if (len >= 20 && v[1] == 2) {
		a->v6.sin6_family = AF_INET6;
		a->v6.sin6_port = htons(r16(v + 2) ^ (MAGIC >> 16));
		for (int i = 0; i < 16; i++)
			a->v6.sin6_addr.s6_addr[i] = v[4 + i] ^ msg[4 + i];
		a->len = sizeof a->v6;
		return 1;
	}
	return 0;
}

static uint32_t crc32_stun(const uint8_t *p, int len)
{
	uint32_t c = ~0u;
	while (len--) {
		c ^= *p++;
		for (int i = 0; i < 8; i++)
			c = c >> 1 ^ (0xedb88320u & -(c & 1));
	}
	return ~c ^ 0x5354554eu;
}

static int put_fingerprint(uint8_t *b, int off)
{
	w16(b + 2, (unsigned)(off - 20 + 8));
	uint8_t v[4];
	w32(v, crc32_stun(b, off));
	return put_attr(b, off, A_FINGERPRINT, v, 4);
}

static int new_header(uint8_t *b, unsigned type, uint8_t *tid)
{
	w16(b, type);
	w16(b + 2, 0);
	w32(b + 4, MAGIC);
	uint64_t r1 = rng(), r2 = rng();
	memcpy(b + 8, &r1, 8);
	memcpy(b + 16, &r2, 4);
	if (tid)
		memcpy(tid, b + 8, 12);
	return 20;
}

/* ------------------------------------------------------------------ TURN control plane */

enum { K_ALLOCATE, K_PERMISSION, K_CHANNEL, K_REFRESH, K_DELETE };
static const char *const kind_name[] = {"Allocate", "CreatePermission", "ChannelBind", "Refresh", "Refresh(0)"};
static const unsigned kind_type[] = {0x003, 0x008, 0x009, 0x004, 0x004};

typedef struct { uint32_t next, exp; uint64_t last; } flow_t; /* next to send; lowest not yet accounted for */

typedef struct {
	int fd, pfd, state, kind, tries, auth_tries, alive, moves, failed;
	uint64_t sent_at, first_at;
	uint8_t tid[12];
	unsigned chan, relay_port;
	addr_t relay, peer;
	struct stream *stream; /* NULL over UDP */
	int nonce_len;
	char nonce[256];
	flow_t flow[2];
} alloc_t;

/* a client's way to the server over TCP or TLS: what was read and is no whole message yet */
typedef struct stream { void *tls; int n, from; uint8_t in[16384]; } stream_t;

static alloc_t *al;
static int n_al;
static hmac_t key;
static char realm[256];
static int have_key;
static uint64_t err_codes[700], n_timeouts, n_retransmits, n_no_mi, n_bad_mi, n_moved;

static void set_realm(const char *r, int len)
{
	if (len >= (int)sizeof realm)
		len = sizeof realm - 1;
	if (have_key && (int)strlen(realm) == len && !memcmp(realm, r, (size_t)len))
		return;
	memcpy(realm, r, (size_t)len);
	realm[len] = 0;
	if (opt.realm && strcmp(opt.realm, realm))
		warn("note: the server's realm is '%s', not '%s'; using the server's", realm, opt.realm);
	if (!opt.user || !opt.pass)
		die("the server asks for credentials (401): give --user and --pass");
	char s[1024];
	int n = snprintf(s, sizeof s, "%s:%s:%s", opt.user, realm, opt.pass);
	uint8_t k[16];
	md5((uint8_t *)s, (size_t)n, k);
	hmac_key(&key, k, 16);
	have_key = 1;
}

static void hmac_msg(const uint8_t *b, int off, uint8_t out[20])
{
	sha1_t s = key.in;
	sha1_add(&s, b, (size_t)off);
	sha1_end(&s, out);
	s = key.out;
	sha1_add(&s, out, 20);
	sha1_end(&s, out);
}

static int build_request(alloc_t *a, uint8_t *b)
{
	int off = new_header(b, kind_type[a->kind], a->tid);
	uint8_t v[4] = {0};
	switch (a->kind) {
	case K_ALLOCATE:
		v[0] = 17;
		off = put_attr(b, off, A_TRANSPORT, v, 4);
		if (server.sa.sa_family == AF_INET6) {
			v[0] = 2;
			off = put_attr(b, off, A_FAMILY, v, 4);
		}
		break;
	case K_CHANNEL:
		w16(v, a->chan);
		off = put_attr(b, off, A_CHANNEL, v, 4);
		/* fall through */
	case K_PERMISSION:
		off = put_xaddr(b, off, A_XPEER, &a->peer);
		break;
	case K_REFRESH:
		w32(v, 600);
		/* fall through */
	case K_DELETE:
		off = put_attr(b, off, A_LIFETIME, v, 4);
		break;
	}
	if (a->nonce_len && have_key) {
		off = put_attr(b, off, A_USERNAME, opt.user, (int)strlen(opt.user));
		off = put_attr(b, off, A_REALM, realm, (int)strlen(realm));
		off = put_attr(b, off, A_NONCE, a->nonce, a->nonce_len);
		uint8_t mac[20];
		w16(b + 2, (unsigned)(off - 20 + 24));
		hmac_msg(b, off, mac);
		off = put_attr(b, off, A_MI, mac, 20);
	}
	w16(b + 2, (unsigned)(off - 20));
	return off;
}

/* ------------------------------------------------------------------ clients over TCP and TLS */

#ifdef WITH_TLS
static SSL_CTX *tls;
#endif

static void open_client(alloc_t *a)
{
	if (!opt.tcp && !opt.tls) {
		a->fd = client_socket(NULL);
		return;
	}
	int one = 1;
	a->fd = socket(server.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (a->fd < 0 || connect(a->fd, &server.sa, server.len) < 0)
		die("connect by TCP: %s", strerror(errno));
	setsockopt(a->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	a->stream = xcalloc(1, sizeof *a->stream);
#ifdef WITH_TLS
	if (opt.tls) {
		if (!tls) {
			tls = SSL_CTX_new(TLS_client_method());
			SSL_CTX_set_verify(tls, SSL_VERIFY_NONE, NULL); /* a server of our own, on loopback */
		}
		SSL *ssl = SSL_new(tls);
		SSL_set_fd(ssl, a->fd);
		if (SSL_connect(ssl) != 1)
			die("no TLS with the server");
		a->stream->tls = ssl;
	}
#endif
	if (fcntl(a->fd, F_SETFL, O_NONBLOCK) < 0)
		die("fcntl: %s", strerror(errno));
}

static void close_client(alloc_t *a)
{
#ifdef WITH_TLS
	if (a->stream && a->stream->tls)
		SSL_free(a->stream->tls);
#endif
	free(a->stream);
	a->stream = NULL;
	close(a->fd);
}

/* -1 with EAGAIN when it would block; 0 at the end */
static ssize_t stream_io(alloc_t *a, int write, uint8_t *b, size_t len)
{
#ifdef WITH_TLS
	if (a->stream->tls) {
		int r = write ? SSL_write(a->stream->tls, b, (int)len) : SSL_read(a->stream->tls, b, (int)len);
		if (r > 0)
			return r;
		int e = SSL_get_error(a->stream->tls, r);
		errno = e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE ? EAGAIN : EIO;
		return e == SSL_ERROR_ZERO_RETURN ? 0 : -1;
	}
#endif
	return write ? send(a->fd, b, len, MSG_NOSIGNAL) : recv(a->fd, b, len, 0);
}

static void stream_send(alloc_t *a, uint8_t *b, size_t len)
{
	while (len > 0) {
		ssize_t r = stream_io(a, 1, b, len);
		if (r > 0) { b += r; len -= (size_t)r; continue; }
		if (errno != EAGAIN)
			die("the server closed a client's connection");
		struct pollfd p = {.fd = a->fd, .events = POLLOUT};
		poll(&p, 1, 100);
	}
}

/* how long the message at b is, with its padding; 0 when that is not known yet */
static int stream_message(const uint8_t *b, int n)
{
	if (n < 4)
		return 0;
	return (b[0] & 0xc0) == 0x40 ? 4 + (((int)r16(b + 2) + 3) & ~3) : 20 + (int)r16(b + 2);
}

/* the next datagram, or the next message of a stream; -1 with EAGAIN when there is none */
static ssize_t next_message(alloc_t *a, uint8_t *b, size_t size)
{
	stream_t *s = a->stream;
	if (!s)
		return recv(a->fd, b, size, 0);
	for (;;) {
		int len = stream_message(s->in + s->from, s->n - s->from);
		if (len > (int)size)
			die("the server sent a message of %d bytes", len);
		if (len && len <= s->n - s->from) {
			memcpy(b, s->in + s->from, (size_t)len);
			s->from += len;
			return len;
		}
		memmove(s->in, s->in + s->from, (size_t)(s->n - s->from));
		s->n -= s->from;
		s->from = 0;
		ssize_t r = stream_io(a, 0, s->in + s->n, sizeof s->in - (size_t)s->n);
		if (r == 0)
			die("the server closed a client's connection");
		if (r < 0)
			return -1;
		s->n += (int)r;
	}
}

static void send_request(alloc_t *a)
{
	uint8_t b[1500];
	int len = build_request(a, b);
	a->sent_at = now_ns();
	if (a->stream)
		stream_send(a, b, (size_t)len);
	else if (send(a->fd, b, (size_t)len, 0) < 0 && errno != ECONNREFUSED && errno != EAGAIN)
		die("send: %s", strerror(errno));
}

static int epfd;

static void epoll_register(int fd, int peer, int idx)
{
	struct epoll_event e = {.events = EPOLLIN, .data.u64 = (uint64_t)peer << 32 | (uint32_t)idx};
	if (epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &e) < 0)
		die("epoll_ctl: %s", strerror(errno));
}

/* returns 1 when the request is finished well, -1 when it failed, 0 otherwise */
static int handle_response(alloc_t *a, uint8_t *b, int len)
{
	if (a->state != 1 || len < 20 || b[0] & 0xc0 || r32(b + 4) != MAGIC || (int)r16(b + 2) + 20 > len || memcmp(b + 8, a->tid, 12))
		return 0;
	unsigned type = r16(b), method = kind_type[a->kind];
	int end = (int)r16(b + 2) + 20, code = 0, mi = 0;
	const uint8_t *rl = NULL, *no = NULL;
	int rlen = 0, nlen = 0;
	for (int o = 20; o + 4 <= end;) {
		unsigned t = r16(b + o);
		int l = (int)r16(b + o + 2);
		const uint8_t *v = b + o + 4;
		if (o + 4 + l > end)
			break;
		if (t == A_ERROR && l >= 4)
			code = (v[2] & 7) * 100 + v[3];
		else if (t == A_REALM) { rl = v; rlen = l; }
		else if (t == A_NONCE) { no = v; nlen = l; }
		else if (t == A_XRELAYED) get_xaddr(b, v, l, &a->relay);
		else if (t == A_MI && l == 20 && have_key) {
			uint8_t mac[20], save[2] = {b[2], b[3]};
			w16(b + 2, (unsigned)(o + 24 - 20));
			hmac_msg(b, o, mac);
			b[2] = save[0]; b[3] = save[1];
			mi = memcmp(mac, v, 20) ? -1 : 1;
			break;
		}
		o += 4 + ((l + 3) & ~3);
	}
	if (type == (method | 0x100)) {
		if (have_key && !mi) n_no_mi++;
		if (mi < 0) n_bad_mi++;
		if (a->kind == K_ALLOCATE) {
			if (!a->relay.len) {
				warn("Allocate success without XOR-RELAYED-ADDRESS");
				return -1;
			}
			a->alive = 1;
		} else if (a->kind == K_DELETE)
			a->alive = 0;
		return 1;
	}
	if (type != (method | 0x110))
		return 0;
	if (code > 0 && code < 700)
		err_codes[code]++;
	if ((code == 401 || code == 438) && no && nlen < (int)sizeof a->nonce && a->auth_tries++ < 3) {
		if (code == 401 && a->auth_tries >= 2)
			return -1; /* credentials were sent and refused */
		if (rl)
			set_realm((const char *)rl, rlen);
		memcpy(a->nonce, no, (size_t)nlen);
		a->nonce_len = nlen;
		a->tries = 0;
		send_request(a);
		return 0;
	}
	if (a->kind == K_DELETE && code == 437)
		return 1;
	if (a->kind == K_ALLOCATE && code == 437 && a->moves++ < 5) {
		/* the server still remembers an older allocation of this 5-tuple (our port was reused):
		 * RFC 8656 tells the client to try again from another one */
		close_client(a);
		open_client(a);
		epoll_register(a->fd, 0, (int)(a - al));
		a->nonce_len = a->auth_tries = a->tries = 0;
		n_moved++;
		send_request(a);
		return 0;
	}
	return -1;
}

typedef struct { int ok, failed; double secs; hist_t lat; } phase_t;

static int only_failed; /* the next phase covers just the allocations whose last request failed */

static int takes_part(const alloc_t *a, int kind)
{
	return (kind == K_ALLOCATE || a->alive) && (!only_failed || a->failed);
}

static void run_phase(int kind, int conc, phase_t *ph)
{
	memset(ph, 0, sizeof *ph);
	uint64_t t0 = now_ns(), scan = t0;
	int next = 0, out = 0, total = 0;
	for (int i = 0; i < n_al; i++)
		if (takes_part(&al[i], kind))
			total++;
	struct epoll_event ev[256];
	uint8_t b[2048];
	while (ph->ok + ph->failed < total) {
		while (out < conc && next < n_al) {
			alloc_t *a = &al[next++];
			if (!takes_part(a, kind))
				continue;
			a->failed = 0;
			a->kind = kind; a->state = 1; a->tries = 0; a->auth_tries = 0;
			a->first_at = now_ns();
			send_request(a);
			out++;
		}
		int n = epoll_wait(epfd, ev, 256, 10);
		for (int i = 0; i < n; i++) {
			uint32_t id = (uint32_t)ev[i].data.u64;
			int is_peer = (int)(ev[i].data.u64 >> 32);
			if (is_peer)
				continue;
			alloc_t *a = &al[id];
			ssize_t k;
			while ((k = next_message(a, b, sizeof b)) != -1 || errno == ECONNREFUSED) {
				if (k < 0)
					continue;
				int r = handle_response(a, b, (int)k);
				if (r) {
					a->state = 2;
					out--;
					if (r > 0) { ph->ok++; hist_add(&ph->lat, now_ns() - a->first_at); }
					else { ph->failed++; a->failed = 1; }
				}
			}
		}
		uint64_t now = now_ns();
		if (now - scan > 20000000) {
			scan = now;
			for (int i = 0; i < n_al; i++) {
				alloc_t *a = &al[i];
				if (a->state != 1 || now - a->sent_at < (250000000ull << (a->tries > 4 ? 4 : a->tries)))
					continue;
				if (++a->tries > 5) {
					a->state = 2; a->failed = 1; out--; ph->failed++; n_timeouts++;
				} else {
					n_retransmits++;
					send_request(a);
				}
			}
			if (ph->failed > 50 && ph->ok == 0)
				break; /* nothing works: no point in waiting for thousands of timeouts */
		}
	}
	ph->secs = (double)(now_ns() - t0) / 1e9;
	for (int i = 0; i < n_al; i++)
		if (al[i].state == 1) { al[i].state = 2; al[i].failed = 1; ph->failed++; }
}

static void explain_errors(const char *what)
{
	for (int c = 300; c < 700; c++)
		if (err_codes[c] && c != 401 && c != 438 && (c != 437 || err_codes[c] > n_moved)) {
			const char *hint = c == 486 ? " (quota reached: raise the server's user/total quota)" :
				c == 508 ? " (no relay capacity: port range or file limit)" :
				c == 403 ? " (forbidden: does the server allow loopback peers?)" :
				c == 437 ? " (allocation mismatch)" : c == 441 ? " (wrong credentials)" : "";
			warn("%s: error %d x %llu%s", what, c, (unsigned long long)err_codes[c], hint);
		}
	if (err_codes[401] && !n_al)
		warn("%s: 401", what);
	if (n_timeouts)
		warn("%s: %llu requests timed out", what, (unsigned long long)n_timeouts);
	if (n_bad_mi)
		warn("%s: %llu responses with a wrong MESSAGE-INTEGRITY", what, (unsigned long long)n_bad_mi);
}

static void cleanup_allocations(void)
{
	phase_t ph;
	only_failed = 0;
	for (int i = 0; i < 4; i++) { /* leave no allocation behind */
		run_phase(K_DELETE, 256, &ph);
		if (!ph.failed)
			break;
	}
}

static void need_phase(int kind, phase_t *ph)
{
	run_phase(kind, opt.concurrency, ph);
	if (!ph->failed)
		return;
	explain_errors(kind_name[kind]);
	if (err_codes[401] > (uint64_t)n_al)
		warn("%s: 401 after sending credentials: wrong --user/--pass", kind_name[kind]);
	int bad = ph->failed, all = ph->failed + ph->ok;
	cleanup_allocations();
	die("%s failed for %d of %d allocations", kind_name[kind], bad, all);
}

static void raise_nofile(int need)
{
	struct rlimit rl;
	getrlimit(RLIMIT_NOFILE, &rl);
	if (rl.rlim_cur >= (rlim_t)need)
		return;
	rl.rlim_cur = (rlim_t)need;
	if (rl.rlim_max < (rlim_t)need)
		rl.rlim_max = (rlim_t)need;
	if (setrlimit(RLIMIT_NOFILE, &rl) < 0)
		die("cannot raise the open-file limit to %d: %s", need, strerror(errno));
}

static void make_clients(int n)
{
	n_al = n;
	al = xcalloc((size_t)n, sizeof *al);
	epfd = epoll_create1(EPOLL_CLOEXEC);
	for (int i = 0; i < n; i++) {
		open_client(&al[i]);
		al[i].pfd = -1;
		al[i].chan = 0x4000 + (unsigned)(i % 0x1000);
		epoll_register(al[i].fd, 0, i);
	}
}

/* ------------------------------------------------------------------ command: ping */

static int cmd_ping(void)
{
	uint64_t end = now_ns() + (uint64_t)(opt.wait * 1e9);
	while (now_ns() < end) {
		int fd = client_socket(NULL);
		uint8_t b[600], tid[12];
		int len = new_header(b, 0x0001, tid);
		if (opt.fingerprint)
			len = put_fingerprint(b, len);
		if (send(fd, b, (size_t)len, 0) == len) {
			struct timespec ts = {0, 50000000};
			nanosleep(&ts, NULL);
			ssize_t k = recv(fd, b, sizeof b, 0);
			if (k >= 20 && r16(b) == 0x0101 && !memcmp(b + 8, tid, 12)) {
				close(fd);
				return 0;
			}
		}
		close(fd);
		struct timespec ts = {0, 50000000};
		nanosleep(&ts, NULL);
	}
	warn("no Binding response from %s within %.1f s", opt.server, opt.wait);
	return 1;
}

/* ------------------------------------------------------------------ command: stun */

#define BATCH 64
#define SLOT 2048

static int cmd_stun(void)
{
	int N = opt.sockets, M = opt.inflight;
	if (N < 1 || M < 1 || M > BATCH)
		die("--sockets must be >= 1 and --inflight 1..%d", BATCH);
	raise_nofile(N + 64);
	epfd = epoll_create1(EPOLL_CLOEXEC);
	typedef struct { uint64_t ts; uint32_t seq; } slot_t;
	typedef struct { int fd; unsigned port; uint32_t seq; slot_t s[BATCH]; } sock_t;
	sock_t *sk = xcalloc((size_t)N, sizeof *sk);
	for (int i = 0; i < N; i++) {
		addr_t l;
		sk[i].fd = client_socket(&l);
		sk[i].port = addr_port(&l);
		epoll_register(sk[i].fd, 0, i);
	}
	int reqlen = opt.fingerprint ? 28 : 20;
	static uint8_t tx[BATCH][64], rx[BATCH][SLOT];
	struct mmsghdr tm[BATCH], rm[BATCH];
	struct iovec ti[BATCH], ri[BATCH];
	memset(tm, 0, sizeof tm);
	memset(rm, 0, sizeof rm);
	for (int i = 0; i < BATCH; i++) {
		ti[i] = (struct iovec){tx[i], (size_t)reqlen};
		tm[i].msg_hdr.msg_iov = &ti[i]; tm[i].msg_hdr.msg_iovlen = 1;
		ri[i] = (struct iovec){rx[i], SLOT};
		rm[i].msg_hdr.msg_iov = &ri[i]; rm[i].msg_hdr.msg_iovlen = 1;
		new_header(tx[i], 0x0001, NULL);
	}
	hist_t *h = xcalloc(1, sizeof *h);
	uint64_t requests = 0, responses = 0, lost = 0, bad = 0, all = 0;
	int measuring = 0;
	sample_t s0 = take_sample(), s1;
	uint64_t t0 = now_ns(), begin = t0 + (uint64_t)(opt.warmup * 1e9), end = begin + (uint64_t)(opt.secs * 1e9), scan = t0, m0 = t0, m1;
	int free_slot[BATCH];

#define SEND_SLOTS(S, K, NOW) do { \
	for (int q_ = 0; q_ < (K); q_++) { \
		int sl_ = free_slot[q_]; \
		(S)->s[sl_].ts = (NOW); (S)->s[sl_].seq = ++(S)->seq; \
		uint8_t *p_ = tx[q_]; \
		w32(p_ + 8, (S)->seq); w32(p_ + 12, (uint32_t)sl_); w32(p_ + 16, (S)->port * 2654435761u); \
		if (opt.fingerprint) put_fingerprint(p_, 20); \
	} \
	int done_ = 0; \
	while (done_ < (K)) { \
		int r_ = sendmmsg((S)->fd, tm + done_, (unsigned)((K) - done_), 0); \
		if (r_ <= 0) { if (errno == ECONNREFUSED || errno == EINTR) continue; break; } \
		done_ += r_; \
	} \
	requests += (uint64_t)(K); \
} while (0)

	for (int i = 0; i < N; i++) {
		for (int j = 0; j < M; j++)
			free_slot[j] = j;
		SEND_SLOTS(&sk[i], M, now_ns());
	}
	struct epoll_event ev[256];
	for (;;) {
		int n = epoll_wait(epfd, ev, 256, opt.busy ? 0 : 5);
		uint64_t now = now_ns();
		if (!measuring && now >= begin) {
			measuring = 1;
			s0 = take_sample();
			m0 = now_ns();
			requests = responses = lost = 0;
		}
		if (now >= end)
			break;
		for (int e = 0; e < n; e++) {
			sock_t *s = &sk[(uint32_t)ev[e].data.u64];
			int k = recvmmsg(s->fd, rm, BATCH, 0, NULL);
			if (k <= 0)
				continue;
			now = now_ns();
			int f = 0;
			for (int i = 0; i < k; i++) {
				uint8_t *b = rx[i];
				unsigned len = rm[i].msg_len;
				unsigned sl = len >= 20 ? r32(b + 12) : BATCH;
				if (sl >= (unsigned)M || r16(b) != 0x0101 || r32(b + 16) != s->port * 2654435761u || r32(b + 8) != s->s[sl].seq || !s->s[sl].ts) {
					bad++;
					continue;
				}
				/* the answer must carry our own port in XOR-MAPPED-ADDRESS */
				unsigned got = 0;
				for (unsigned o = 20; o + 8 <= len; o += 4 + ((r16(b + o + 2) + 3u) & ~3u))
					if (r16(b + o) == A_XMAPPED) { got = r16(b + o + 6) ^ (MAGIC >> 16); break; }
				if (got != s->port) {
					bad++;
					continue;
				}
				if (measuring)
					hist_add(h, now - s->s[sl].ts);
				s->s[sl].ts = 0;
				free_slot[f++] = (int)sl;
				responses++;
				all++;
			}
			if (f)
				SEND_SLOTS(s, f, now);
		}
		if (now - scan > 50000000) {
			scan = now;
			for (int i = 0; i < N; i++) {
				int f = 0;
				for (int j = 0; j < M; j++)
					if (sk[i].s[j].ts && now - sk[i].s[j].ts > 500000000ull) {
						free_slot[f++] = j;
						lost++;
					}
				if (f)
					SEND_SLOTS(&sk[i], f, now);
			}
		}
	}
	s1 = take_sample();
	m1 = now_ns();
	double secs = (double)(m1 - m0) / 1e9, cpu = server_cpu(&s0, &s1);
	printf("{\"cmd\":\"stun\",\"sockets\":%d,\"inflight\":%d,\"secs\":%.3f,\"requests\":%llu,\"responses\":%llu,\"rps\":%.0f,"
	       "\"lost\":%llu,\"bad\":%llu,\"p50_us\":%.1f,\"p99_us\":%.1f,\"p999_us\":%.1f,",
	       N, M, secs, (unsigned long long)requests, (unsigned long long)responses, responses / secs,
	       (unsigned long long)lost, (unsigned long long)bad, hist_us(h, .5), hist_us(h, .99), hist_us(h, .999));
	if (server_pid)
		printf("\"server_cpu_s\":%.3f,\"server_user_s\":%.2f,\"server_sys_s\":%.2f,\"server_cores\":%.3f,\"cpu_us_per_req\":%.4f,",
		       cpu, s1.user - s0.user, s1.sys - s0.sys, cpu / secs, responses ? cpu * 1e6 / responses : 0.0);
	printf("\"gen_cpu_s\":%.3f,\"gen_cores\":%.3f}\n", s1.gen - s0.gen, (s1.gen - s0.gen) / secs);
	if (!responses)
		warn("nothing was answered (server down, wrong port, or all responses malformed: bad=%llu)", (unsigned long long)bad);
	return responses ? 0 : 1;
}

/* ------------------------------------------------------------------ command: relay */

#define PHDR 24 /* payload header: 'TLOD', alloc, direction+seq(32), timestamp(64) */
#define PMAGIC 0x544c4f44u
enum { UP, DOWN };

typedef struct {
	uint64_t sent, delivered, window_rx, late, dup, bad; /* sent/delivered: packets stamped inside the window */
	hist_t h;
} dir_t;

static dir_t D[2];
static uint64_t win_begin, win_end, send_errors, foreign;
static long inflight[2];
static int64_t total_sent[2];

static struct {
	alloc_t *stream; /* whose stream the messages are for */
	int fd, n, len, sizes[BATCH];
	addr_t *dst[BATCH];
	uint8_t *buf;
	struct iovec iov[BATCH];
	struct mmsghdr mm[BATCH];
} ob;

static void ob_flush(void)
{
	if (!ob.n)
		return;
	if (ob.stream) {
		static uint8_t joined[BATCH * SLOT];
		size_t n = 0;
		for (int i = 0; i < ob.n; n += ob.iov[i++].iov_len)
			memcpy(joined + n, ob.iov[i].iov_base, ob.iov[i].iov_len);
		stream_send(ob.stream, joined, n);
	} else if (opt.gso && ob.n > 1) {
		int i = 0;
		while (i < ob.n) {
			int j = i + 1, bytes = ob.sizes[i];
			while (j < ob.n && ob.dst[j] == ob.dst[i] && ob.sizes[j] == ob.sizes[i] && bytes + ob.sizes[j] <= 65000) {
				bytes += ob.sizes[j];
				j++;
			}
			union { struct cmsghdr h; char b[CMSG_SPACE(sizeof(uint16_t))]; } c;
			memset(&c, 0, sizeof c);
			struct msghdr m = {.msg_iov = ob.iov + i, .msg_iovlen = (size_t)(j - i)};
			if (ob.dst[i]) { m.msg_name = &ob.dst[i]->sa; m.msg_namelen = ob.dst[i]->len; }
			if (j - i > 1) {
				m.msg_control = &c;
				m.msg_controllen = sizeof c.b;
				c.h.cmsg_level = SOL_UDP;
				c.h.cmsg_type = UDP_SEGMENT;
				c.h.cmsg_len = CMSG_LEN(sizeof(uint16_t));
				uint16_t sz = (uint16_t)ob.sizes[i];
				memcpy(CMSG_DATA(&c.h), &sz, 2);
			}
			if (sendmsg(ob.fd, &m, 0) < 0 && (errno != ECONNREFUSED || sendmsg(ob.fd, &m, 0) < 0))
				send_errors += (uint64_t)(j - i);
			i = j;
		}
	} else {
		int done = 0, tries = 0;
		while (done < ob.n) {
			int r = sendmmsg(ob.fd, ob.mm + done, (unsigned)(ob.n - done), 0);
			if (r > 0) { done += r; tries = 0; continue; }
			if ((errno == ECONNREFUSED || errno == EINTR) && tries++ < 3)
				continue;
			send_errors++;
			done++;
		}
	}
	ob.n = 0;
}


static inline void queue_packet(alloc_t *a, uint32_t id, int dir, uint64_t now)
{
	int fd = dir == UP ? a->fd : a->pfd;
	if (ob.n && (ob.fd != fd || ob.n == BATCH))
		ob_flush();
	ob.fd = fd;
	ob.stream = dir == UP && a->stream ? a : NULL;
	uint8_t *b = ob.buf + (size_t)ob.n * SLOT, *p = b;
	int len = opt.payload;
	if (dir == UP) {
		if (opt.mode[0] == 'c') {
			w16(b, a->chan);
			w16(b + 2, (unsigned)len);
			p = b + 4;
			len += 4;
		} else {
			int pad = (4 - (len & 3)) & 3;
			int off = new_header(b, 0x0016, NULL);
			off = put_xaddr(b, off, A_XPEER, &a->peer);
			w16(b + off, A_DATA);
			w16(b + off + 2, (unsigned)len);
			p = b + off + 4;
			memset(p + len, 0, (size_t)pad);
			w16(b + 2, (unsigned)(off + 4 + len + pad - 20));
			len = off + 4 + len + pad;
		}
	}
	flow_t *f = &a->flow[dir];
	w32(p, PMAGIC);
	w32(p + 4, id);
	w32(p + 8, (uint32_t)dir);
	w32(p + 12, f->next++);
	memcpy(p + 16, &now, 8);
	f->last = now;
	inflight[dir]++;
	total_sent[dir]++;
	if (now >= win_begin && now < win_end)
		D[dir].sent++;
	ob.iov[ob.n].iov_base = b;
	ob.iov[ob.n].iov_len = (size_t)len;
	ob.sizes[ob.n] = len;
	struct msghdr *m = &ob.mm[ob.n].msg_hdr;
	ob.dst[ob.n] = dir == DOWN && opt.peers ? &a->relay : NULL;
	m->msg_name = ob.dst[ob.n] ? &a->relay.sa : NULL;
	m->msg_namelen = ob.dst[ob.n] ? a->relay.len : 0;
	ob.n++;
}

static inline void got_payload(const uint8_t *p, int len, int dir, int expect_id, uint64_t now)
{
	if (len != opt.payload || r32(p) != PMAGIC || r32(p + 8) != (uint32_t)dir) {
		D[dir].bad++;
		return;
	}
	uint32_t id = r32(p + 4), seq = r32(p + 12);
	uint64_t ts;
	if (id >= (uint32_t)n_al || (expect_id >= 0 && id != (uint32_t)expect_id)) {
		D[dir].bad++; /* delivered to the wrong client or peer: a server bug */
		return;
	}
	memcpy(&ts, p + 16, 8);
	flow_t *f = &al[id].flow[dir];
	int32_t d = (int32_t)(seq - f->exp);
	if (d >= 0) {
		inflight[dir] -= d + 1;
		f->exp = seq + 1;
	} else
		D[dir].late++;
	if (now >= win_begin && now < win_end)
		D[dir].window_rx++;
	if (ts >= win_begin && ts < win_end) {
		D[dir].delivered++;
		hist_add(&D[dir].h, now > ts ? now - ts : 0);
	}
}

static inline void got_client_datagram(const uint8_t *b, int len, int id, uint64_t now)
{
	if (len >= 4 && (b[0] & 0xc0) == 0x40) {
		int l = (int)r16(b + 2);
		if (r16(b) != al[id].chan || l + 4 > len) {
			D[DOWN].bad++;
			return;
		}
		got_payload(b + 4, l, DOWN, id, now);
		return;
	}
	if (len >= 20 && r16(b) == 0x0017) {
		for (int o = 20; o + 4 <= len; o += 4 + ((int)(r16(b + o + 2) + 3) & ~3))
			if (r16(b + o) == A_DATA && o + 4 + (int)r16(b + o + 2) <= len) {
				got_payload(b + o + 4, (int)r16(b + o + 2), DOWN, id, now);
				return;
			}
		D[DOWN].bad++;
		return;
	}
	foreign++;
}

static int rx_n, rx_size;
static uint8_t *rx_buf;
static struct mmsghdr rx_mm[BATCH];
static struct iovec rx_iov[BATCH];
static char rx_ctl[BATCH][64];

static void rx_init(void)
{
	rx_n = opt.gro ? 16 : BATCH;
	rx_size = opt.gro ? 65536 : SLOT;
	rx_buf = xcalloc((size_t)rx_n, (size_t)rx_size);
	for (int i = 0; i < rx_n; i++) {
		rx_iov[i] = (struct iovec){rx_buf + (size_t)i * (size_t)rx_size, (size_t)rx_size};
		rx_mm[i].msg_hdr.msg_iov = &rx_iov[i];
		rx_mm[i].msg_hdr.msg_iovlen = 1;
	}
}

static void drain_socket(uint64_t tag)
{
	int peer = (int)(tag >> 32), idx = (int)(uint32_t)tag;
	int fd = peer == 0 ? al[idx].fd : peer == 1 ? al[idx].pfd : idx;
	if (peer == 0 && al[idx].stream) {
		uint8_t b[2048];
		ssize_t len;
		uint64_t now = now_ns();
		while ((len = next_message(&al[idx], b, sizeof b)) > 0)
			got_client_datagram(b, (int)len, idx, now);
		return;
	}
	if (opt.gro)
		for (int i = 0; i < rx_n; i++) {
			rx_mm[i].msg_hdr.msg_control = rx_ctl[i];
			rx_mm[i].msg_hdr.msg_controllen = sizeof rx_ctl[i];
		}
	int k = recvmmsg(fd, rx_mm, (unsigned)rx_n, 0, NULL);
	if (k <= 0)
		return;
	uint64_t now = now_ns();
	for (int i = 0; i < k; i++) {
		uint8_t *b = rx_iov[i].iov_base;
		int len = (int)rx_mm[i].msg_len, seg = len;
		if (opt.gro)
			for (struct cmsghdr *c = CMSG_FIRSTHDR(&rx_mm[i].msg_hdr); c; c = CMSG_NXTHDR(&rx_mm[i].msg_hdr, c))
				if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO) {
					int v;
					memcpy(&v, CMSG_DATA(c), sizeof v);
					if (v > 0) seg = v;
				}
		while (len > 0) {
			int l = len < seg ? len : seg;
			if (peer)
				got_payload(b, l, UP, peer == 1 ? idx : -1, now);
			else
				got_client_datagram(b, l, idx, now);
			b += l;
			len -= l;
		}
	}
}

static int cmd_relay(void)
{
	int N = opt.allocs, max = !strcmp(opt.rate, "max");
	double rate = max ? 0 : atof(opt.rate);
	if (opt.payload < PHDR || opt.payload > 1400)
		die("--payload must be %d..1400", PHDR);
	if (N < 1 || (!max && rate <= 0) || opt.burst < 1 || opt.burst > BATCH || opt.total < opt.burst)
		die("bad --allocs, --rate, --burst or --total-window");
	if ((opt.tcp || opt.tls) && opt.payload % 4)
		die("--payload must be a multiple of 4 over TCP and TLS");
	if (strcmp(opt.mode, "channel") && strcmp(opt.mode, "send"))
		die("--mode channel|send");
	if (opt.warmup + opt.secs > 240)
		die("runs are limited to 240 s (no permission refresh)");
	int dirs[2], nd = 0;
	if (strcmp(opt.direction, "down")) dirs[nd++] = UP;
	if (strcmp(opt.direction, "up")) dirs[nd++] = DOWN;
	if (opt.peers >= N) opt.peers = 0;
	raise_nofile(2 * N + 128);
	make_clients(N);
	int *pfds = NULL;
	addr_t *paddr = NULL;
	if (opt.peers) {
		pfds = xcalloc((size_t)opt.peers, sizeof *pfds);
		paddr = xcalloc((size_t)opt.peers, sizeof *paddr);
		for (int i = 0; i < opt.peers; i++)
			pfds[i] = peer_socket(&paddr[i]);
	}
	for (int i = 0; i < N; i++) {
		if (opt.peers) {
			al[i].pfd = pfds[i % opt.peers];
			al[i].peer = paddr[i % opt.peers];
		} else
			al[i].pfd = peer_socket(&al[i].peer);
	}
	phase_t ph;
	need_phase(K_ALLOCATE, &ph);
	double alloc_secs = ph.secs;
	for (int round = 0; round < 5; round++) {
		/* a server that tells allocations apart by peer address (coturn --multiplex-peer) refuses a
		 * peer which an older allocation may still own: such allocations get a new peer socket */
		run_phase(K_PERMISSION, opt.concurrency, &ph);
		if (!ph.failed || opt.peers || ph.failed > N / 2)
			break;
		for (int i = 0; i < N; i++)
			if (al[i].failed) {
				close(al[i].pfd);
				al[i].pfd = peer_socket(&al[i].peer);
			}
		only_failed = 1;
	}
	if (ph.failed) {
		int bad = ph.failed;
		explain_errors("CreatePermission");
		cleanup_allocations();
		die("CreatePermission failed for %d of %d allocations", bad, N);
	}
	only_failed = 0;
	if (opt.mode[0] == 'c')
		need_phase(K_CHANNEL, &ph);
	for (int i = 0; i < N && !opt.peers; i++)
		if (connect(al[i].pfd, &al[i].relay.sa, al[i].relay.len) < 0)
			die("connect peer to relay address: %s", strerror(errno));
	if (opt.peers)
		for (int i = 0; i < opt.peers; i++)
			epoll_register(pfds[i], 2, pfds[i]);
	else
		for (int i = 0; i < N; i++)
			epoll_register(al[i].pfd, 1, i);

	ob.buf = xcalloc(BATCH, SLOT);
	for (int i = 0; i < BATCH; i++) {
		ob.mm[i].msg_hdr.msg_iov = &ob.iov[i];
		ob.mm[i].msg_hdr.msg_iovlen = 1;
	}
	rx_init();
	int rr[2] = {0, 0};
	double sent_rate[2] = {0, 0};
	uint64_t t0 = now_ns(), scan = t0, m0 = 0, m1 = 0, skipped = 0;
	win_begin = t0 + (uint64_t)(opt.warmup * 1e9);
	win_end = win_begin + (uint64_t)(opt.secs * 1e9);
	uint64_t stop = win_end + 300000000ull;
	sample_t s0 = {0}, s1 = {0};
	struct epoll_event ev[512];
	struct timespec ts;
	for (;;) {
		uint64_t now = now_ns();
		if (!m0 && now >= win_begin) {
			s0 = take_sample();
			m0 = now_ns();
			win_end += m0 - win_begin;
			win_begin = m0;
			stop = win_end + 300000000ull;
		}
		if (!m1 && now >= win_end) {
			m1 = now;
			s1 = take_sample();
		}
		if (now >= stop || (m1 && inflight[0] <= 0 && inflight[1] <= 0))
			break;
		int64_t wait_ns = 5000000;
		if (now < win_end)
			for (int q = 0; q < nd; q++) {
				int d = dirs[q];
				long room;
				if (max) {
					room = opt.total - inflight[d];
					if (nd == 2) { /* keep both directions at the same pace, so that the mix is comparable */
						int64_t ahead = total_sent[d] - (total_sent[1 - d] - inflight[1 - d]);
						if (room > 4 * opt.total - ahead)
							room = 4 * opt.total - (long)ahead;
					}
				} else {
					double due = (double)(now - t0) / 1e9 * rate * N - sent_rate[d];
					room = (long)due;
					if (room > 128 && room > 2 * opt.burst) {
						/* we (not the server) were held up: drop the debt instead of flooding */
						long keep = opt.burst > 64 ? 2 * opt.burst : 128;
						skipped += (uint64_t)(room - keep);
						sent_rate[d] += (double)(room - keep);
						room = keep;
					}
					double to_next = (1.0 - (due - floor(due))) / (rate * N) * 1e9;
					if (to_next < (double)wait_ns) wait_ns = (int64_t)to_next;
					if (wait_ns < 20000) wait_ns = 20000;
					if (room < opt.burst && room > 0 && opt.burst > 1) room = 0;
				}
				int misses = 0;
				while (room >= opt.burst && misses < N) {
					alloc_t *a = &al[rr[d]];
					int id = rr[d];
					rr[d] = rr[d] + 1 == N ? 0 : rr[d] + 1;
					if (max && opt.window && (int)(a->flow[d].next - a->flow[d].exp) + opt.burst > opt.window) {
						misses++;
						continue;
					}
					misses = 0;
					for (int k = 0; k < opt.burst; k++)
						queue_packet(a, (uint32_t)id, d, now);
					room -= opt.burst;
					sent_rate[d] += opt.burst;
				}
				ob_flush();
			}
		int n;
		if (opt.busy)
			n = epoll_wait(epfd, ev, 512, 0);
		else {
			ts.tv_sec = 0;
			ts.tv_nsec = wait_ns;
			n = epoll_pwait2(epfd, ev, 512, &ts, NULL);
		}
		for (int i = 0; i < n; i++)
			drain_socket(ev[i].data.u64);
		if (now - scan > 50000000) { /* write off tails that were lost */
			scan = now;
			for (int i = 0; i < N; i++)
				for (int q = 0; q < nd; q++) {
					flow_t *f = &al[i].flow[dirs[q]];
					if (f->next != f->exp && now > f->last + 250000000ull) {
						inflight[dirs[q]] -= (long)(uint32_t)(f->next - f->exp);
						f->exp = f->next;
					}
				}
			if (max && now < win_end)
				for (int q = 0; q < nd; q++) /* everything stalled: window eaten by losses */
					if (inflight[dirs[q]] >= opt.total) {
						int stalled = 1;
						for (int i = 0; i < N && stalled; i++)
							if (now < al[i].flow[dirs[q]].last + 100000000ull)
								stalled = 0;
						if (stalled)
							for (int i = 0; i < N; i++) {
								flow_t *f = &al[i].flow[dirs[q]];
								inflight[dirs[q]] -= (long)(uint32_t)(f->next - f->exp);
								f->exp = f->next;
							}
					}
		}
	}
	if (!m1) { m1 = now_ns(); s1 = take_sample(); }
	double secs = (double)(m1 - m0) / 1e9, cpu = server_cpu(&s0, &s1);
	uint64_t sent = D[0].sent + D[1].sent, del = D[0].delivered + D[1].delivered, rx = D[0].window_rx + D[1].window_rx;
	hist_t *h = xcalloc(1, sizeof *h);
	hist_merge(h, &D[0].h);
	hist_merge(h, &D[1].h);
	long long lost = (long long)sent - (long long)del;
	printf("{\"cmd\":\"relay\",\"mode\":\"%s\",\"direction\":\"%s\",\"allocs\":%d,\"payload\":%d,\"rate\":\"%s\",\"burst\":%d,\"total_window\":%d,"
	       "\"peers\":%d,\"gso\":%d,\"gro\":%d,\"secs\":%.3f,\"sent\":%llu,\"delivered\":%llu,\"lost\":%lld,\"loss_pct\":%.3f,"
	       "\"pps\":%.0f,\"gbps\":%.3f,\"up_pps\":%.0f,\"down_pps\":%.0f,\"p50_us\":%.1f,\"p99_us\":%.1f,\"p999_us\":%.1f,\"max_us\":%.1f,",
	       opt.mode, opt.direction, N, opt.payload, opt.rate, opt.burst, opt.total, opt.peers, opt.gso, opt.gro, secs,
	       (unsigned long long)sent, (unsigned long long)del, lost, sent ? 100.0 * (double)lost / (double)sent : 0,
	       rx / secs, rx / secs * opt.payload * 8 / 1e9, D[UP].window_rx / secs, D[DOWN].window_rx / secs,
	       hist_us(h, .5), hist_us(h, .99), hist_us(h, .999), (double)h->max / 1e3);
	if (server_pid)
		printf("\"server_cpu_s\":%.3f,\"server_user_s\":%.2f,\"server_sys_s\":%.2f,\"server_cores\":%.3f,\"cpu_us_per_pkt\":%.4f,"
		       "\"cpu_s_per_mpkt\":%.4f,\"pps_per_core\":%.0f,\"rss_kb\":%ld,",
		       cpu, s1.user - s0.user, s1.sys - s0.sys, cpu / secs, rx ? cpu * 1e6 / (double)rx : 0, rx ? cpu * 1e6 / (double)rx : 0,
		       cpu > 0 ? (double)rx / cpu : 0, s1.rss_kb);
	printf("\"reordered\":%llu,\"bad\":%llu,\"send_errors\":%llu,\"gen_skipped\":%llu,\"alloc_setup_s\":%.3f,\"gen_cpu_s\":%.3f,\"gen_cores\":%.3f}\n",
	       (unsigned long long)(D[0].late + D[1].late), (unsigned long long)(D[0].bad + D[1].bad), (unsigned long long)send_errors,
	       (unsigned long long)skipped, alloc_secs, s1.gen - s0.gen, (s1.gen - s0.gen) / secs);
	fflush(stdout);
	cleanup_allocations();
	if (!rx)
		warn("nothing was delivered (does the server allow loopback peers? are relay ports reachable?)");
	return rx ? 0 : 1;
}

/* ------------------------------------------------------------------ command: allocs */

/* Keeps all of them, with what they have, until standard input ends. */
static void hold(void)
{
	static const int kinds[] = {K_REFRESH, K_PERMISSION, K_CHANNEL};
	struct pollfd in = {.fd = 0, .events = POLLIN};
	char b[64];
	phase_t ph;
	printf("{\"cmd\":\"allocs\",\"holding\":%d}\n", n_al);
	fflush(stdout);
	for (;;) {
		if (poll(&in, 1, 200000) > 0) { /* a permission lives for 5 minutes */
			if (read(0, b, sizeof b) <= 0)
				return;
			continue;
		}
		for (int i = 0; i < (opt.channels ? 3 : 1); i++) {
			run_phase(kinds[i], opt.concurrency, &ph);
			if (ph.failed)
				die("%d of %d %s requests failed while holding", ph.failed, n_al, kind_name[kinds[i]]);
		}
	}
}

static int cmd_allocs(void)
{
	if (opt.count < 1 || opt.concurrency < 1)
		die("bad --count or --concurrency");
	raise_nofile(opt.count + 128);
	make_clients(opt.count);
	int rc = 1;
	for (int r = 0; r < opt.rounds; r++) {
		phase_t a, p, c, f, d;
		memset(&p, 0, sizeof p);
		memset(&c, 0, sizeof c);
		for (int i = 0; i < n_al; i++) {
			/* a new round is a new client: new socket, no nonce yet */
			if (r) {
				close_client(&al[i]);
				unsigned ch = al[i].chan;
				memset(&al[i], 0, sizeof al[i]);
				al[i].pfd = -1;
				al[i].chan = ch;
				open_client(&al[i]);
				epoll_register(al[i].fd, 0, i);
			}
		}
		sample_t s0 = take_sample();
		run_phase(K_ALLOCATE, opt.concurrency, &a);
		sample_t s1 = take_sample();
		if (opt.channels) {
			for (int i = 0; i < n_al; i++) { /* any loopback peer address will do: nothing is sent */
				al[i].peer = server;
				unsigned port = 40000 + (unsigned)i % 20000;
				if (server.sa.sa_family == AF_INET) al[i].peer.v4.sin_port = htons(port);
				else al[i].peer.v6.sin6_port = htons(port);
			}
			run_phase(K_PERMISSION, opt.concurrency, &p);
			run_phase(K_CHANNEL, opt.concurrency, &c);
		}
		if (opt.hold && a.ok == n_al && !p.failed && !c.failed)
			hold();
		sample_t s2 = take_sample();
		run_phase(K_REFRESH, opt.concurrency, &f);
		sample_t s3 = take_sample();
		run_phase(K_DELETE, opt.concurrency, &d);
		sample_t s4 = take_sample();
		printf("{\"cmd\":\"allocs\",\"round\":%d,\"count\":%d,\"concurrency\":%d,\"ok\":%d,\"failed\":%d,\"alloc_per_s\":%.0f,"
		       "\"alloc_p50_us\":%.1f,\"alloc_p99_us\":%.1f,",
		       r, opt.count, opt.concurrency, a.ok, a.failed, a.ok / a.secs, hist_us(&a.lat, .5), hist_us(&a.lat, .99));
		if (opt.channels)
			printf("\"perm_per_s\":%.0f,\"chan_per_s\":%.0f,\"chan_failed\":%d,", p.ok / p.secs, c.ok / c.secs, c.failed);
		printf("\"refresh_per_s\":%.0f,\"refresh_failed\":%d,\"delete_per_s\":%.0f,\"delete_failed\":%d,",
		       f.ok / f.secs, f.failed, d.ok / d.secs, d.failed);
		if (server_pid)
			printf("\"cpu_us_per_alloc\":%.2f,\"cpu_us_per_refresh\":%.2f,\"cpu_us_per_delete\":%.2f,\"rss0_kb\":%ld,\"rss_alloc_kb\":%ld,"
			       "\"rss_chan_kb\":%ld,\"rss_deleted_kb\":%ld,\"bytes_per_alloc\":%.0f,\"bytes_per_alloc_chan\":%.0f,",
			       a.ok ? server_cpu(&s0, &s1) * 1e6 / a.ok : 0, f.ok ? server_cpu(&s2, &s3) * 1e6 / f.ok : 0,
			       d.ok ? server_cpu(&s3, &s4) * 1e6 / d.ok : 0, s0.rss_kb, s1.rss_kb, s2.rss_kb, s4.rss_kb,
			       a.ok ? (double)(s1.rss_kb - s0.rss_kb) * 1024 / a.ok : 0, a.ok ? (double)(s2.rss_kb - s0.rss_kb) * 1024 / a.ok : 0);
		printf("\"e401\":%llu,\"e438\":%llu,\"e486\":%llu,\"e508\":%llu,\"timeouts\":%llu,\"retransmits\":%llu,\"no_mi\":%llu,\"bad_mi\":%llu,\"moved_437\":%llu}\n",
		       (unsigned long long)err_codes[401], (unsigned long long)err_codes[438], (unsigned long long)err_codes[486],
		       (unsigned long long)err_codes[508], (unsigned long long)n_timeouts, (unsigned long long)n_retransmits,
		       (unsigned long long)n_no_mi, (unsigned long long)n_bad_mi, (unsigned long long)n_moved);
		fflush(stdout);
		if (a.failed || c.failed)
			explain_errors("allocs");
		if (a.ok)
			rc = 0;
		if (!a.ok)
			break;
	}
	cleanup_allocations();
	if (rc)
		warn("no allocation succeeded");
	return rc;
}

/* ------------------------------------------------------------------ command: selftest */

static int hexeq(const uint8_t *b, int n, const char *hex, const char *what)
{
	char s[100];
	for (int i = 0; i < n; i++)
		sprintf(s + 2 * i, "%02x", b[i]);
	int ok = !strcmp(s, hex);
	printf("%s %s\n", ok ? "ok  " : "FAIL", what);
	return !ok;
}

static int cmd_selftest(void)
{
	uint8_t o[20];
	int bad = 0;
	md5((const uint8_t *)"abc", 3, o);
	bad += hexeq(o, 16, "900150983cd24fb0d6963f7d28e17f72", "MD5 abc (RFC 1321)");
	const char *l = "12345678901234567890123456789012345678901234567890123456789012345678901234567890";
	md5((const uint8_t *)l, 80, o);
	bad += hexeq(o, 16, "57edf4a22be3c955ac49da2e2107b67a", "MD5 80 digits (RFC 1321)");
	sha1_t s;
	sha1_init(&s); sha1_add(&s, (const uint8_t *)"abc", 3); sha1_end(&s, o);
	bad += hexeq(o, 20, "a9993e364706816aba3e25717850c26c9cd0d89d", "SHA-1 abc (RFC 3174)");
	hmac_key(&key, (const uint8_t *)"Jefe", 4);
	hmac_msg((const uint8_t *)"what do ya want for nothing?", 28, o);
	bad += hexeq(o, 20, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79", "HMAC-SHA-1 (RFC 2202)");
	uint8_t k80[80];
	memset(k80, 0xaa, 80);
	hmac_key(&key, k80, 80);
	hmac_msg((const uint8_t *)"Test Using Larger Than Block-Size Key - Hash Key First", 54, o);
	bad += hexeq(o, 20, "aa4ae5e15272d00e95705637ce8a3b55ed402112", "HMAC-SHA-1 long key (RFC 2202)");
	uint8_t z[9] = "123456789";
	w32(o, crc32_stun(z, 9) ^ 0x5354554eu);
	bad += hexeq(o, 4, "cbf43926", "CRC-32");
	hist_t *h = xcalloc(1, sizeof *h);
	for (int i = 1; i <= 100000; i++) hist_add(h, (uint64_t)i * 1000);
	double p = hist_us(h, .5);
	int ok = p > 49000 && p < 51000;
	printf("%s histogram p50 of 1..100000 us = %.0f\n", ok ? "ok  " : "FAIL", p);
	return bad || !ok;
}

int main(int argc, char **argv)
{
	if (argc < 2 || !strcmp(argv[1], "help") || !strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
		fputs(help_text, argc < 2 ? stderr : stdout);
		return argc < 2;
	}
#ifndef WITH_TLS
	for (int i = 2; i < argc; i++)
		if (!strcmp(argv[i], "--tls"))
			die("built without TLS");
#endif
	rng_state = now_ns() ^ (uint64_t)getpid() << 32;
	if (!strcmp(argv[1], "selftest"))
		return cmd_selftest();
	parse_opts(argc, argv);
	parse_server();
	if (opt.cpu >= 0) {
		cpu_set_t cs;
		CPU_ZERO(&cs);
		CPU_SET(opt.cpu, &cs);
		if (sched_setaffinity(0, sizeof cs, &cs) < 0)
			warn("cannot pin to CPU %d: %s", opt.cpu, strerror(errno));
	}
	if (!strcmp(argv[1], "ping")) return cmd_ping();
	resolve_pid();
	if (!strcmp(argv[1], "stun")) return cmd_stun();
	if (!strcmp(argv[1], "relay")) return cmd_relay();
	if (!strcmp(argv[1], "allocs")) return cmd_allocs();
	die("unknown command %s (see: turnload help)", argv[1]);
}
