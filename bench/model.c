/*
 * model - what one judgement of the model costs, for a cell that no cache holds.
 *
 * bench/model [TIMES [CELL]]: each of the cells below (or the one of that number) TIMES times; one JSON line a cell.
 * Instructions: run it under `valgrind --tool=callgrind --toggle-collect=model_judge` and divide by TIMES.
 */
#include "core/clock.h"
#include "core/model.h"
#include "core/sigobs.h"
#include "core/util.h"

#include <stdio.h>
#include <stdlib.h>

static const struct {
	const char *what, *raw;
} cells[] = {
	{ "Windows", "4:118:0:1460:64240,8:mss,nop,ws,nop,nop,sok:df,id+:0" },
	{ "Linux", "4:54:0:1460:64240,7:mss,sok,ts,nop,ws:df,id+:0" },
	{ "Apple", "4:54:0:1460:65535,6:mss,nop,ws,nop,nop,ts,sok,eol+1:df,ecn:0" },
	{ "no scale", "4:118:0:1460:65535,0:mss,nop,nop,sok:df,id+:0" },
	{ "MSS alone", "4:54:0:1460:64240,0:mss:df,id+:0" },
	{ "undone", "4:54:0:1460:29200,7:mss,sok,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,nop,ws:df,id+:0" },
	{ "order alone", "4:118:0:1460:64240,8:mss,nop,ws,nop,nop,sok,?253,nop,nop:df,id+:0" },
	{ "nobody's", "4:64:0:1460:8192,8:ws,ts,mss,ws:df,id+:0" },
};

int main(int argc, char **argv)
{
	const long times = argc > 1 ? atol(argv[1]) : 1000000, only = argc > 2 ? atol(argv[2]) : -1;
	struct model_answer a;
	struct sig_error err;
	struct model *m;
	float sum = 0;

	if (model_load(&m, FP_TREE "/signatures/model.tsv", FP_TREE "/signatures/prior-mail.tsv", &err) != 0) {
		fprintf(stderr, "%s:%u: %s\n", err.file, err.line, err.text);
		return 1;
	}
	for (size_t i = 0; i < ARRAY_LEN(cells); i++) {
		char why[SIGOBS_WHY];
		struct tcp_obs obs;

		if (only >= 0 && (long)i != only)
			continue;
		if (sigobs_parse(cells[i].raw, &obs, why) != 0)
			return 1;
		const int64_t begin = clock_ns(CLOCK_THREAD_CPUTIME_ID);

		for (long n = 0; n < times; n++) {
			model_judge(m, &obs, &a);
			sum += a.kernel_p;
		}
		printf("{\"bench\":\"model\",\"cell\":\"%s\",\"cpu_ns\":%.1f}\n", cells[i].what,
		    (double)(clock_ns(CLOCK_THREAD_CPUTIME_ID) - begin) / (double)times);
	}
	model_free(&m);
	return sum >= 0 ? 0 : 1;
}
