import msgspec

from records.keys import LANES, lane_name
from records.lane_registry import LaneReport

NAME = lane_name(7)


async def test_a_lane_that_cannot_be_closed_is_a_conflict_that_names_the_field(control, redis):
    unknown = control.call("POST", f"/v1/lanes/{NAME}/close", {"not_arrived": 0})
    await redis.hset(LANES, NAME, msgspec.json.encode(LaneReport("edge-1", 3, 3, 3, 1)))
    miscounted = control.call("POST", f"/v1/lanes/{NAME}/close", {"not_arrived": 2})

    assert (unknown.status, unknown.body["type"]) == (409, "/docs#conflict")
    assert (miscounted.status, miscounted.body["type"]) == (409, "/docs#conflict")
    assert miscounted.body["field"] == "not_arrived"
    assert "field" not in unknown.body
    assert miscounted.body["detail"] == f"3 clicks of lane {NAME} have not arrived, not 2"
