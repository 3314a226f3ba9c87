"""``/health``, ``/metrics``, ``/v1/config``, ``/v1/status`` and the page at ``/``."""

from __future__ import annotations

from typing import Final

from ...rego import UNDEFINED, RegoError
from .paths import BadSegment, data_path, reference_text
from .replies import HTML, Reply, document, internal
from .requests import Request
from .services import Services

METRICS_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"

_INPUT: Final = {"plugin_state": {}, "plugins_ready": True}
_PAGE: Final = """\
<html>
<head><title>image-enforcer</title></head>
<body>
<p>image-enforcer {version}: OPA's REST interface, see <a href="/v1/data">/v1/data</a>,
<a href="/v1/policies">/v1/policies</a>, <a href="/health">/health</a>, <a href="/metrics">/metrics</a>.</p>
</body>
</html>
"""


async def health(services: Services, _request: Request) -> Reply:
    """``GET /health``: whether something can be evaluated. There are no bundles and plugins that could be missing."""
    try:
        await services.evaluator.reference(("system", "version"), UNDEFINED)
    except RegoError:
        return _unhealthy("unable to perform evaluation")
    return document({})


async def health_rule(services: Services, request: Request) -> Reply:
    """``GET /health/…``: whether a rule below ``data.system.health`` says true."""
    try:
        path = ("system", "health", *data_path(request.rest))
    except BadSegment as e:
        return internal(f"invalid_parameter: {e}")
    name = reference_text(path)
    try:
        answer = await services.evaluator.reference(path, _INPUT)
    except RegoError as e:
        return _unhealthy(str(e))
    if answer.value is UNDEFINED:
        return _unhealthy(f"health check ({name}) was undefined")
    return document({}) if answer.value is True else _unhealthy(f"health check ({name}) returned unexpected value")


def _unhealthy(reason: str) -> Reply:
    return document({"error": reason}, status=500)


async def metrics(services: Services, _request: Request) -> Reply:
    """``GET /metrics``."""
    return Reply(200, services.metrics_text(), METRICS_TYPE)


async def config(services: Services, request: Request) -> Reply:
    """``GET /v1/config``: there is no configuration file, so what OPA shows without one."""
    result = {
        "default_authorization_decision": "/system/authz/allow",
        "default_decision": "/system/main",
        "labels": {"id": services.instance, "version": services.version},
    }
    return document({"result": result}, request.pretty)


async def status(_services: Services, _request: Request) -> Reply:
    """``GET /v1/status``: there is no status plugin."""
    return internal("status plugin not enabled")


async def index(services: Services, _request: Request) -> Reply:
    """``GET /``."""
    return Reply(200, _PAGE.format(version=services.version).encode(), HTML)
