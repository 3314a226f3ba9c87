"""Reviews of every kind: all images of a data set, odd references, odd documents, parameters."""

from collections.abc import Iterator
from typing import Any

DIGEST = "sha256:0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0"
ODD_IMAGES = (
    "", " ", "nginx", "nginx:latest", "docker.io/nginx:1", "index.docker.io/library/redis:7", "REDIS:7", "redis:7 ",
    "registry.example:5000/shop/web:1.4.2", "Registry.example/shop/web:1.4.2", "localhost/shop/web:1", "[::1]:5000/a:1",
    f"shop/web@{DIGEST}", f"shop/web:1.4.2@{DIGEST}", f"shop/web@{DIGEST.upper()}", "shop/web@md5:0f1e", "a/b/c/d/e:1",
    "shop//web:1", "/web:1", "https://registry.example/web:1", "ngïnx:1", "shop/web:1.4.2\n", "shop/web:" + "1" * 129,
    "evil.example/library/redis:7", "docker.io.evil.example/redis:7", "\u202eshop/web:1", "shop/web:1\x00", "a" * 300,
    "library/wordpress:3", "<b>web</b>", "web&amp;:1", "shop/web:layers", "shop/web/1.4.2:layers", DIGEST[7:],
)  # fmt: skip
ODD_DOCUMENTS: tuple[Any, ...] = (
    {}, {"spec": None}, {"spec": {}}, {"spec": {"containers": None}}, {"spec": {"containers": "redis:7"}},
    {"spec": {"containers": {"a": {"image": "redis:7"}}}},
    {"spec": {"containers": [{"image": 7}, {}, None, "redis:7"]}},
    {"spec": {"containers": [{"image": "redis:7"}]}}, {"spec": {"containers": [{"image": "redis:7"}], "namespace": 7}},
    {"kind": "Pod", "spec": {"containers": [{"image": "redis:7"}], "namespace": "production"}},
    {"spec": {"containers": [{"image": "redis:7"}] * 50, "namespace": "production"}},
    {"spec": {"containers": [{"image": "redis:7", "x": 1.50}], "namespace": "production", "annotations": {"a": "b"}}},
)  # fmt: skip
PARAMETERS: tuple[Any, ...] = (
    {"scan": {"minimum_severity": "High"}},
    {"scan": {"minimum_severity": "Defcon1", "accepted": ["CVE-2014-6271"]}},
    {"scan": {"secure_namespaces": ["*"], "registry": "registry.example"}},
    {"naming": {"allowed": ["docker.io/library/*"], "forbidden": ["**/redis", "[a"]}},
    {"naming": {"local_hosts": True}},
    {"pinning": {"digest_namespaces": ["production"], "moving_tags": []}},
    {"registry": {"internal": [], "namespaces": ["*"]}},
    {"registry": {"internl": []}},
    {"scan": "off"},
    {"unheard": {"of": 1}},
)


def review(image: str, namespace: str = "production") -> dict[str, Any]:
    """A review of one image, as the API server sends it."""
    return {
        "kind": "ImageReview",
        "apiVersion": "imagepolicy.k8s.io/v1alpha1",
        "metadata": {},
        "spec": {"containers": [{"image": image}], "namespace": namespace},
        "status": {"allowed": False},
    }


def images_of(docker: Any) -> list[str]:
    """Every image that a document `data.docker` names."""
    return [
        f"{owner}/{name}:{tag}"
        for owner, names in docker["layers"].items()
        for name, tags in names.items()
        for tag in tags
    ]


def all_reviews(docker: Any) -> Iterator[Any]:
    """Reviews about a data set, then the odd ones."""
    images = images_of(docker)
    for namespace in ("production", "staging"):
        yield from (review(image, namespace) for image in (*images, *ODD_IMAGES))
    yield {"spec": {"namespace": "production", "containers": [{"image": image} for image in (*images, *ODD_IMAGES)]}}
    yield from ODD_DOCUMENTS
