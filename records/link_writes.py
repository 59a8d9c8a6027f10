"""The commands that put links into Redis and take them out. Pure.

Neighbours are kept together (link_block.py); a link that is too large for that stands alone.
"""

from collections.abc import Iterable, Sequence

from records.keys import BLOCK_BITS, BLOCK_SIZE, PLACE_MASK, block_key, bucket_of, field_of, large_link_key
from records.link import Link, encode_link
from records.link_block import MAX_RECORD, make_block

Write = list[bytes | int | str]

# link_block.py in Lua: of a block some records are written and others taken out, and no neighbour is lost.
# ARGV: 'renew', or 'keep' where a block that is there keeps its time; place and record by turns, '' takes a record out;
# the seconds that Redis keeps the block. What make_block() did not write is no block: edges find its links elsewhere.
_CHANGE = """
local FORMAT, HEAD = '<' .. string.rep('H', 66), 132
local block, rests, shared = redis.call('GET', KEYS[1]), {}, nil
if block and #block > HEAD then
  local index = {struct.unpack(FORMAT, block)}
  local is_block = index[2] == HEAD + index[1] and index[66] == #block
  for place = 0, 63 do
    local from, to = index[place + 2], index[place + 3]
    is_block = is_block and from <= to
    if from < to then rests[place] = string.sub(block, from + 1, to) end
  end
  if is_block then shared = string.sub(block, HEAD + 1, HEAD + index[1]) else rests = {} end
end
local is_there = shared
for at = 2, #ARGV - 2, 2 do
  local place, record = tonumber(ARGV[at]), ARGV[at + 1]
  if record == '' then
    rests[place] = nil
  else
    shared = shared or record
    local same = math.min(#shared, #record - 1)
    while string.sub(record, 1, same) ~= string.sub(shared, 1, same) do same = same - 1 end
    local tail = string.sub(shared, same + 1)
    if tail ~= '' then
      for other, rest in pairs(rests) do rests[other] = tail .. rest end
      shared = string.sub(shared, 1, same)
    end
    rests[place] = string.sub(record, same + 1)
  end
end
if next(rests) == nil then return redis.call('DEL', KEYS[1]) end
local index, parts, at = {#shared, HEAD + #shared}, {shared}, HEAD + #shared
for place = 0, 63 do
  local rest = rests[place] or ''
  at = at + #rest
  index[place + 3], parts[place + 2] = at, rest
end
block = struct.pack(FORMAT, unpack(index)) .. table.concat(parts)
if is_there and ARGV[1] == 'keep' then return redis.call('SET', KEYS[1], block, 'KEEPTTL') end
return redis.call('SET', KEYS[1], block, 'EX', ARGV[#ARGV])
"""


def link_writes(link_ids: Sequence[int], links: Iterable[Link], kept_s: int) -> list[Write]:
    """Keep these links for so long, and their neighbours. link_ids: rising."""
    writes: list[Write] = []
    records: dict[int, bytes] = {}
    number = -1
    for link_id, link in zip(link_ids, links, strict=True):
        if link_id >> BLOCK_BITS != number:
            writes += _block_writes(number, records, kept_s)
            number, records = link_id >> BLOCK_BITS, {}
        record = encode_link(link)
        if len(record) <= MAX_RECORD:
            records[link_id & PLACE_MASK] = record
        else:
            writes.append(["SET", large_link_key(link_id), record, "EX", kept_s])
    return writes + _block_writes(number, records, kept_s)


def _block_writes(number: int, records: dict[int, bytes], kept_s: int) -> list[Write]:
    if not records:
        return []
    if len(records) == BLOCK_SIZE:
        return [["SET", block_key(number), make_block(records), "EX", kept_s]]
    return [_change(number, "renew", records, kept_s)]


def refill_write(link_id: int, link: Link, kept_s: int) -> Write:
    """Put a link back that had left Redis; what is there of its neighbours stays no longer for that."""
    record = encode_link(link)
    if len(record) > MAX_RECORD:
        return ["SET", large_link_key(link_id), record, "EX", kept_s]
    return _change(link_id >> BLOCK_BITS, "keep", {link_id & PLACE_MASK: record}, kept_s)


def removals(link_id: int) -> list[Write]:
    """Take a link out of wherever it is."""
    return [
        _change(link_id >> BLOCK_BITS, "keep", {link_id & PLACE_MASK: b""}, 1),
        ["DEL", large_link_key(link_id)],
        ["HDEL", bucket_of(link_id), field_of(link_id)],  # as earlier releases kept it
    ]


def _change(number: int, times: str, records: dict[int, bytes], kept_s: int) -> Write:
    changed = [part for place_and_record in records.items() for part in place_and_record]
    return ["EVAL", _CHANGE, 1, block_key(number), times, *changed, kept_s]
