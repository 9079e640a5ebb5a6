-- What wrk sends: one POST each, to another user and with other variables each time.
--
--   wrk … -s post_notifications.lua URL -- <API key> <users file> <prefix> <distinct keys> <items>
--
-- <distinct keys>: after so many requests the same request ids come again; 0: never.
-- <items>: 1 is a single notification, more are a batch of so many.
-- Ends with one line for the benchmark: requests, seconds, errors, and latencies in milliseconds.

local threads = 0

function setup(thread)
  thread:set("thread_number", threads)
  threads = threads + 1
end

function init(args)
  key, prefix = args[1], args[3] .. "-" .. thread_number .. "-"
  distinct, items = tonumber(args[4]), tonumber(args[5])
  users = {}
  for line in io.lines(args[2]) do users[#users + 1] = line end
  number = 0
  wrk.method = "POST"
  wrk.headers["Content-Type"] = "application/json"
  wrk.headers["X-API-Key"] = key
end

local function notification()
  local n = number
  if distinct > 0 then n = number % distinct end
  number = number + 1
  return string.format(
    '{"notification_type": "email", "user_id": "%s", "template_code": "welcome_email", ' ..
    '"variables": {"name": "Recipient %d", "link": "https://example.com/start/%d"}, ' ..
    '"request_id": "%s%d", "priority": 4, "metadata": {"campaign_id": "spring"}}',
    users[n % #users + 1], n, n, prefix, n)
end

function request()
  if items == 1 then return wrk.format(nil, nil, nil, notification()) end
  local list = {}
  for i = 1, items do list[i] = notification() end
  return wrk.format(nil, nil, nil, '{"notifications": [' .. table.concat(list, ", ") .. ']}')
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    'measured %d requests %.6f seconds %d refused %d broken %.3f p50 %.3f p95 %.3f p99\n',
    summary.requests, summary.duration / 1e6, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50) / 1000, latency:percentile(95) / 1000, latency:percentile(99) / 1000))
end
