-- edge_load.lua - what wrk measured, as one line: requests, microseconds, errors (connect, read, write, status, timeout), and the
-- 50th, 99th and 99.9th percentile of the latency in microseconds.
function done(summary, latency, requests)
	local e = summary.errors
	print(string.format("mewe %d %d %d %d %d %d %d %d %d %d", summary.requests, summary.duration, e.connect, e.read, e.write, e.status,
		e.timeout, latency:percentile(50), latency:percentile(99), latency:percentile(99.9)))
end
