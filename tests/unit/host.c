/* host.c - the in-process host: streams, values, traps, exits, seeds, choices, traces, and guests that mean harm.
 * Prints `ok NAME` or `not ok NAME: why`. */
#include <stdlib.h>
#include <string.h>
#include "../../mewe/host.h"
#include "check.h"

static int open_wat(const char *wat, Host **h, Err *e)
{
	Bytes wasm;
	if (read_wasm("t.wat", (const uint8_t *)wat, strlen(wat), &wasm, e)) {
		printf("not ok the test's own text: %s\n", e->text);
		exit(1);
	}
	int code = host_open("t.wat", wasm.p, wasm.n, h, e);
	free(wasm.p);
	return code;
}

static Host *host_of(const char *wat)
{
	Host *h;
	Err e;
	if (open_wat(wat, &h, &e)) {
		printf("not ok host_open: %s\n", e.text);
		exit(1);
	}
	return h;
}

static Instance *instance(Host *h, const HostOptions *o)
{
	Instance *i;
	Err e;
	if (host_instance(h, o, &i, &e)) {
		printf("not ok host_instance: %s\n", e.text);
		exit(1);
	}
	return i;
}

static uint64_t get(Instance *i, const char *export)
{
	uint64_t r;
	Err e;
	if (host_call(i, export, NULL, 0, &r, 1, NULL, &e)) {
		printf("not ok %s: %s\n", export, e.text);
		exit(1);
	}
	return r;
}

static const HostOptions plain = {0};

/* ---- streams ---- */

#define WASI(name, type) "(import \"wasi_snapshot_preview1\" \"" name "\" (func $" name " " type "))"

/* Reads at most 1000 bytes a time, writes them back in two pieces, until there are no more. */
static const char echo[] = "(module " WASI("fd_read", "(param i32 i32 i32 i32) (result i32)")
	WASI("fd_write", "(param i32 i32 i32 i32) (result i32)") WASI("proc_exit", "(param i32)")
	"(memory (export \"memory\") 1) (func (export \"_start\")"
	" (loop $l (i32.store (i32.const 0) (i32.const 100)) (i32.store (i32.const 4) (i32.const 1000))"
	"  (if (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 32)) (then (call $proc_exit (i32.const 9))))"
	"  (i32.store (i32.const 4) (i32.shr_u (i32.load (i32.const 32)) (i32.const 1)))"
	"  (i32.store (i32.const 8) (i32.add (i32.const 100) (i32.load (i32.const 4))))"
	"  (i32.store (i32.const 12) (i32.sub (i32.load (i32.const 32)) (i32.load (i32.const 4))))"
	"  (if (call $fd_write (i32.const 1) (i32.const 0) (i32.const 2) (i32.const 36)) (then (call $proc_exit (i32.const 8))))"
	"  (if (i32.ne (i32.load (i32.const 32)) (i32.load (i32.const 36))) (then (call $proc_exit (i32.const 7))))"
	"  (br_if $l (i32.load (i32.const 32))))"
	" (call $proc_exit (i32.const 42))))";

static void streams(void)
{
	static uint8_t in[100001];
	Host *h = host_of(echo);
	Err e;
	int exit_code = 0;
	for (size_t i = 0; i < sizeof in; i++)
		in[i] = i * 31 >> 3;
	Instance *i = instance(h, &(HostOptions){.input = in, .ninput = sizeof in});
	int code = host_call(i, "_start", NULL, 0, NULL, 0, &exit_code, &e);
	check("an exit is no failure", code == 0 && exit_code == 42, code ? e.text : "another exit code");
	Bytes out = host_stdout(i);
	check("all bytes go in and out", out.n == sizeof in && memcmp(out.p, in, sizeof in) == 0, "the output differs");
	free(out.p);
	host_drop(i);
	i = instance(h, &plain);
	host_call(i, "_start", NULL, 0, NULL, 0, &exit_code, &e);
	out = host_stdout(i);
	check("no input is the end of it", exit_code == 42 && out.n == 0, "not so");
	free(out.p);
	host_drop(i);
	host_close(h);
}

