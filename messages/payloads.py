"""Messages in the forms that sending services take: one call's body a message. From whom is the sender's to add."""

from collections.abc import Callable
from typing import Any, NamedTuple

Payload = Callable[[str, str], dict[str, Any]]  # of contact id, which is the number to send to, and text


class Format(NamedTuple):
    """payload: None for what is no call's body."""

    help: str
    payload: Payload | None = None


def _twilio(to: str, text: str) -> dict[str, Any]:
    return {"To": to, "Body": text}


def _vonage(to: str, text: str) -> dict[str, Any]:
    return {"message_type": "text", "channel": "sms", "to": to, "text": text, "client_ref": to}


def _sinch(to: str, text: str) -> dict[str, Any]:
    return {"to": [to], "body": text, "client_reference": to}


def _infobip(to: str, text: str) -> dict[str, Any]:
    # Without urlOptions: they would shorten the links again.
    return {"messages": [{"destinations": [{"to": to, "messageId": to}], "content": {"text": text}}]}


def _telnyx(to: str, text: str) -> dict[str, Any]:
    return {"to": to, "text": text}


def _aws(to: str, text: str) -> dict[str, Any]:
    return {"DestinationPhoneNumber": to, "MessageBody": text, "Context": {"contact_id": to}}


FORMATS = {
    "csv": Format("contact_id,text"),
    "ndjson": Format("a line as the API answers it"),
    "twilio": Format("Messages", _twilio),
    "vonage": Format("Messages API", _vonage),
    "sinch": Format("batches", _sinch),
    "infobip": Format("SMS v3", _infobip),
    "telnyx": Format("messages", _telnyx),
    "aws": Format("SendTextMessage", _aws),
}
