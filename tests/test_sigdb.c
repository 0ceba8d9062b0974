/* sigdb: p0f's grammar, what is refused of it and with what words, and what a loaded file answers. */
#include "core/sigdb.h"
#include "core/err.h"
#include "core/hash.h"
#include "core/util.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define HEAD "classes = win,unix\n"
#define REQUEST HEAD "[tcp:request]\n"
#define LINUX REQUEST "label = s:unix:Linux:3.x\n"

static const struct {
	const char *text;
	unsigned line;
	const char *says; /* part of the message; NULL: loads */
} rows[] = {
	{ "", 0, NULL },
	{ "; nothing but a comment", 0, NULL },
	{ "\r\n\t \r\n" HEAD, 0, NULL },
	{ LINUX, 0, NULL }, /* a label without signature is allowed */
	{ LINUX "sig = *:64:0:*:mss*20,7:mss,sok,ts,nop,ws:df,id+:0", 0, NULL }, /* no newline at the end */
	{ LINUX "sig=4:60+4:4:1460:%8192,*::id-,ecn,0+,seq-,ack+,ack-,uptr+,urgf+,pushf+,ts1-,ts2+,opt+,exws,bad:*\n", 0, NULL },
	{ LINUX "sig = 6:255-:0:1440:mtu*2,0:mss,?30,eol+1:flow:+\n", 0, NULL },
	{ HEAD "[mtu]\nlabel = Ethernet: or modem\nsig = 576\nsig = 1500\n", 0, NULL },
	{ REQUEST "label = s:!:NMap:SYN scan:5\nsys = @unix,Windows, @win\nsig = *:64-:0:1460:1024,0:mss::0\n", 0, NULL },
	{ HEAD "[http:request]\nua_os = Linux,iOS=[iPad]\nlabel = s:!:Firefox:2.x\nsys = Windows,@unix\n"
	       "sig = *:Host,User-Agent,Accept=[,*/*;q=],?Accept-Language::Firefox/\n", 0, NULL },
	{ HEAD "[http:response]\nlabel = s:!:Apache:2.x\nsys = @unix\nsig = 1:Date,Server,?Last-Modified,Accept-Ranges=[bytes]:Keep-Alive,Vary:Apache\n", 0, NULL },

	{ "[tcp:requests]\n", 1, "expected [mtu]" },
	{ "[tcp:request\n", 1, "expected [mtu]" },
	{ "label = s:unix:Linux:3.x\n", 1, "a section such as [tcp:request]" },
	{ "[tcp:request]\nclasses = win\n", 2, "before the first section" },
	{ "classes = win,,unix\n", 1, "classes, a comma between, found nothing" },
	{ "classes = win,un/ix\n", 1, "letters and digits, found \"un/ix\"" },
	{ HEAD "nonsense\n", 2, "expected a section, or \"name = value\"" },
	{ HEAD "clases = x\n", 2, "found \"clases\"" },
	{ REQUEST "sig = *:64:0:*:1,0:mss::0\n", 3, "a label before the first sig" },
	{ REQUEST "label = x:unix:Linux:3.x\n", 3, "type s (specific) or g (generic), found \"x\"" },
	{ REQUEST "label = s:mac:Linux:3.x\n", 3, "a class that \"classes\" names, or !, found \"mac\"" },
	{ REQUEST "label = s:unix:Lin|ux:3.x\n", 3, "a name of letters" },
	{ REQUEST "label = s:unix::3.x\n", 3, "a name, found nothing" },
	{ REQUEST "label = s:unix:Linux\n", 3, "\":\" after the name" },
	{ REQUEST "label = s:unix:Linux:a\tb\n", 3, "without tabs" },
	{ LINUX "sys = @unix\n", 4, "only after a label of class !" },
	{ REQUEST "label = s:!:NMap:x\nsig = *:64:0:*:1,0:mss::0\n", 4, "expected \"sys = ...\" first" },
	{ REQUEST "label = s:!:NMap:x\nsys = @mac\n", 4, "found \"@mac\"" },
	{ REQUEST "label = s:!:NMap:x\n", 3, "the last label has class !" },
	{ REQUEST "label = s:!:NMap:x\n[mtu]\n", 4, "before this section has class !" },
	{ LINUX "sig = 5:64:0:*:1,0:mss::0\n", 4, "the IP version: 4, 6 or *, found \"5\"" },
	{ LINUX "sig = *:0:0:*:1,0:mss::0\n", 4, "the initial TTL" },
	{ LINUX "sig = *:250+6:0:*:1,0:mss::0\n", 4, "the initial TTL" },
	{ LINUX "sig = *:64:256:*:1,0:mss::0\n", 4, "the length of IP options: 0..255, found \"256\"" },
	{ LINUX "sig = *:64:0:65536:1,0:mss::0\n", 4, "the MSS" },
	{ LINUX "sig = *:64:0:*:%1,0:mss::0\n", 4, "the window: " },
	{ LINUX "sig = *:64:0:*:mss*1001,0:mss::0\n", 4, "found \"mss*1001\"" },
	{ LINUX "sig = *:64:0:*:1:mss::0\n", 4, "a comma and the window scale, found \"1\"" },
	{ LINUX "sig = *:64:0:*:1,256:mss::0\n", 4, "the window scale: 0..255 or *" },
	{ LINUX "sig = *:64:0:*:1,0:mss,mmm::0\n", 4, "an option: nop, mss, ws, sok, sack, ts, eol+n or ?n, found \"mmm\"" },
	{ LINUX "sig = *:64:0:*:1,0:mss,,ws::0\n", 4, "found nothing" },
	{ LINUX "sig = *:64:0:*:1,0:eol+1,nop::0\n", 4, "nothing after eol+n, found \"nop\"" },
	{ LINUX "sig = *:64:0:*:1,0:nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop::0\n", 4,
	  "at most 24 options" },
	{ LINUX "sig = *:64:0:*:1,0:mss:dff:0\n", 4, "a quirk: df id+" },
	{ LINUX "sig = 6:64:0:*:1,0:mss:df:0\n", 4, "a quirk that IPv6 can have, found \"df\"" },
	{ LINUX "sig = 4:64:0:*:1,0:mss:flow:0\n", 4, "a quirk that IPv4 can have, found \"flow\"" },
	{ LINUX "sig = *:64:0:*:1,0:mss::1\n", 4, "the payload class: 0, + or *, found \"1\"" },
	{ LINUX "sig = *:64:0:*:1,0:mss:df\n", 4, "found no pclass" },
	{ LINUX "sig = *:64:0:*:1,0:mss::0:0\n", 4, "the payload class" },
	{ HEAD "[mtu]\nlabel = x\nsig = 0\n", 4, "an MTU: 1..65535, found \"0\"" },
	{ HEAD "[mtu]\nlabel =\n", 3, "the name of a link" },
	{ HEAD "[http:request]\nlabel = s:!:x:\nsys = @unix\nsig = 2:Host::x\n", 5, "ver 0, 1 or *" },
	{ HEAD "[http:request]\nlabel = s:!:x:\nsys = @unix\nsig = 1:Host=gzip::x\n", 5, "\"[\" after \"=\"" },
	{ HEAD "[http:request]\nlabel = s:!:x:\nsys = @unix\nsig = 1:Host=[gzip::x\n", 5, "\"]\" at the end" },
	{ HEAD "[http:request]\nlabel = s:!:x:\nsys = @unix\nsig = 1:Host\n", 5, "header names" },
	{ HEAD "[http:request]\nlabel = s:!:x:\nua_os = Linux\n", 4, "before its first label" },
	{ "\x7f" "ELF\x02\x01\x01\n", 1, "the byte 0x02: is this a signature file" },

	/* duplicates, as p0f finds them */
#define ONE LINUX "sig = *:64:0:*:mss*20,7:mss::0\n"
	{ ONE "sig = *:64:0:*:mss*20,7:mss::0\n", 5, "already covered by line 4" },
	{ LINUX "sig = *:64:0:*:*,7:mss::0\nsig = *:64:0:*:1024,7:mss::0\n", 5, "already covered by line 4 (\"unix:Linux:3.x\")" },
	{ LINUX "sig = *:64:0:*:%512,7:mss::0\nsig = *:64:0:*:1024,7:mss::0\n", 5, "already covered" },
	{ LINUX "sig = *:64:0:*:%512,7:mss::0\nsig = *:64:0:*:1000,7:mss::0\n", 0, NULL },
	{ LINUX "sig = *:64:0:*:*,7:mss::0\nsig = *:64:0:*:%1024,7:mss::0\n", 0, NULL }, /* only equal kinds cover each other */
	{ LINUX "sig = *:64:0:*:mss*4,7:mss::0\nsig = *:64:0:1000:4000,7:mss::0\n", 5, "already covered" },
	{ LINUX "sig = *:64:0:*:1,7:mss::0\nsig = *:60:0:*:1,7:mss::0\n", 5, "already covered" }, /* TTL within 35 */
	{ LINUX "sig = *:128:0:*:1,7:mss::0\nsig = *:64:0:*:1,7:mss::0\n", 0, NULL },
	{ LINUX "sig = *:64:0:*:1,*:mss::0\nsig = *:64:0:*:1,7:mss::0\n", 5, "already covered" },
	{ LINUX "sig = *:64:0:*:1,7:mss::0\nsig = *:64:0:*:1,*:mss::0\n", 0, NULL },
	{ LINUX "sig = *:64:0:*:1,7:mss:df:0\nsig = *:64:0:*:1,7:mss:df:0\n", 0, NULL }, /* p0f's oversight, section 5 */
	{ LINUX "sig = 4:64:0:*:1,7:mss:df:0\nsig = 4:64:0:*:1,7:mss:df:0\n", 5, "already covered" },
	{ REQUEST "label = g:unix:Linux:\nsig = *:64:0:*:1,7:mss::0\nsig = *:64:0:*:1,7:mss::0\n", 0, NULL }, /* generic ones cover nothing */
	{ ONE "[tcp:response]\nlabel = s:unix:Linux:3.x\nsig = *:64:0:*:mss*20,7:mss::0\n", 0, NULL },
};

