"""The steps of `redis_claims` as scripts: each is atomic, and by Redis' own clock."""

from typing import Final

from servicekit.redis_scripts import Script

# The states are `sending` (held by `token` until `lease`), `waiting` (given back) and `settled`.
# `verdict` is what the claim by `token` was answered; after a release it says whether the delivery
# was lapsed before, for then it may have been sent. While it is open a claim is a hash; a settled
# one, which is nearly always the last, is a string, that takes half the memory.
_HELD: Final = """
local function read_held()
    if redis.call('TYPE', KEYS[1])['ok'] ~= 'string' then
        return redis.call('HMGET', KEYS[1],
            'generation', 'attempt', 'state', 'token', 'lease', 'claims', 'verdict')
    end
    local generation, attempt, token, settlement =
        string.match(redis.call('GET', KEYS[1]), '^(%d+) (%d+) (%S+) (.*)$')
    return {generation, attempt, 'settled', token, false, false, false, settlement}
end
local held = read_held()
"""

# Each delivery to an address takes a place in time: the earliest with fewer than the limit in the
# hour before it. So those that wait come one by one, and each is charged once; but not what will
# have expired by then, which takes nobody's place.
_PLACE: Final = """
local function place_of(key, member, now, limit, window, expiry)
    local taken = redis.call('ZSCORE', key, member)
    if taken then return tonumber(taken) end
    redis.call('ZREMRANGEBYSCORE', key, '-inf', now - window)
    local count, place = redis.call('ZCARD', key), now
    if count >= limit then
        local before = redis.call('ZRANGE', key, count - limit, count - limit, 'WITHSCORES')
        place = math.max(now, tonumber(before[2]) + window)
    end
    if place >= expiry then return place end
    redis.call('ZADD', key, place, member)
    redis.call('PEXPIRE', key, place - now + window)
    return place
end
"""

CLAIM: Final = Script.of(
    _HELD
    + _PLACE
    + """
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local generation, attempt, token = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]
if tonumber(ARGV[7]) > now and tonumber(ARGV[8]) > now then return {'early', now, ''} end
local verdict, claims = 'claimed', 0
if held[1] then
    local held_generation, held_attempt = tonumber(held[1]), tonumber(held[2])
    if generation < held_generation then return {'superseded', now, ''} end
    if generation == held_generation then
        if attempt <= held_attempt and held[3] == 'settled' then
            return {'settled', now, held[8]}
        end
        if attempt < held_attempt then return {'superseded', now, ''} end
        -- A later attempt than one that was the last, or that is under way: nobody asked for it.
        if held[3] == 'settled' and not string.find(held[8], '"retry_at":', 1, true) then
            return {'settled', now, held[8]}
        end
        if attempt > held_attempt and held[3] == 'sending' and tonumber(held[5]) > now then
            return {'busy', now, ''}
        end
        if attempt == held_attempt then
            claims = tonumber(held[6])
            if held[3] == 'sending' then
                if held[4] == token then return {held[7], now, ''} end
                if tonumber(held[5]) > now then return {'busy', now, ''} end
            end
            if held[3] == 'sending' or (held[7] and held[7] ~= 'claimed') then
                verdict = claims >= tonumber(ARGV[6]) and 'poison' or 'lapsed'
            end
        end
    end
end
if verdict == 'claimed' and tonumber(ARGV[8]) > now then
    local reason = redis.call('GET', KEYS[2])
    if reason and not string.find(ARGV[13], ' ' .. reason .. ' ', 1, true) then
        return {'suppressed', now, reason}
    end
    local limit = tonumber(ARGV[9])
    if limit > 0 then
        local place = place_of(KEYS[3], ARGV[10], now, limit, tonumber(ARGV[11]),
            tonumber(ARGV[8]))
        if place - tonumber(ARGV[12]) > now then return {'limited', now, place} end
    end
end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'generation', generation, 'attempt', attempt, 'state', 'sending',
    'token', token, 'lease', now + tonumber(ARGV[4]), 'claims', claims + 1, 'verdict', verdict)
redis.call('EXPIRE', KEYS[1], ARGV[5])
return {verdict, now, ''}
"""
)

# Refused only when somebody else has the delivery, or has ended it: a claim that Redis could not
# take, has lost, or that was given back meanwhile, is made up for here, or the outcome of a send
# that really happened would never be told.
SETTLE: Final = Script.of(
    _HELD
    + """
if held[1] then
    local generation, attempt = tonumber(ARGV[1]), tonumber(ARGV[2])
    local held_generation, held_attempt = tonumber(held[1]), tonumber(held[2])
    local is_older = held_generation < generation
        or (held_generation == generation and held_attempt < attempt)
    local is_open = held_generation == generation and held_attempt == attempt
        and (held[3] == 'waiting' or held[4] == ARGV[3])
    if not is_older and not is_open then return 0 end
end
redis.call('SET', KEYS[1], table.concat({ARGV[1], ARGV[2], ARGV[3], ARGV[4]}, ' '), 'EX', ARGV[5])
return 1
"""
)

RELEASE: Final = Script.of(
    _HELD
    + """
if held[3] == 'sending' and held[4] == ARGV[1] then
    redis.call('HSET', KEYS[1], 'state', 'waiting', 'claims', tonumber(held[6]) - 1)
end
return 1
"""
)