static void hostile(void)
{
	Host *h = host_of("(module " WASI("fd_read", "(param i32 i32 i32 i32) (result i32)")
		WASI("fd_write", "(param i32 i32 i32 i32) (result i32)") WASI("random_get", "(param i32 i32) (result i32)")
		WASI("clock_time_get", "(param i32 i64 i32) (result i32)") WASI("fd_close", "(param i32) (result i32)")
		WASI("fd_fdstat_get", "(param i32 i32) (result i32)") "(memory (export \"memory\") 1)"
		"(func (export \"f\") (param i32 i32 i32) (result i32) (call $fd_write (local.get 0) (local.get 1) (local.get 2) (i32.const 0)))"
		"(func (export \"g\") (param i32 i32 i32) (result i32) (call $fd_read (local.get 0) (local.get 1) (local.get 2) (i32.const 65533)))"
		"(func (export \"r\") (param i32 i32) (result i32) (call $random_get (local.get 0) (local.get 1)))"
		"(func (export \"c\") (param i32) (result i32) (call $clock_time_get (i32.const 0) (i64.const 0) (local.get 0)))"
		"(func (export \"s\") (param i32) (result i32) (call $fd_fdstat_get (i32.const 1) (local.get 0)))"
		"(func (export \"x\") (param i32) (result i32) (call $fd_close (local.get 0)))"
		"(data (i32.const 64) \"\\ff\\ff\\ff\\ff\\ff\\ff\\ff\\ff\"))");
	static const struct {
		const char *export;
		uint64_t a[3];
		uint32_t n, want;
	} calls[] = {
		{"f", {1, 65529, 1}, 3, 21}, {"f", {1, 0xffffffff, 0xffffffff}, 3, 21}, {"f", {1, 64, 1}, 3, 21}, {"f", {1, 0, 0x20000000}, 3, 21},
		{"g", {0, 0, 1}, 3, 21}, {"r", {65535, 2}, 2, 21}, {"r", {0xffffffff, 0xffffffff}, 2, 21}, {"c", {65529}, 1, 21},
		{"s", {65513}, 1, 21}, {"f", {0, 0, 0}, 3, 8}, {"f", {7, 0, 0}, 3, 8}, {"g", {1, 0, 0}, 3, 8}, {"x", {3}, 1, 8},
		{"x", {0xffffffff}, 1, 8}, {"f", {1, 0, 0}, 3, 0}, {"x", {1}, 1, 0}, {"f", {1, 0, 0}, 3, 8}, {"x", {1}, 1, 8}, {"r", {0, 65536}, 2, 0},
	};
	char why[100] = "";
	Instance *i = instance(h, &plain);
	Err e;
	for (size_t k = 0; k < LEN(calls) && !*why; k++) {
		uint64_t r = 0;
		if (host_call(i, calls[k].export, calls[k].a, calls[k].n, &r, 1, NULL, &e) || r != calls[k].want)
			snprintf(why, sizeof why, "call %zu gave %llu", k, (unsigned long long)r);
	}
	check("pointers and descriptors are checked", !*why, why);
	host_drop(i);
	host_close(h);
	h = host_of("(module " WASI("random_get", "(param i32 i32) (result i32)")
		"(func (export \"r\") (result i32) (call $random_get (i32.const 0) (i32.const 1))))");
	i = instance(h, &plain);
	check("a guest without memory has no valid pointer", get(i, "r") == 21, "it has");
	host_drop(i);
	host_close(h);
}

/* ---- values, traps ---- */

static void values(void)
{
	Host *h = host_of("(module (func (export \"i\") (param i32) (result i32) (i32.sub (local.get 0) (i32.const 1)))"
		"(func (export \"l\") (param i64) (result i64) (i64.sub (local.get 0) (i64.const 1)))"
		"(func (export \"f\") (param f32) (result f32) (f32.neg (local.get 0)))"
		"(func (export \"d\") (param f64) (result f64) (f64.neg (local.get 0)))"
		"(func (export \"two\") (param i32 i64) (result i64 i32) (local.get 1) (local.get 0))"
		"(func (export \"v\") (param v128)) (global (export \"g\") i32 (i32.const 1)))");
	Instance *i = instance(h, &plain);
	uint64_t r[2], a[2] = {0};
	Err e;
	bool good = host_call(i, "i", a, 1, r, 1, NULL, &e) == 0 && r[0] == 0xffffffff;
	good = good && host_call(i, "l", a, 1, r, 1, NULL, &e) == 0 && r[0] == UINT64_MAX;
	good = good && host_call(i, "f", a, 1, r, 1, NULL, &e) == 0 && r[0] == 0x80000000;
	good = good && host_call(i, "d", a, 1, r, 1, NULL, &e) == 0 && r[0] == 1ull << 63;
	a[0] = 5;
	a[1] = 1ull << 40;
	good = good && host_call(i, "two", a, 2, r, 2, NULL, &e) == 0 && r[0] == 1ull << 40 && r[1] == 5;
	check("values of every kind", good, "a wrong value");
	check("a wrong number of values is refused", host_call(i, "two", a, 1, r, 2, NULL, &e) == MEWE_BAD && strstr(e.text, "takes 2"), e.text);
	check("an export that is not there is refused", host_call(i, "no", a, 0, r, 0, NULL, &e) == MEWE_BAD && strstr(e.text, "'no'"), e.text);
	check("an export that is no function is refused", host_call(i, "g", a, 0, r, 0, NULL, &e) == MEWE_BAD && strstr(e.text, "'g'"), e.text);
	check("a vector argument is unsupported", host_call(i, "v", a, 1, r, 0, NULL, &e) == MEWE_UNSUPPORTED, e.text);
	host_drop(i);
	host_close(h);
}

