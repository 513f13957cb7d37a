-- Posts the file named by the first argument, again and again, and prints one line of JSON.
-- KEY of the environment is sent as a key: arguments could be read by everybody on the machine.

function init(args)
  local file = assert(io.open(args[1], "rb"))
  wrk.method = "POST"
  wrk.headers["Content-Type"] = wrk.headers["Content-Type"] or "application/json"
  wrk.body = file:read("*a")
  local key = os.getenv("KEY")
  if key and key ~= "" then
    wrk.headers["Authorization"] = "Bearer " .. key
  end
  file:close()
end

function done(summary, latency)
  local errors = summary.errors
  print(string.format(
    '{"requests": %d, "seconds": %.6f, "p50_ms": %.3f, "p99_ms": %.3f, "connect": %d, ' ..
    '"read": %d, "write": %d, "timeout": %d, "status": %d}',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3,
    latency:percentile(99) / 1e3, errors.connect, errors.read, errors.write, errors.timeout,
    errors.status))
end
