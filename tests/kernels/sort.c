/* sort.c - sorting and searching: quicksort with insertion below eight, heapsort, and binary search in the result. */
#include "kernel.h"

enum { SMALL = 8 };

static void insertion(uint32_t *a, int32_t n)
{
	for (int32_t i = 1; i < n; i++) {
		uint32_t x = a[i];
		int32_t j = i;
		for (; j > 0 && a[j - 1] > x; j--)
			a[j] = a[j - 1];
		a[j] = x;
	}
}

static void quick(uint32_t *a, int32_t n)
{
	while (n > SMALL) {
		uint32_t pivot = a[n / 2];
		int32_t i = -1, j = n;
		for (;;) {
			do i++; while (a[i] < pivot);
			do j--; while (a[j] > pivot);
			if (i >= j)
				break;
			uint32_t t = a[i];
			a[i] = a[j];
			a[j] = t;
		}
		quick(a, j + 1);
		a += j + 1;
		n -= j + 1;
	}
	insertion(a, n);
}

static void sift(uint32_t *a, int32_t i, int32_t n)
{
	uint32_t x = a[i];
	for (int32_t kid; (kid = 2 * i + 1) < n; i = kid) {
		kid += kid + 1 < n && a[kid + 1] > a[kid];
		if (a[kid] <= x)
			break;
		a[i] = a[kid];
	}
	a[i] = x;
}

static void heapsort(uint32_t *a, int32_t n)
{
	for (int32_t i = n / 2; i-- > 0;)
		sift(a, i, n);
	for (int32_t end = n - 1; end > 0; end--) {
		uint32_t top = a[0];
		a[0] = a[end];
		a[end] = top;
		sift(a, 0, end);
	}
}

static int32_t lower_bound(const uint32_t *a, int32_t n, uint32_t x)
{
	int32_t from = 0;
	while (n > 0) {
		int32_t half = n / 2;
		if (a[from + half] < x) {
			from += half + 1;
			n -= half + 1;
		} else {
			n = half;
		}
	}
	return from;
}

void kernel(const uint8_t *in, size_t n)
{
	static uint32_t a[INPUT_MAX], b[INPUT_MAX];
	uint32_t x = 1, differ = 0;
	uint64_t sum = 0;
	for (size_t i = 0; i < n; i++) {
		x = x * 69069 + in[i];
		a[i] = b[i] = x >> 12;
	}
	quick(a, (int32_t)n);
	heapsort(b, (int32_t)n);
	for (size_t i = 0; i < n; i++) {
		differ += a[i] != b[i];
		sum = sum * 3 + (a[i] ^ (uint32_t)lower_bound(a, (int32_t)n, a[i] + (in[i] & 1)));
	}
	put(differ);
	put(sum);
}
