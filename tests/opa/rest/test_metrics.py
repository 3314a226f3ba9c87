"""Durations by status, handler and method, in Prometheus' text."""

from prometheus_client.parser import text_string_to_metric_families

from image_enforcer.opa.rest.metrics import BUCKETS, RequestMetrics


def test_the_text_can_be_read_by_prometheus() -> None:
    metrics = RequestMetrics()
    for seconds in (0.0, 1e-6, 2e-6, 0.05, 1.0, 7.0):
        metrics.observe(200, "v1/data", "POST", seconds)
    metrics.observe(405, "catchall", 'x"\n', 0.1)
    families = {f.name: f for f in text_string_to_metric_families(metrics.text().decode())}
    durations = families["http_request_duration_seconds"]
    assert durations.type == "histogram"
    own = [s for s in durations.samples if s.labels["handler"] == "v1/data"]
    assert all(s.labels["code"] == "200" and s.labels["method"] == "post" for s in own)
    by_bound = {float(s.labels["le"]): s.value for s in own if s.name.endswith("_bucket")}
    assert list(by_bound) == [*BUCKETS, float("inf")]
    assert [by_bound[b] for b in (1e-6, 5e-6, 0.01, 0.1, 1.0, float("inf"))] == [2, 3, 3, 4, 5, 6]
    assert [s.value for s in own if s.name.endswith("_count")] == [6]
    assert {s.labels["method"] for s in durations.samples if s.labels["handler"] == "catchall"} == {"unknown"}
    assert "process_resident_memory_bytes" in families
