"""docs/metrics.md, and what it should say of a process."""

from prometheus_client.parser import text_string_to_metric_families

from tests.observability.rules import ROOT

COMMON = "every process"


def rows_of(exposition: str) -> set[str]:
    """A row of the page for each metric: name as it is asked for, type, labels, meaning."""
    rows = set()
    for family in text_string_to_metric_families(exposition):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        labels = sorted({f"`{label}`" for sample in family.samples for label in sample.labels} - {"`le`"})
        rows.add(f"| `{name}` | {family.type} | {', '.join(labels)} | {family.documentation} |")
    return rows


def documented(process: str) -> set[str]:
    """The rows that stand for it on the page."""
    page = (ROOT / "docs/metrics.md").read_text()
    sections = [page.partition(f"## {title}\n")[2].partition("\n## ")[0] for title in (COMMON, process)]
    return {line for section in sections for line in section.splitlines() if line.startswith("| `")}
