-- Sends files in turn: wrk ... -- CONTENT_TYPE FILE...
-- The last line of the output is one JSON object, in wrk's own units.

local requests, turn = {}, 0

function init(args)
  local headers = { ["Content-Type"] = args[1] }
  for index = 2, #args do
    local file = assert(io.open(args[index], "rb"))
    requests[#requests + 1] = wrk.format("POST", wrk.path, headers, file:read("*a"))
    file:close()
  end
end

function request()
  turn = turn % #requests + 1
  return requests[turn]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests": %d, "duration_us": %d, "status_errors": %d, "socket_errors": %d, "timeouts": %d, "p50_us": %d, "p99_us": %d}\n',
    summary.requests, summary.duration, errors.status, errors.connect + errors.read + errors.write, errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
