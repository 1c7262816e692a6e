/* kernel.h - what a kernel has: bytes in, numbers and bytes out. Each NAME.c defines kernel(), host.c the rest. */
#ifndef KERNEL_H
#define KERNEL_H

#include <stddef.h>
#include <stdint.h>

enum { INPUT_MAX = 4096 };

void kernel(const uint8_t *in, size_t n);      /* at most INPUT_MAX bytes, never none */
void put(uint64_t x);                          /* a line of sixteen hexadecimal digits */
void put_bytes(const uint8_t *p, size_t n);    /* as they are */

#endif
