"""A click, and the bytes of its frame as the first version wrote them."""

from records.click import Click

CLICK = Click(
    b"\x01" * 16, 1_700_000_000_000, 17, "aB3dE5fG7", "go.acme.example", "main", "spring", 3, "c-1", "vip", "", "sms",
    "https://acme.example/", 0, 302, "GET", b"\x02" * 16, "Mozilla/5.0", "", "*/*", "en", "", "", "",
)  # fmt: skip

# Written by the first version of the record; every later version must read it.
GOLDEN = bytes.fromhex(
    "a30000005ee9300901000000000000000100000092a6656467652d3191dc0018c41001010101010101010101010101010101"
    "cf0000018bcfe5680011a9614233644535664737af676f2e61636d652e6578616d706c65a46d61696ea6737072696e6703a3"
    "632d31a3766970a0a3736d73b568747470733a2f2f61636d652e6578616d706c652f00cd012ea3474554c410020202020202"
    "02020202020202020202ab4d6f7a696c6c612f352e30a0a32a2f2aa2656ea0a0a0"
)