static void test_grammar(void **state)
{
	int wrong = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sig_error err = { .line = 0 };
		struct sigdb *db;
		const int rc = sigdb_parse(&db, "rows", rows[i].text, strlen(rows[i].text), &err);
		const bool good = rows[i].says == NULL ? rc == 0 && db != NULL
		    : rc == FP_ECONFIG && db == NULL && err.line == rows[i].line && strstr(err.text, rows[i].says) != NULL &&
		        strcmp(err.file, "rows") == 0;

		if (!good) {
			print_error("row %zu:\n%s\n got %d, line %u: %s\nwant line %u: %s\n", i, rows[i].text, rc, err.line, rc ? err.text : "",
			    rows[i].line, rows[i].says ? rows[i].says : "(loads)");
			wrong++;
		}
		sigdb_free(&db);
	}
	assert_int_equal(wrong, 0);
}

static void test_labels(void **state)
{
	static const char text[] = HEAD
	    "[mtu]\nlabel = Ethernet or modem\nsig = 1500\nlabel = other\nsig = 1500\nsig = 1400\n"
	    "[tcp:request]\n"
	    "label = g:unix:Linux:3.x: with a colon\nsig = *:64:0:*:1,7:mss::0\n"
	    "label = s:!:NMap:\nsys = linux,@win\nsig = *:64:0:*:2,7:mss::0\n"
	    "[tcp:response]\n"
	    "label = s:unix:LINUX:\nsig = *:64:0:*:1,7:mss::0\n"
	    "[http:request]\nlabel = s:!:Lynx:2\nsys = @unix\nsig = 1:Host::Lynx\n";
	struct sig_error err;
	struct sigdb *db;
	size_t n;

	(void)state;
	assert_int_equal(sigdb_parse(&db, "text", text, sizeof text - 1, &err), 0);

	const struct sig_label *l = sigdb_labels(db, &n);

	assert_int_equal(n, 3); /* HTTP's are none of the store's business */
	assert_string_equal(l[0].text, "unix:Linux:3.x: with a colon");
	assert_string_equal(l[0].flavor, "3.x: with a colon");
	assert_true(l[0].generic && !l[0].app);
	assert_int_equal(l[0].id, hash_id(l[0].text, strlen(l[0].text)));
	assert_int_equal(l[0].line & 0xffffff, 9);
	assert_string_equal(l[1].text, "!:NMap:");
	assert_string_equal(l[1].flavor, "");
	assert_true(l[1].app);
	assert_int_equal(l[1].sys_n, 2);
	assert_int_equal(l[1].sys[0], l[0].name_no); /* in any case */
	assert_int_equal(l[1].sys[1], SIG_SYS_CLASS | 0);
	assert_string_equal(l[2].name, "Linux"); /* spelled as where it was first named */
	assert_string_equal(l[2].klass, "unix");
	assert_string_equal(sigdb_link(db, 1500), "Ethernet or modem");
	assert_string_equal(sigdb_link(db, 1400), "other");
	assert_null(sigdb_link(db, 1401));
	assert_null(sigdb_link(db, 70000));
	assert_int_equal(sigdb_count(db, SIG_REQUEST), 2);
	assert_int_equal(sigdb_count(db, SIG_RESPONSE), 1);
	assert_int_equal(sigdb_http_count(db, SIG_REQUEST), 1);
	assert_string_equal(sigdb_http(db, SIG_REQUEST, 0), "1:Host::Lynx");
	assert_null(sigdb_http(db, SIG_RESPONSE, 0));
	sigdb_free(&db);
	assert_null(db);
	sigdb_free(&db);
}

