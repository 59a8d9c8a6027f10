"""What is reached over the network as clients and recipients reach it: the control API and the short domains."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import msgspec

from cli.doctor.environment import Given
from cli.doctor.finding import STEP_S, Finding, broken, ok, warning
from runtime.clickhouse import ClickHouse, ClickHouseRefused, ClickHouseUnreachable

_TIMEOUT = aiohttp.ClientTimeout(total=STEP_S)
_MOST_DOMAINS = 50


async def look_at_control(given: Given) -> AsyncIterator[Finding]:
    url, key = given.text("CONTROL_URL").rstrip("/"), given.text("API_KEY")
    if not url:
        yield ok("control api", "TAPTRAIL_CONTROL_URL is not set: commands of `taptrail` have nobody to ask")
        return
    try:
        async with (
            aiohttp.ClientSession(timeout=_TIMEOUT) as session,
            session.get(f"{url}/v1/broadcasts/doctor", headers={"Authorization": f"Bearer {key}"}) as response,
        ):
            yield _answered(url, response)
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        remedy = "start control, or correct TAPTRAIL_CONTROL_URL and the network path to it"
        yield broken("control api", f"{url} cannot be reached: {str(error) or type(error).__name__}", remedy)


def _answered(url: str, response: aiohttp.ClientResponse) -> Finding:
    if response.status == 401:
        remedy = "set TAPTRAIL_API_KEY to one of TAPTRAIL_API_KEYS, or to one that `taptrail key create` made"
        return broken("control api", f"{url} does not know the key", remedy)
    is_ours = response.content_type in ("application/json", "application/problem+json")
    if response.status in (200, 403, 404) and is_ours:
        return ok("control api", f"{url} answers, the key is known")
    if response.status == 503 and is_ours:
        return warning("control api", f"{url} misses a store", "see what is broken of redis and clickhouse")
    return broken("control api", f"{url} answers {response.status}", "does TAPTRAIL_CONTROL_URL name the control API?")


class _Domain(msgspec.Struct, frozen=True):
    short_domain: str


async def look_at_domains(given: Given) -> AsyncIterator[Finding]:
    """Each short domain, as phones reach it: its name, its certificate, and an edge behind it."""
    if not (url := given.values.get("clickhouse_url") or given.text("CLICKHOUSE_ANALYST_URL")):
        remedy = "set TAPTRAIL_CLICKHOUSE_URL or TAPTRAIL_CLICKHOUSE_ANALYST_URL: ClickHouse says which there are"
        yield broken("domains", "not looked at: nobody is named who knows them", remedy)
        return
    client = ClickHouse(url, timeout_s=STEP_S)
    sql = f"SELECT short_domain FROM domains_now ORDER BY version DESC LIMIT {_MOST_DOMAINS}"  # noqa: S608
    try:
        domains = await client.rows(sql, _Domain)
    except (ClickHouseRefused, ClickHouseUnreachable):
        yield warning("domains", "not looked at: ClickHouse does not say which there are", "see clickhouse")
        return
    finally:
        await client.close()
    async with aiohttp.ClientSession(timeout=_TIMEOUT) as session:
        for finding in await asyncio.gather(*(_domain(session, one.short_domain) for one in domains)):
            yield finding


async def _domain(session: aiohttp.ClientSession, domain: str) -> Finding:
    check, url = f"domain {domain}", f"https://{domain}/robots.txt"
    try:
        async with session.get(url, allow_redirects=False) as response:
            if response.status == 200:
                return ok(check, "resolves, has a valid certificate, and is answered")
            return broken(check, f"{url} answers {response.status}", "let what ends TLS pass the domain to the edges")
    except aiohttp.ClientConnectorDNSError:
        return broken(check, "its name does not resolve here", "add its DNS record (docs/deploy.md#dns)")
    except aiohttp.ClientConnectorCertificateError as error:
        return broken(check, f"its certificate is not valid: {error.certificate_error}", "docs/deploy.md#certificates")
    except (aiohttp.ClientError, TimeoutError) as error:
        return broken(check, f"no answer: {str(error) or type(error).__name__}", "let port 443 lead to the edges")
