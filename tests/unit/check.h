/* check.h - what a unit test says of each thing that it checks: `ok NAME` or `not ok NAME: why`; and how many were not. */
#ifndef CHECK_H
#define CHECK_H

#include <stdbool.h>
#include <stdio.h>

static int failed;

static void check(const char *name, bool good, const char *why)
{
	failed += !good;
	if (good)
		printf("ok %s\n", name);
	else
		printf("not ok %s: %s\n", name, why);
}

#endif