/* All that is wrong, each once: not what follows from it. */
static const struct {
	const char *why, *text;
	const char *lines; /* of the errors, a blank behind each */
} all_rows[] = {
	{ "each field of its own line", LINUX "sig = 5:64:0:*:1,1:mss::0\nsig = *:64:0:*:1,1:mss::0\nsig = *:64:0:*:zz,1:mss::0\n", "4 6 " },
	{ "under a wrong label nothing is missing but what is wrong there too",
	    REQUEST "label = s:nix:Linux:\nsig = *:64:0:*:1,1:mss::0\nsig = *:64:0:*:1,1:sm::0\nlabel = s:unix:Linux:\nsig = *:64:0:*:1,1:mss::0\n", "3 5 " },
	{ "a wrong label is not the one before it: no signature is covered",
	    LINUX "sig = *:64:0:*:1,1:mss::0\nlabel = s:nix:Linux:\nsig = *:64:0:*:1,1:mss::0\n", "5 " },
	{ "no label: said once", REQUEST "sig = *:64:0:*:1,1:mss::0\nsig = *:64:0:*:2,1:mss::0\n", "3 " },
	{ "no label of links: said once", "classes = unix\n[mtu]\nsig = 576\nsig = 1500\n", "3 " },
	{ "no section: said once", "classes = unix\nlabel = s:unix:Linux:\nsig = *:64:0:*:1,1:mss::0\n", "2 " },
	{ "in a section that is none nothing is judged", "classes = unix\n[tcp:reqest]\nlabel = x\nsig = y\n[mtu]\nlabel = a\nsig = 0\n", "2 7 " },
	{ "no sys: said once", REQUEST "label = s:!:NMap:\nsig = *:64:0:*:1,1:mss::0\nsig = *:64:0:*:2,1:mss::0\n", "4 " },
	{ "no sys before the next label, which is wrong by itself", REQUEST "label = s:!:NMap:\nlabel = s:nix:Linux:\n", "4 " },
	{ "no sys before the next section, and at the end", REQUEST "label = s:!:NMap:\n[tcp:response]\nlabel = s:!:NMap:\n", "4 5 " },
	{ "sys under a wrong label", REQUEST "label = x:!:NMap:\nsys = @unix\nsys = @nix\n", "3 5 " },
	{ "a file that is no text ends there", "\1\2\n\3\n", "1 " },
};

