-- SPDX-License-Identifier: Apache-2.0
-- wrk sends the requests of the file named after `--` in turn: per request one line with the target, one with the body.
-- Further arguments are headers of all of them.
local requests, nth = {}, 0

function init(args)
  local target
  local headers = {}
  for n = 2, #args do
    local name, value = args[n]:match("^([^:]+): (.*)$")
    headers[name] = value
  end
  for line in io.lines(args[1]) do
    if target then
      requests[#requests + 1] = wrk.format("POST", target, headers, line)
      target = nil
    else
      target = line
    end
  end
end

function request()
  nth = nth % #requests + 1
  return requests[nth]
end

function done(summary, latency)
  local e = summary.errors
  print("RESULT", summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    e.connect + e.read + e.write + e.status + e.timeout)
end
