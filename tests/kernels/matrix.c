/* matrix.c - linear algebra: integer matrices, their product, transpose, and the determinant modulo a prime. */
#include "kernel.h"

enum { N = 12, P = 65521 };

typedef uint32_t Matrix[N][N];

static void multiply(Matrix c, Matrix a, Matrix b)
{
	for (int i = 0; i < N; i++)
		for (int j = 0; j < N; j++) {
			uint64_t sum = 0;
			for (int k = 0; k < N; k++)
				sum += (uint64_t)a[i][k] * b[k][j];
			c[i][j] = (uint32_t)(sum % P);
		}
}

static uint32_t power(uint32_t x, uint32_t e)
{
	uint32_t r = 1;
	for (; e > 0; e >>= 1) {
		if (e & 1)
			r = (uint32_t)((uint64_t)r * x % P);
		x = (uint32_t)((uint64_t)x * x % P);
	}
	return r;
}

/* By elimination; the matrix is used up. */
static uint32_t determinant(Matrix a)
{
	uint64_t det = 1;
	for (int i = 0; i < N; i++) {
		int row = i;
		while (row < N && a[row][i] == 0)
			row++;
		if (row == N)
			return 0;
		for (int k = 0; k < N && row != i; k++) {
			uint32_t t = a[i][k];
			a[i][k] = a[row][k];
			a[row][k] = t;
		}
		det = (row != i ? P - det : det) * a[i][i] % P;
		uint64_t inverse = power(a[i][i], P - 2);
		for (int j = i + 1; j < N; j++) {
			uint64_t factor = a[j][i] * inverse % P;
			for (int k = i; k < N; k++)
				a[j][k] = (uint32_t)((a[j][k] + (P - factor) * a[i][k]) % P);
		}
	}
	return (uint32_t)(det % P);
}

void kernel(const uint8_t *in, size_t n)
{
	static Matrix a, b, c;
	uint64_t hash = 0;
	for (size_t i = 0; i < N * N; i++) {
		a[i / N][i % N] = (in[i % n] * 251u + (uint32_t)(i * i)) % P;
		b[i % N][i / N] = (in[(i * 7) % n] ^ (uint32_t)i * 97) % P;
	}
	multiply(c, a, b);
	for (int i = 0; i < N; i++)
		for (int j = 0; j < N; j++)
			hash = hash * 1000003 + c[i][j];
	put(hash);
	uint64_t da = determinant(a), db = determinant(b);
	put(determinant(c));
	put(da * db % P); /* the same */
}