static void hear_line(void *ctx, const struct sig_error *err)
{
	char *lines = ctx;

	sprintf(lines + strlen(lines), "%u ", err->line);
}

static void test_all_errors(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(all_rows); i++) {
		char lines[200] = "";
		struct sigdb *db;
		const int rc = sigdb_parse_saying(&db, "rows", all_rows[i].text, strlen(all_rows[i].text), hear_line, lines);

		if (rc != FP_ECONFIG || db != NULL || strcmp(lines, all_rows[i].lines) != 0)
			fail_msg("%s: got %d, errors in lines %s, want %s", all_rows[i].why, rc, lines, all_rows[i].lines);
	}
}

/* Two label texts of the same id are refused; these two were searched for. */
static void test_collision(void **state)
{
	static const char two[] = REQUEST "label = s:unix:fejippm:\nlabel = s:unix:bclbedy:\n";
	static const char twice[] = REQUEST "label = s:unix:fejippm:\nlabel = g:unix:fejippm:\n";
	struct sig_error err;
	struct sigdb *db;

	(void)state;
	assert_int_equal(sigdb_parse(&db, "text", two, sizeof two - 1, &err), FP_ECONFIG);
	assert_int_equal(err.line, 4);
	assert_non_null(strstr(err.text, "same id as \"unix:fejippm:\" of line 3"));
	assert_int_equal(sigdb_parse(&db, "text", twice, sizeof twice - 1, &err), 0);
	sigdb_free(&db);
}

