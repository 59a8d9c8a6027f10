"""The page /docs: the API for a person, made from the same table as its routes."""

from html import escape
from typing import Any

from control.http.operations import OPERATIONS, Operation
from control.http.problems import KINDS

STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem;color:#1c2430}
code,pre{font:14px/1.45 ui-monospace,monospace;background:#f2f4f7;border-radius:4px;padding:.1rem .3rem}
pre{padding:.8rem;overflow:auto}section{border-top:1px solid #d9dee6;margin-top:1.5rem}b.m{color:#0b5cad}
table{border-collapse:collapse}td,th{padding:.2rem .8rem .2rem 0;text-align:left}
"""
_INTRO = """
<h1>Taptrail control API</h1>
<p>JSON in UTF-8, times in RFC 3339. Every call but this page and <a href="/v1/openapi.json">/v1/openapi.json</a>
carries <code>Authorization: Bearer &lt;key&gt;</code>. A key belongs to an account; <code>?account=acme/seattle</code>
addresses one below it; what lies outside answers 404. What a key lacks the scope for answers 403. A field or query
parameter that is not known is refused by name. A body may be gzip (<code>Content-Encoding: gzip</code>); what it
unpacks to has the bounds of any body.</p>
<pre>curl -X PUT https://control/v1/domains/go.acme.example -H "Authorization: Bearer $KEY" -d '{}'
curl -X PUT https://control/v1/broadcasts/sale -H "Authorization: Bearer $KEY" \\
  -d '{"short_domain":"go.acme.example","destinations":["https://shop.acme.example/?c={contact_id}"]}'
printf '{"contact_id":"c-1","audience":"vip"}\\n' | curl -X POST https://control/v1/broadcasts/sale/links \\
  -H "Authorization: Bearer $KEY" -H "Idempotency-Key: sale-1" --data-binary @-</pre>
<p>A destination may hold <code>{contact_id}</code>, <code>{code}</code>, <code>{broadcast_id}</code> and
<code>{click_id}</code>, filled in for each visit. A repeated request with the same <code>Idempotency-Key</code> gives
the same links; use one, and a request that was cut off can simply be sent again.</p>
<p>Headers <code>Taptrail-Warning</code> of an answer say what was done and may yet not be what was meant: links of a
broadcast that is stopped or has expired, contacts that had a link in it from another request, a new
domain whose name is close to one that is registered.</p>
"""


def docs_page() -> str:
    operations = "".join(map(_operation, OPERATIONS))
    problems = "".join(
        f'<tr id="{kind}"><td>{status}</td><td><code>{kind}</code></td><td>{escape(title)}</td></tr>'
        for kind, (status, title) in KINDS.items()
    )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>Taptrail control API</title><style>{STYLE}</style>{_INTRO}{operations}"
        f"<section><h2>Problems</h2><p>RFC 9457 problem details, with the <code>field</code> and, for lines, the "
        f"<code>line</code> at fault.</p><table>{problems}</table></section></html>"
    )


def _operation(operation: Operation) -> str:
    notes = [f"Scope <code>{operation.scope}</code>"]
    notes += [f"<code>?{name}=</code> {escape(meaning)}" for name, meaning in operation.query]
    if operation.idempotent:
        notes.append("Header <code>Idempotency-Key</code>")
    if operation.conditional:
        notes.append("Header <code>If-Match</code>: the <code>ETag</code> of the answer that the change is based on")
    csv = ", or CSV with a header by <code>Content-Type: text/csv</code>" if operation.takes_csv else ""
    takes = f"Takes {_fields(operation.body, lines=operation.ndjson)}{csv}.<br>" if operation.body else ""
    answered = _fields(*operation.answers, lines=operation.ndjson) if operation.answers else " or ".join(operation.also)
    answers = f"Answers {answered}." if answered else "No body."
    return (
        f'<section><h3><b class="m">{operation.method}</b> <code>{escape(operation.path)}</code></h3>'
        f"<p>{escape(operation.summary)}.</p>"
        f"<p>{takes}{answers}</p>"
        f"<p>{'<br>'.join(notes)}</p></section>"
    )


def _fields(*records: Any, lines: bool) -> str:
    names = (", ".join(f"<code>{name}</code>" for name in record.__struct_fields__) for record in records)
    return ("lines of " if lines else "") + " or of ".join(names)
