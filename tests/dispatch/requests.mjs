// requests.mjs - one request's choices: kept while it lasts, drawn anew by the next, put back after a nested one.
import { build, check, ids, share, start, taken, traps } from './lib.mjs';

// f, of ordinal 0, is the one that is dispatched; with `site` its one region, of number 0.
const wat = `(module (import "host" "back" (func $back))
  (memory (export "memory") 1) (table (export "table") 1 funcref) (elem (i32.const 0) $f)
  (func $f (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
  (func (export "one") (result i32) (call $f (i32.const 1)))
  (func (export "around") (result i32) (drop (call $f (i32.const 1))) (call $back) (call $f (i32.const 2)))
  (func (export "fall") (drop (call $f (i32.const 1))) (unreachable)))`;
const flags = ['--functions', 'f', '--variants', '16', '--trace', 'full', '--discriminator', 'fixed:7'];
const call = build(wat, '--dispatch', 'call', ...flags);

function choices(run, times, f) {
	const out = [];
	for (let i = 0; i < times; i++) {
		run.call['mewe.reset']();
		f(i);
		out.push(taken(run, 0));
	}
	return out;
}

// Sixteen variants, so neighbours are equal in 1 of 16; all of them come.
function anew(name, list) {
	const same = share(list, (x, i) => i > 0 && x === list[i - 1]);
	check(`${name}: every variant comes`, new Set(list).size === 16, `${new Set(list).size} of 16`);
	check(`${name}: and no more often twice running than by chance`, same < 0.12, `${same}`);
}

for (const dispatch of ['request', 'site']) {
	const request = build(wat, '--dispatch', dispatch, ...flags);
	{
		const run = start(request);
		anew(`${dispatch}: requests`, choices(run, 400, () => run.call.one()).map(([k]) => k));
		const pairs = choices(run, 400, () => run.call.around());
		check(`${dispatch}: requests: a choice lasts for its request`, pairs.every(([a, b]) => a === b));
		const each = start(call), free = choices(each, 400, () => each.call.around());
		check(`${dispatch}: requests: control: at --dispatch call it does not`, share(free, ([a, b]) => a === b) < 0.12);
	}

	{
		const run = start(request);
		let fell = 0;
		const list = choices(run, 800, (i) => { if (i & 1) run.call.one(); else fell += traps(() => run.call.fall()); });
		check(`${dispatch}: a trap, then an entry: it does trap`, fell === 400, `${fell}`);
		anew(`${dispatch}: a trap, then an entry`, list.filter((x, i) => i & 1).map(([k]) => k));
		anew(`${dispatch}: entries that trap`, list.filter((x, i) => !(i & 1)).map(([k]) => k));
		const after = 2 * share(list, (x, i) => i & 1 && x[0] === list[i - 1][0]);
		check(`${dispatch}: a trap, then an entry: nothing of the trapped request stays`, after < 0.12, `${after}`);
	}

	{
		const run = start(request, { back: (i) => i.exports.one() });
		const list = choices(run, 400, () => run.call.around());
		check(`${dispatch}: a nested request: the outer one gets its choices back`, list.every(([a, , b]) => a === b));
		check(`${dispatch}: a nested request: has its own`, share(list, ([a, k]) => a === k) < 0.12);
		check(`${dispatch}: a nested request: each counts its choice once`, run.call['mewe.choices'].value === 2n, `${run.call['mewe.choices'].value}`);
	}

	{
		const run = start(request, { back: (i) => { traps(() => i.exports.fall()); } });
		const list = choices(run, 400, () => run.call.around());
		check(`${dispatch}: a nested request that traps: the outer one goes on`, list.every((x) => x.length === 3));
		anew(`${dispatch}: a nested request that traps: the next entry draws`, list.map(([k]) => k));
	}

	{
		const run = start(request, { back: (i) => i.exports.table.get(0)(5) });
		const list = choices(run, 400, () => run.call.around());
		check(`${dispatch}: an entry through a table: uses the choices of the request`, list.every(([a, k, b]) => a === k && a === b));
		const outside = choices(run, 20, () => run.call.table.get(0)(5));
		check(`${dispatch}: an entry through a table: outside of any request, the original`, outside.every(([k]) => k === 0));
		const direct = start(call), free = choices(direct, 400, () => direct.call.table.get(0)(5));
		anew(`${dispatch}: an entry through a table: at --dispatch call`, free.map(([k]) => k));
	}

	{
		const only = build(wat, '--dispatch', dispatch, '--entry', 'one', ...flags), run = start(only, { back: (i) => i.exports.one() });
		const list = choices(run, 200, () => run.call.around());
		check(`${dispatch}: --entry: another export is no request`, list.every(([a, , b]) => a === 0 && b === 0));
		anew(`${dispatch}: --entry: the one named is`, list.map(([, k]) => k));
	}
}

{
	const hosted = flags.slice(0, -1).concat('host');
	let k = 0;
	const run = start(build(wat, '--dispatch', 'call', ...hosted), { choose: () => k });
	const list = choices(run, 40, (i) => { k = i - 10; run.call.one(); }).map(([x]) => x);
	check('host: its choice is taken, and what is out of range is the original', list.every((x, i) => x === (i < 10 || i > 25 ? 0 : i - 10)), `${list}`);
	check('host: asked for dispatcher and number of bodies', run.seen.choose.every(([d, n]) => d === 0 && n === 16));
	const none = start(build(wat, ...flags.slice(0, -1), 'none'));
	check('none: always the original, by the dispatcher', choices(none, 50, () => none.call.one()).every(([x]) => x === 0) && ids(none).length === 3);
}
