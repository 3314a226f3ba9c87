"""The calls that programs around OPA make, each as that program makes it."""

import json
from collections.abc import Callable
from typing import Any

Make = Callable[..., Any]


REVIEW = """package io.k8s.image_policy

verify := {
    "apiVersion": "imagepolicy.k8s.io/v1alpha1",
    "kind": "ImageReview",
    "status": {"allowed": every_known},
}

default every_known := false

every_known if {
    every c in input.spec.containers { data.known[c.image] }
}
"""


def test_the_api_server_asks_about_an_image_review(client: Make) -> None:
    c = client({"p": REVIEW}, {"known": {"good": True}})
    for image, allowed in (("good", True), ("bad", False)):
        review = {
            "kind": "ImageReview", "apiVersion": "imagepolicy.k8s.io/v1alpha1",
            "spec": {"containers": [{"image": image}], "namespace": "d"},
        }  # fmt: skip
        answer = c.ask(
            "POST", "/v0/data/io/k8s/image_policy/verify", json.dumps(review), content_type="application/json",
            authorization="Bearer t",
        )  # fmt: skip
        assert answer.status == 200
        assert answer.json["status"] == {"allowed": allowed}
    assert c.ask("POST", "/v0/data/io/k8s/image_policy/nope", "{}").status == 404


def test_a_layer_synchroniser_writes_scans_by_digest(client: Make) -> None:
    c = client()
    path = "/v1/data/clair/layers/sha256:0a1b"
    scan = {"Layer": {"Name": "sha256:0a1b", "Features": [{"Name": "bash", "Version": "4.3-11+deb8u1"}]}}
    for _ in range(2):
        assert c.ask("PUT", path, json.dumps(scan), content_type="application/json").status == 204
    assert c.ask("GET", path.replace(":", "%3A")).json == {"result": scan}
    refused = c.ask("PUT", path + "/Layer/Name/x", "1")
    assert set(refused.json) == {"code", "message"}


def test_kube_mgmt_loads_policies_and_resources(client: Make) -> None:
    c = client()
    name = "/v1/policies/opa/my-policy/main.rego"
    text = 'package system\n\nmain := {"kind": "AdmissionReview", "got": input.kind}\n'
    assert c.ask("PUT", name, text, content_type="text/plain").status == 200
    broken = c.ask("PUT", name, "package system\n\nmain := nope\n")
    assert broken.status == 400
    assert broken.json["code"] == "invalid_parameter"
    assert broken.json["errors"][0] == {
        "code": "rego_unsafe_var_error", "message": "var nope is unsafe",
        "location": {"file": "opa/my-policy/main.rego", "row": 3, "col": 9},
    }  # fmt: skip
    assert c.ask("PUT", "/v1/data/kubernetes/pods", "{}").status == 204
    pods = '[{"op":"add","path":"default","value":{}},{"op":"add","path":"default/p","value":{"kind":"Pod"}}]'
    assert c.ask("PATCH", "/v1/data/kubernetes/pods", pods).status == 204
    assert c.ask("PATCH", "/v1/data/kubernetes/pods/default", '[{"op":"remove","path":"p"}]').status == 204
    assert c.ask("POST", "/v1/data/kubernetes/pods", '{"input":{}}').json == {"result": {"default": {}}}
    assert "result" not in c.ask("POST", "/v1/data/kubernetes/none", '{"input":{}}').json
    assert c.ask("POST", "/", '{"kind":"AdmissionReview"}').json == {
        "kind": "AdmissionReview",
        "got": "AdmissionReview",
    }
    assert c.ask("DELETE", name).status == 200
    assert c.ask("DELETE", name).status == 404


def test_the_python_client_lists_policies_and_reads_their_trees(client: Make) -> None:
    c = client()
    assert c.ask("GET", "/v1/policies").json == {"result": []}
    assert (
        c.ask("PUT", "/v1/policies/basic", "package a.b\n\ndefault allow := false\n\nallow if input.x\n").status == 200
    )
    assert c.ask("PUT", "/v1/data/test", '{"x":1}').status == 204
    [policy] = c.ask("GET", "/v1/policies").json["result"]
    assert policy["id"] == "basic"
    assert [step["value"] for step in policy["ast"]["package"]["path"]] == ["data", "a", "b"]
    rules = policy["ast"]["rules"]
    assert [(r["head"]["name"], r.get("default", False)) for r in rules] == [("allow", True), ("allow", False)]
    assert c.ask("GET", "/v1/policies/basic").json["result"]["raw"].startswith("package a.b")
    assert c.ask("GET", "/v1/policies/none").status == 404
    assert c.ask("POST", "/v1/data/a/b/allow", '{"input":{"x":true}}').json["result"] is True
    assert c.ask("DELETE", "/v1/data/test").status == 204
    assert c.ask("DELETE", "/v1/policies/basic").json == {}


def test_sdks_ask_for_decisions_health_and_queries(client: Make) -> None:
    c = client({"a": "package a\n\nallow if input.ok\n"})
    assert c.ask("POST", "/v1/data/a/allow", '{"input":{"ok":true}}').json == {"result": True}
    for target in ("/health", "/health?bundles", "/health?plugins&bundle=true&exclude-plugin=x"):
        assert c.ask("GET", target).json == {}
    assert c.ask("POST", "/v1/query", '{"query":"data.a.allow = x","input":{"ok":true}}').json == {
        "result": [{"x": True}]
    }
    assert c.ask("GET", "/v1/config").json["result"]["default_decision"] == "/system/main"
    assert c.ask("GET", "/v1/status").status == 500
