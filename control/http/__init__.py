"""The API as calls: keys, requests, answers, problems, the OpenAPI document."""
