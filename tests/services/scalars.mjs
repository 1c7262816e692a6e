// scalars.mjs - are these bytes random scalars?
//
// In: bytes that should be `count` scalars of 32 bytes. Out: why they are not, or nothing.
const L = 2n ** 252n + 27742317777372353535851937790883648493n;

export function isScalars(bytes, count) {
	if (bytes.length !== 32 * count)
		return `${bytes.length} bytes instead of ${32 * count}`;
	for (let i = 0; i < count; i++) {
		const n = BigInt("0x" + Buffer.from(bytes.subarray(32 * i, 32 * i + 32)).reverse().toString("hex"));
		if (n === 0n || n >= L)
			return `scalar ${i} is ${n === 0n ? "zero" : "not below the group's order"}`;
	}
}