static void traps(void)
{
	static const struct {
		const char *export, *text;
	} t[] = {
		{"div", "function div_, offset "}, {"div", "trap: integer divide by zero"}, {"un", "trap: wasm `unreachable`"},
		{"oob", "trap: out of bounds memory access"}, {"deep", "trap: call stack exhausted"}, {"null", "trap: uninitialized element"},
		{"sig", "trap: indirect call type mismatch"}, {"conv", "trap: invalid conversion to integer"},
	};
	Host *h = host_of("(module (memory 1) (table 2 funcref) (elem (i32.const 0) $deep) (type $t (func)) (type $u (func (param i32)))"
		"(func $div_ (export \"div\") (drop (i32.div_u (i32.const 1) (i32.load (i32.const 0)))))"
		"(func (export \"un\") unreachable) (func (export \"oob\") (drop (i32.load (i32.const 65533))))"
		"(func $deep (export \"deep\") (call $deep) (call $deep)) (func (export \"null\") (call_indirect (type $t) (i32.const 1)))"
		"(func (export \"sig\") (call_indirect (type $u) (i32.const 1) (i32.const 0)))"
		"(func (export \"conv\") (drop (i32.trunc_f32_s (f32.const nan)))) (func (export \"ok\") (result i32) (i32.const 3)))");
	Instance *i = instance(h, &plain);
	char why[300] = "";
	Err e;
	for (size_t k = 0; k < LEN(t) && !*why; k++)
		if (host_call(i, t[k].export, NULL, 0, NULL, 0, NULL, &e) != MEWE_BAD || !strstr(e.text, t[k].text) || strchr(e.text, '\n') ||
		    strncmp(e.text, "t.wat: ", 7) != 0)
			snprintf(why, sizeof why, "%s: '%.200s'", t[k].export, e.text);
	check("a trap is one line that says where and what", !*why, why);
	check("after a trap the instance goes on", get(i, "ok") == 3, "it does not");
	host_drop(i);
	host_close(h);
}

static void starting(void)
{
	Host *h = host_of("(module (global $g (mut i32) (i32.const 1)) (start $s) (func $s (global.set $g (i32.const 20)))"
		"(func (export \"_initialize\") (global.set $g (i32.add (global.get $g) (i32.const 3))))"
		"(func (export \"g\") (result i32) (global.get $g)))");
	Instance *i = instance(h, &plain), *other = instance(h, &plain);
	Err e;
	check("start and _initialize have run", get(i, "g") == 23, "they have not");
	check("instances share nothing", host_call(i, "_initialize", NULL, 0, NULL, 0, NULL, &e) == 0 && get(i, "g") == 26 &&
	      get(other, "g") == 23, "they do");
	host_drop(other);
	host_drop(i);
	host_close(h);
	h = host_of("(module (start $s) (func $s unreachable))");
	check("a trap in start is told", host_instance(h, &plain, &i, &e) == MEWE_BAD && strstr(e.text, "unreachable"), e.text);
	host_close(h);
	check("an import that nobody gives is named", open_wat("(module (import \"env\" \"f\" (func)))", &h, &e) == MEWE_BAD &&
	      strstr(e.text, "env") && !strchr(e.text, '\n'), e.text);
}

/* ---- the pool ---- */

