"""Every call is made for real, and what comes back is what the OpenAPI document says: status, type and body."""

import jsonschema

from control.http.openapi import openapi
from control.http.operations import OPERATIONS
from tests.support.api_calls import CALLS, prepare

DOCUMENT = openapi()
DESCRIBED = {described["operationId"]: described for path in DOCUMENT["paths"].values() for described in path.values()}


def fault_of(schema, value):
    schema = {**schema, "components": DOCUMENT["components"]}
    errors = jsonschema.Draft202012Validator(schema).iter_errors(value)
    return next((f"{error.json_path}: {error.message}" for error in errors), None)


def fault_in(operation, answer):
    """What of an answer is not as the document says, or None."""
    responses = DESCRIBED[operation]["responses"]
    response = responses.get(str(answer.status)) or (responses["default"] if answer.status >= 400 else None)
    if response is None:
        return f"status {answer.status} is not described, only {sorted(responses)}"
    if answer.status == 204:
        return None if "content" not in response and not answer.body else "a body where none is described"
    content = response["content"].get(answer.headers.get_content_type())
    if content is None:
        return f"{answer.headers.get_content_type()} is not described, only {sorted(response['content'])}"
    bodies = answer.body if isinstance(answer.body, list) else [answer.body]
    return next(filter(None, (fault_of(content["schema"], body) for body in bodies)), None)


def test_every_operation_is_called_and_every_status_it_may_have():
    called = {(operation, status) for operation, _, _, _, status in CALLS}

    described = {(operation.name, status) for operation in OPERATIONS for status in operation.statuses}
    assert described <= called
    assert {operation for operation, _ in called} == set(DESCRIBED)


async def test_every_answer_is_as_the_document_describes_it(control, redis, clickhouse):
    await prepare(redis, clickhouse)

    for operation, method, path, body, status in CALLS:
        answer = control.call(method, path, body)

        assert (operation, answer.status) == (operation, status), answer.body
        assert fault_in(operation, answer) is None, (operation, answer.body)


def test_the_bodies_that_the_calls_take_are_those_of_the_document():
    for operation, _, _, body, status in CALLS:
        if body is None or status >= 400 or isinstance(body, bytes):
            continue
        schema = DESCRIBED[operation]["requestBody"]["content"]["application/json"]["schema"]

        assert fault_of(schema, body) is None, operation