static void write_file(char *path, const char *text)
{
	const int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

/* Files in order as if they were one; each with its own sections, and messages that name the file. */
static void test_files(void **state)
{
	char a[] = "/tmp/fp-test-XXXXXX", b[] = "/tmp/fp-test-XXXXXX";
	const char *files[] = { a, b };
	struct sig_error err;
	struct sigdb *db;
	size_t n;

	(void)state;
	write_file(a, ONE);
	write_file(b, "classes = unix,other\n[tcp:request]\nlabel = s:other:Local:\nsig = *:64:0:*:1,1:mss::0\n");
	assert_int_equal(sigdb_load(&db, files, 2, &err), 0);
	assert_int_equal(sigdb_count(db, SIG_REQUEST), 2);
	assert_string_equal(sigdb_labels(db, &n)[1].text, "other:Local:");
	sigdb_free(&db);

	files[1] = a;
	assert_int_equal(sigdb_load(&db, files, 2, &err), FP_ECONFIG);
	assert_null(db);
	assert_string_equal(err.file, a);
	assert_int_equal(err.line, 4);
	assert_non_null(strstr(err.text, "covered by line 4 of /tmp/fp-test-"));
	unlink(a);
	assert_true(sigdb_load(&db, files, 2, &err) < 0);
	assert_string_equal(err.file, a);
	assert_int_equal(err.line, 0);
	assert_string_equal(err.text, "No such file or directory");

	/* A file that is not there, and one with an error: both are said. */
	char lines[64] = "";

	write_file(strcpy(a, "/tmp/fp-test-XXXXXX"), "nothing\n");
	unlink(b);
	files[0] = b;
	assert_true(sigdb_load_saying(&db, files, 2, hear_line, lines) < 0);
	assert_string_equal(lines, "0 1 ");
	unlink(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grammar), cmocka_unit_test(test_labels), cmocka_unit_test(test_all_errors), cmocka_unit_test(test_collision), cmocka_unit_test(test_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
