-- wrk's requests: orders of many customers, of one to three lines, or the one body
-- in WB_BENCH_BODY. With WB_BENCH_KEYS each has an Idempotency-Key of its own. With
-- WB_BENCH_DELAY_MS each connection waits before a request, at random (Poisson),
-- so long on average.
local keys, delay_ms = os.getenv("WB_BENCH_KEYS"), tonumber(os.getenv("WB_BENCH_DELAY_MS"))
local threads, head, bodies, n = 0, {}, {}, 0

function setup(thread)
  thread:set("number", threads)
  threads = threads + 1
end

function init()
  for line in io.lines(os.getenv("WB_BENCH_BODIES")) do
    bodies[#bodies + 1] = "Content-Length: " .. #line .. "\r\n\r\n" .. line
  end
  head = "POST /orders HTTP/1.1\r\nHost: " .. wrk.host .. "\r\nContent-Type: application/json\r\n"
  math.randomseed(os.time() + number)
end

function request()
  n = n + 1
  local key = ""
  if keys then
    key = "Idempotency-Key: " .. keys .. "-" .. number .. "-" .. n .. "\r\n"
  end
  return head .. key .. bodies[n % #bodies + 1]
end

if delay_ms then
  function delay()
    return math.floor(0.5 - math.log(1 - math.random()) * delay_ms)
  end
end

function done(summary, latency)
  local e = summary.errors
  io.write(string.format(
    '{"requests": %d, "seconds": %f, "errors": %d, "p50_ms": %f, "p99_ms": %f}\n',
    summary.requests, summary.duration / 1e6, e.connect + e.read + e.write + e.status + e.timeout,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
