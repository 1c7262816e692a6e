/* snapshot.c - what makes a service one that Wizer can initialise, for tests/edge/snapshot_test.py alone.
 *
 * Out: three exports that answer the default input once, so that functions with variants run during initialisation: two are called
 *      as Wizer's are, `boot` is not. The answer stays in memory, where the test finds that a snapshot was taken after it. */
#include "../../services/service.h"

#define EXPORT(name) __attribute__((export_name(name)))

static uint8_t answer[SERVICE_OUTPUT_MAX];

static void answer_default(void)
{
	const ServiceInput *s = &service_input[INPUT_VALID];
	const char *why;
	size_t n;

	if (serve((const uint8_t *)s->p, s->n, answer, sizeof answer, &n, &why))
		__builtin_trap();
}

EXPORT("wizer-initialize") void initialize_dash(void)
{
	answer_default();
}

EXPORT("wizer.initialize") void initialize_dot(void)
{
	answer_default();
}

EXPORT("boot") void boot(void)
{
	answer_default();
}
