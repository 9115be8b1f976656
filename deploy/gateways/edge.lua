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
  for _, header in pairs(headers["cookie"]) do
    for cookie in header:gmatch("[^;]+") do
      cookie = cookie:match("^%s*(.-)%s*$")
      if not is_for_latchkey(cookie:match("^[^=%s]*")) then kept[#kept + 1] = cookie end
    end
  end
  http:req_del_header("cookie")
  if #kept > 0 then http:req_set_header("cookie", table.concat(kept, "; ")) end
end

-- The answer of the edge goes to the client, with its problem details.
local function refuse(txn, answer)
  local reply = txn:reply({ status = answer.status == 0 and 503 or answer.status, body = answer.body or "" })
  for _, name in ipairs({ "content-type", "www-authenticate", "retry-after", "cache-control" }) do
    local values = answer.headers and answer.headers[name]
    if values then reply:add_header(name, values[0]) end
  end
  if reply.status == 503 and not (answer.headers and answer.headers["retry-after"]) then reply:add_header("retry-after", "1") end
  txn:done(reply)
end

core.register_action("edge", { "http-req" }, function(txn)
  local headers = txn.http:req_get_headers()
  local asked = txn.http:req_get_headers()
  for _, name in ipairs({ "content-length", "transfer-encoding", "connection", "upgrade", "expect" }) do asked[name] = nil end
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
