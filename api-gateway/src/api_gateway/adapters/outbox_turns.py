"""SQL for the turns that callers take in the outbox.

The callers of a lane are found by hopping through an index from one to the next, so that it costs
as much as there are callers, however many rows they have.
"""

from typing import Final

_DUE: Final = """SELECT 1 FROM outbox AS o WHERE o.routing_key = h.lane
        AND o.client_id = h.client_id AND o.leased_until < now() LIMIT 1"""

_WAITING: Final = f"""
hop AS (
    SELECT room.*, (
        SELECT o.client_id FROM outbox AS o WHERE o.routing_key = room.lane
        ORDER BY o.client_id LIMIT 1
    ) AS client_id FROM room
    UNION ALL
    SELECT h.lane, h.room, (
        SELECT o.client_id FROM outbox AS o
        WHERE o.routing_key = h.lane AND o.client_id > h.client_id
        ORDER BY o.client_id LIMIT 1
    ) FROM hop AS h WHERE h.client_id IS NOT NULL
), waiting AS (
    -- Not EXISTS, which the planner may turn into a scan of the whole table.
    SELECT h.* FROM hop AS h WHERE ({_DUE}) IS NOT NULL
)"""  # noqa: S608 - no value is written into it

WAITING_CALLERS: Final = f"""
WITH RECURSIVE room AS (SELECT lane, 0 AS room FROM unnest($1::text[]) AS r(lane)), {_WAITING}
SELECT lane, client_id FROM waiting
"""  # noqa: S608 - no value is written into it
"""Returns (lane, client_id) of those whose rows are due in these lanes; $1: the lanes."""

LEASE: Final = f"""
WITH RECURSIVE
room AS (SELECT lane, room FROM unnest($1::text[], $2::int[]) AS r(lane, room)), {_WAITING},
share AS (
    -- Where there are more callers than places, chance decides, and evens out.
    SELECT w.*, count(*) OVER of_lane AS callers,
        row_number() OVER (PARTITION BY w.lane ORDER BY random()) AS place
    FROM waiting AS w WINDOW of_lane AS (PARTITION BY w.lane)
), free AS (
    SELECT o.id, o.is_fresh,
        row_number() OVER (PARTITION BY s.lane, s.client_id ORDER BY o.leased_until, o.id) AS turn
    FROM share AS s CROSS JOIN LATERAL (
        SELECT id, leased_until, leased_until = '-infinity' AS is_fresh FROM outbox
        WHERE routing_key = s.lane AND client_id = s.client_id AND leased_until < now()
        ORDER BY leased_until, id
        LIMIT ceil(s.room::numeric / s.callers)
        FOR UPDATE SKIP LOCKED
    ) AS o
    WHERE s.place <= s.room
)
UPDATE outbox SET leased_until = now() + $3::interval FROM free WHERE outbox.id = free.id
RETURNING outbox.id, outbox.routing_key, outbox.body, outbox.delivery_id, outbox.correlation_id,
    free.is_fresh, free.turn
"""  # noqa: S608 - no value is written into it
"""Leases rows and returns them; $1, $2: lanes and the room in each; $3: for how long."""

OVER_BOUND: Final = f"""
WITH RECURSIVE room AS (SELECT lane, 0 AS room FROM unnest($1::text[]) AS r(lane)), {_WAITING}
SELECT client_id FROM waiting AS w CROSS JOIN LATERAL (
    SELECT count(*) AS rows FROM (
        SELECT 1 FROM outbox AS o WHERE o.routing_key = w.lane AND o.client_id = w.client_id
            AND o.leased_until < now() LIMIT $2 + 1
    ) AS counted
) AS c GROUP BY client_id HAVING sum(c.rows) > $2
"""  # noqa: S608 - no value is written into it
"""Returns the callers of whom more rows are due; $1: the lanes, $2: than so many."""
