/* classify - the command "fingerpost classify": a capture file in, a line a verdict out. No daemon, no store, no privilege. */
#ifndef FP_CLASSIFY_H
#define FP_CLASSIFY_H

/* argv[0] is "classify". Returns the exit status: 0, 1 input unreadable part-way, 2 usage or not a capture. */
int cmd_classify(int argc, char **argv);

#endif
