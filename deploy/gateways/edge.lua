-- Asks `latchkey edge`, or Latchkey itself, about a request; haproxy.cfg loads it.

-- To require a role, end it with /auth/verify?role=editor.
local ADDRESS = "http://127.0.0.1:3100/auth/verify"
-- COOKIE_NAME of Latchkey, with its prefix.
local REFRESH_COOKIE = "__Host-latchkey"

local function is_for_latchkey(name)
  if name:sub(1, #REFRESH_COOKIE) ~= REFRESH_COOKIE then return false end
  local rest = name:sub(#REFRESH_COOKIE + 1)
  return rest == "" or rest == "-ticket" or rest == "-device" or rest:match("^%-%x%x%x$") ~= nil
end

local function remove_cookies_of_latchkey(http, headers)
  if not headers["cookie"] then return end
  local kept = {}
  for index = 0, #headers["cookie"] do
    for cookie in headers["cookie"][index]:gmatch("[^;]+") do
      cookie = cookie:match("^%s*(.-)%s*$")
      if not is_for_latchkey(cookie:match("^[^=%s]*")) then kept[#kept + 1] = cookie end
    end
  end
  http:req_del_header("cookie")
  if #kept > 0 then http:req_set_header("cookie", table.concat(kept, "; ")) end
end

-- What the edge or Latchkey reads, and no other header: HAProxy ends if a question has more than a hundred headers. Of a header that
-- is repeated, two are passed on, so that the edge refuses the request.
local function headers_for_edge(headers)
  local asked = {}
  for _, name in ipairs({ "host", "authorization", "origin", "sec-fetch-site", "access-control-request-method",
    "x-forwarded-for" }) do
    local values = headers[name]
    if values then asked[name] = { [0] = values[0], values[1] } end
  end
  if headers["cookie"] then
    local cookies = {}
    for index = 0, #headers["cookie"] do cookies[#cookies + 1] = headers["cookie"][index] end
    asked["cookie"] = { [0] = table.concat(cookies, "; ") }
  end
  return asked
end

-- The answer of the edge goes to the client, with its problem details. Without an answer of the edge: 503.
local function refuse(txn, answer)
  local has_answered = answer.status >= 400 and answer.status < 500 or answer.status == 503
  local reply = txn:reply({ status = has_answered and answer.status or 503, body = has_answered and answer.body or "" })
  for _, name in ipairs({ "content-type", "www-authenticate", "retry-after", "cache-control" }) do
    local values = answer.headers and answer.headers[name]
    if values then reply:add_header(name, values[0]) end
  end
  if reply.status == 503 and not (answer.headers and answer.headers["retry-after"]) then reply:add_header("retry-after", "1") end
  txn:done(reply)
end

core.register_action("edge", { "http-req" }, function(txn)
  local headers = txn.http:req_get_headers()
  local asked = headers_for_edge(headers)
  asked["x-original-uri"] = { [0] = txn.sf:pathq() }
  asked["x-original-method"] = { [0] = txn.sf:method() }
  -- For Latchkey with VERIFY_PREFLIGHTS=forwarded.
  asked["x-forwarded-method"] = asked["x-original-method"]
  local answer = core.httpclient():get({ url = ADDRESS, headers = asked, timeout = 3000 })
  if answer.status ~= 200 then refuse(txn, answer) end
  for variable, name in pairs({ subject = "x-auth-subject", session = "x-auth-session", roles = "x-auth-roles",
    refresh = "x-token-refresh-required" }) do
    local values = answer.headers[name]
    txn:set_var("txn." .. variable, values and values[0] or "")
  end
  remove_cookies_of_latchkey(txn.http, headers)
end)
