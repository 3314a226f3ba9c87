"""Admission policies as they are written for clusters, asked about reviews of which parts are missing or odd."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from random import Random
from typing import Any, Final

from .cases import Case

FOLDER: Final = Path(__file__).parent / "policies"
IMAGES: Final = (
    "nginx",
    "nginx:latest",
    "registry.example.com/team/app:v1.2.3",
    "registry.example.com/a@sha256:" + "ab" * 32,
    "hooli.com/x:1",
    "localhost:5000/y",
    "gcr.io/p/q:1.0.0-rc.1",
    "",
    "a/b/c:d/e",
)
ODD: Final[tuple[Any, ...]] = (
    None,
    True,
    False,
    0,
    1,
    -1,
    2.5,
    "",
    "x",
    "100m",
    "1Gi",
    [],
    {},
    ["a"],
    {"a": 1},
    [None],
)
"""What takes the place of a part of a review."""


def admission(seed: int) -> Case:
    """The case of a seed: a policy, and a review and data that were changed in some places."""
    random = Random(seed)
    files = sorted(FOLDER.glob("*.rego"))
    policy = files[seed % len(files)]
    given, data = _review(random), _data(random)
    for _ in range(random.choice((0, 0, 1, 1, 2, 3, 6))):
        _change(random, given if random.random() < 0.8 else data)
    version = 0 if policy.name.startswith("v0_") else 1
    return Case(
        modules=(policy.read_text("utf-8"),),
        data=json.dumps(data),
        input=json.dumps(given),
        strict=random.random() < 0.3,
        version=version,
    )


def _change(random: Random, document: Any) -> None:
    """Removes a part of a document, puts something odd in its place, or adds one."""
    at: Any = document
    for _ in range(random.randint(0, 9)):
        inner = [v for v in (at.values() if isinstance(at, dict) else at) if isinstance(v, dict | list) and v]
        if not inner:
            break
        at = random.choice(inner)
    if isinstance(at, list):
        index = random.randrange(len(at))
        random.choice(
            (
                lambda: at.pop(index),
                lambda: at.__setitem__(index, copy.deepcopy(random.choice(ODD))),
                lambda: at.append(copy.deepcopy(at[0])),
            )
        )()
        return
    key = random.choice(sorted(at)) if at else "added"
    random.choice(
        (
            lambda: at.pop(key, None),
            lambda: at.update({key: copy.deepcopy(random.choice(ODD))}),
            lambda: at.update(added=1),
        )
    )()


def _container(random: Random, name: str) -> dict[str, Any]:
    return {
        "name": name,
        "image": random.choice(IMAGES),
        "ports": [{"containerPort": random.choice((80, 8080)), "hostPort": random.choice((80, 9000))}],
        "env": [{"name": random.choice(("DB_PASSWORD", "MODE")), "value": "x"}],
        "volumeMounts": [{"mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"}],
        "livenessProbe": {"httpGet": {"path": "/"}},
        "securityContext": {
            "privileged": random.random() < 0.3,
            "allowPrivilegeEscalation": random.random() < 0.3,
            "runAsUser": random.choice((0, 1000)),
            "capabilities": {"add": ["NET_ADMIN"], "drop": random.choice((["ALL"], []))},
        },
        "resources": {
            "limits": {"memory": random.choice(("1Gi", "200Mi", 5)), "cpu": random.choice(("100m", "2", 1))},
            "requests": {"memory": random.choice(("1Gi", "64Mi"))},
        },
    }


def _pod(random: Random) -> dict[str, Any]:
    return {
        "containers": [_container(random, f"c{i}") for i in range(random.randint(1, 3))],
        "initContainers": [_container(random, "init")],
        "volumes": [{"name": "v", "hostPath": {"path": "/"}}, {"name": "w", "emptyDir": {}}],
        "hostNetwork": random.random() < 0.3,
        "securityContext": {"runAsNonRoot": random.random() < 0.5},
        "tolerations": [{"effect": "NoSchedule"}],
        "topologySpreadConstraints": [{"topologyKey": "zone"}],
        "externalIPs": ["10.1.2.3", "1.2.3.4"],
        "rules": [{"host": "a.example.com"}],
        "type": random.choice(("ClusterIP", "NodePort")),
    }


def _review(random: Random) -> dict[str, Any]:
    """A request that holds a pod, and the same pod in the templates of other kinds."""
    pod = _pod(random)
    spec = {**pod, "template": {"spec": pod}, "jobTemplate": {"spec": {"template": {"spec": pod}}}, "replicas": 1}
    made = {
        "metadata": {"name": "p", "labels": {"app": "x", "owner": "me"}, "annotations": {"a/b": "c"}},
        "spec": spec,
    }
    request = {
        "uid": "1",
        "kind": {"kind": random.choice(("Pod", "Ingress", "Deployment"))},
        "operation": random.choice(("CREATE", "UPDATE", "DELETE")),
        "namespace": random.choice(("prod", "dev", "other")),
        "userInfo": {"username": "kim", "groups": ["dev"]},
        "object": made,
        "oldObject": copy.deepcopy(made),
    }
    parameters = {
        "repos": ["registry.example.com/", "gcr.io/"],
        "tags": ["latest", "edge"],
        "memory": "500Mi",
        "cpu": "500m",
        "labels": [{"key": "app", "allowedRegex": "^[a-z]+$"}, {"key": "team", "allowedRegex": ""}],
        "volumes": random.choice((["*"], ["emptyDir"])),
        "min": 100,
        "max": 8999,
        "ranges": [{"min": 500, "max": 2000}],
        "allowedCapabilities": ["NET_BIND_SERVICE"],
        "dropCapabilities": ["ALL"],
        "exemptImages": ["nginx", "gcr.io/*"],
        "annotations": {"a/b": "^c$", "d": "."},
    }
    whole = {"request": request, "review": request, "parameters": parameters}
    separate: dict[str, Any] = json.loads(json.dumps(whole))
    return separate


def _data(random: Random) -> dict[str, Any]:
    scan = {
        "vulnerabilities": [{"id": "CVE-1", "severity": "High"}, {"id": "CVE-2", "severity": "low"}],
        "built": random.choice(("2020-01-01T00:00:00Z", "2023-11-01T00:00:00+01:00")),
        "layers": ["sha256:1", "sha256:2"],
    }
    made = {
        "namespaces": {"prod": {"registries": ["registry.example.com/"]}, "dev": {"registries": ["registry", "nginx"]}},
        "defaults": {"labels": {"team/x": "y", "app": "z"}},
        "roles": {"kim": ["edit"]},
        "rules": {"edit": [{"verbs": ["create"], "resource": "p*"}]},
        "hosts": ["*.example.com"],
        "ingresses": {"dev": {"i": {"spec": {"rules": [{"host": "a.example.com"}]}}}},
        "exempt": {"dev": True},
        "quota": "1Gi",
        "denied": {"*:latest": "floating", "hooli*": "theirs"},
        "scans": dict.fromkeys(IMAGES[:5], scan),
        "threshold": "medium",
        "ignored": ["CVE-9"],
        "signatures": {IMAGES[2]: [{"issuer": "i", "subject": "me@example.com"}]},
        "issuers": ["i"],
        "subject": "@example\\.com$",
        "minimums": {"team/app": "1.3.0", "p/q": "0.9.0"},
        "bases": ["sha256:1"],
        "exceptions": [{"image": "nginx", "namespaces": ["prod"], "until": "2030-01-01T00:00:00Z"}],
        "depends": {"nginx": ["a", "b"], "a": ["nginx"], "b": []},
        "maximum": {"cpu": "2", "memory": "2Gi"},
        "minimum": {"prod": 3},
    }
    separate: dict[str, Any] = json.loads(json.dumps(made))
    return separate