static void pool(void)
{
	enum { MANY = HOST_INSTANCES };
	Host *h = host_of("(module (memory (export \"memory\") 1) (func (export \"g\") (result i32) (memory.grow (i32.const 3))))");
	Instance *i[MANY], *more;
	uint8_t *p;
	size_t n;
	Err e;
	for (int k = 0; k < MANY; k++)
		i[k] = instance(h, &plain);
	int code = host_instance(h, &plain, &more, &e);
	check("one instance too many is refused in one line", code == MEWE_LIMIT && !strchr(e.text, '\n'), "it is not");
	host_memory(i[0], &p, &n);
	p[100] = 77;
	bool good = get(i[0], "g") == 1 && host_memory(i[0], &p, &n) == 0 && n == 4 * 65536 && p[100] == 77;
	check("memory grows and keeps what it holds", good, "it does not");
	for (int k = 0; k < MANY; k++)
		host_drop(i[k]);
	good = true;
	for (int k = 0; good && k < 3 * MANY; k++) {
		i[0] = instance(h, &plain);
		good = host_memory(i[0], &p, &n) == 0 && n == 65536 && p[100] == 0;
		p[100] = 1;
		host_drop(i[0]);
	}
	check("a new instance has clean memory", good, "it sees an earlier one's");
	host_close(h);
	h = host_of("(module (table 30000 funcref) (table 5 funcref) (func (export \"f\") (result i32) (table.size 0)))");
	i[0] = instance(h, &plain);
	check("a module too large for the pool runs too", get(i[0], "f") == 30000, "it does not");
	host_drop(i[0]);
	host_close(h);
}

/* ---- seeds and choices ---- */

static const char drawing[] = "(module (import \"mewe\" \"choose\" (func $c (param i32 i32) (result i32)))"
	"(import \"mewe\" \"seed\" (func $s (result i64))) (global (export \"mewe.seed\") (mut i64) (i64.const 5))"
	"(func (export \"fixed\") (result i64) (global.get 0)) (func (export \"seed\") (result i64) (call $s))"
	"(func (export \"choose\") (param i32 i32) (result i32) (call $c (local.get 0) (local.get 1))))";

static uint64_t choose(Instance *i, uint32_t d, uint32_t n)
{
	uint64_t r = 0, a[] = {d, n};
	Err e;
	return host_call(i, "choose", a, 2, &r, 1, NULL, &e) ? UINT64_MAX : r;
}

static void draws(void)
{
	enum { N = 200 };
	Host *h = host_of(drawing);
	HostChoice forced[] = {{3, 2}, {9, 1}};
	HostOptions o[] = {{0}, {.seeded = true, .seed = 7}, {.seeded = true, .seed = 7}, {.seeded = true, .seed = 8},
	                   {.choose = forced, .nchoose = 2}, {.seeded = true, .seed = 7, .choose = forced, .nchoose = 2}};
	Instance *i[LEN(o)];
	bool zero = true, replay = true, other = false, wins = true, rest = true;
	uint32_t seen = 0;
	for (size_t k = 0; k < LEN(o); k++)
		i[k] = instance(h, &o[k]);
	check("a seed is in the global before anything is drawn", get(i[1], "fixed") == 7 && get(i[3], "fixed") == 8, "it is not");
	check("without a seed the global is left alone", get(i[0], "fixed") == 5, "it is not");
	for (uint32_t k = 0; k < N; k++) {
		uint64_t r[LEN(o)];
		uint32_t d = k % 5;
		for (size_t j = 0; j < LEN(o); j++)
			r[j] = choose(i[j], d, 7);
		seen |= r[1] < 7 ? 1u << r[1] : 1u << 31;
		zero &= r[0] == 0;
		replay &= r[1] == r[2];
		other |= r[1] != r[3];
		wins &= r[4] == (d == 3 ? 2 : 0) && (d != 3 || r[5] == 2);
		rest &= d == 3 || r[5] == r[1];
	}
	check("without a seed the original is chosen", zero, "it is not");
	check("a seed replays the choices", replay, "they differ");
	check("another seed makes others", other, "they are equal");
	check("a seed chooses every body, and no other", seen == 0x7f, "it does not");
	check("what is asked for is chosen", wins, "it is not");
	check("a forced choice leaves the others as they are", rest, "it does not");
	check("no bodies, no choice", choose(i[1], 0, 0) == 0, "there is one");
	uint64_t s = get(i[2], "seed"), t = get(i[0], "seed");
	for (size_t k = 0; k < LEN(o); k++)
		host_drop(i[k]);
	i[0] = instance(h, &o[2]);
	i[1] = instance(h, &o[0]);
	check("a seed seeds the import", get(i[0], "seed") != s, "drawn choices did not move it");
	check("without a seed the import is random", get(i[1], "seed") != t, "it repeats itself");
	host_drop(i[0]);
	host_drop(i[1]);
	host_close(h);
}

static void guests(void)
{
	Host *h = host_of("(module " WASI("random_get", "(param i32 i32) (result i32)")
		WASI("clock_time_get", "(param i32 i64 i32) (result i32)") WASI("args_sizes_get", "(param i32 i32) (result i32)")
		"(memory (export \"memory\") 1)"
		"(func (export \"r\") (result i64) (drop (call $random_get (i32.const 8) (i32.const 8))) (i64.load (i32.const 8)))"
		"(func (export \"t\") (result i64) (drop (call $clock_time_get (i32.const 1) (i64.const 0) (i32.const 8))) (i64.load (i32.const 8)))"
		"(func (export \"a\") (result i32) (i32.or (call $args_sizes_get (i32.const 8) (i32.const 12)) (i32.load (i32.const 8)))))");
	static const HostOptions o[] = {{.fix_guest = true, .guest_seed = 1}, {.fix_guest = true, .guest_seed = 1, .seeded = true, .seed = 3},
	                                {.fix_guest = true, .guest_seed = 2}, {0}, {0}};
	uint64_t r[LEN(o)][2], t[LEN(o)];
	for (size_t k = 0; k < LEN(o); k++) {
		Instance *i = instance(h, &o[k]);
		r[k][0] = get(i, "r");
		r[k][1] = get(i, "r");
		t[k] = get(i, "t");
		if (k == 0)
			check("the rest of WASI is there", get(i, "a") == 0, "it is not");
		host_drop(i);
	}
	check("a fixed guest repeats itself, whatever mewe draws", memcmp(r[0], r[1], sizeof r[0]) == 0 && t[0] == t[1], "it does not");
	check("its numbers go on", r[0][0] != r[0][1], "they stand still");
	check("another guest seed gives others", r[0][0] != r[2][0], "they are equal");
	check("a free guest does not repeat itself", r[3][0] != r[4][0] && r[3][0] != r[0][0], "it does");
	check("a free guest has the real clock", t[4] > t[3], "it stands still");
	host_close(h);
}

/* ---- traces ---- */

#define GLOBAL(name, type, value) "(global (export \"mewe." name "\") (mut " type ") (" type ".const " value "))"
#define TRACE GLOBAL("entry", "i64", "-1") GLOBAL("choice", "i64", "2") GLOBAL("body", "i64", "3") GLOBAL("length", "i64", "3") \
	GLOBAL("choices", "i64", "5") GLOBAL("executed", "i64", "6") GLOBAL("bits", "f64", "7.5") \
	"(func (export \"mewe.reset\") (global.set 0 (i64.const 0)))"

static void traces(void)
{
	Host *h = host_of("(module (memory (export \"memory\") 1) " TRACE GLOBAL("trace", "i32", "64")
		"(data (i32.const 64) \"\\80\\00\\00\\00\\02\\00\\00\\00\\01\\10\\00\\00\\02\\10\\00\\00\")"
		"(data (i32.const 128) \"\\00\\00\\00\\00\\01\\00\\00\\00\\03\\20\\00\\00\"))");
	Instance *i = instance(h, &plain);
	HostTrace t;
	Err e = {0};
	int code = host_trace(i, &t, &e);
	check("a trace is read", code == 0 && t.entry == UINT64_MAX && t.choice == 2 && t.body == 3 && t.length == 3 && t.choices == 5 &&
	      t.executed == 6 && t.bits == 7.5, e.text);
	check("its ids are read from all chunks in order", t.nid == 3 && t.id[0] == TRACE_ID(1, 1) && t.id[1] == TRACE_ID(1, 2) &&
	      t.id[2] == TRACE_ID(2, 3), "they are not");
	free(t.id);
	check("a reset reaches the module", host_trace_reset(i, &e) == 0 && host_trace(i, &t, &e) == 0 && t.entry == 0, e.text);
	free(t.id);
	static const uint8_t broken[][8] = {{64, 0, 0, 0, 0, 0, 0, 0}, {0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff}, {0xfe, 0xff, 0, 0, 0, 0, 0, 0},
	                                    {0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0}, {64, 0, 0, 0, 100, 0, 0, 0}};
	bool good = true;
	uint8_t *p;
	size_t n;
	for (size_t k = 0; good && host_memory(i, &p, &n) == 0 && k < LEN(broken); k++) {
		memcpy(p + 64, broken[k], 8);
		good = host_trace(i, &t, &e) == MEWE_BAD && strstr(e.text, "broken") && !t.id;
	}
	check("a trace that the guest has broken is refused", good, e.text);
	host_drop(i);
	host_close(h);
	h = host_of("(module)");
	i = instance(h, &plain);
	check("a module without a trace says how to get one", host_trace(i, &t, &e) == MEWE_BAD && strstr(e.text, "--trace"), e.text);
	host_drop(i);
	host_close(h);
}

int main(void)
{
	streams();
	hostile();
	values();
	traps();
	starting();
	pool();
	draws();
	guests();
	traces();
	return failed != 0;
}
