"""Which built-ins exist here, and in which module; a module is imported when one of its built-ins is first used."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, partial
from importlib import import_module

from ..errors import EVAL_INTERNAL_ERROR, EvalError
from ..values import Value
from .contract import Builtin

FAMILIES: Mapping[str, str] = {
    "aggregates": "all any count max min product sort sum",
    "arithmetic": "abs ceil div floor minus mul plus rem round numbers.range numbers.range_step",
    "aws": "providers.aws.sign_req",
    "bits": "bits.and bits.lsh bits.negate bits.or bits.rsh bits.xor",
    "certificates": (
        "crypto.parse_private_keys crypto.x509.parse_and_verify_certificates "
        "crypto.x509.parse_and_verify_certificates_with_options crypto.x509.parse_certificate_request "
        "crypto.x509.parse_certificates crypto.x509.parse_keypair crypto.x509.parse_rsa_private_key"
    ),
    "collections": (
        "and array.concat array.flatten array.reverse array.slice internal.member_2 internal.member_3 "
        "intersection object.filter object.get object.keys object.remove object.subset object.union "
        "object.union_n or set_diff union"
    ),
    "comparison": "equal gt gte lt lte neq",
    "digests": (
        "crypto.hmac.equal crypto.hmac.md5 crypto.hmac.sha1 crypto.hmac.sha256 crypto.hmac.sha512 crypto.md5 "
        "crypto.sha1 crypto.sha256"
    ),
    "encoding": (
        "base64.decode base64.encode base64.is_valid base64url.decode base64url.encode "
        "base64url.encode_no_pad hex.decode hex.encode json.is_valid json.marshal json.marshal_with_options "
        "json.unmarshal yaml.is_valid yaml.marshal yaml.unmarshal"
    ),
    "glob": "glob.match glob.quote_meta",
    "graph": "graph.reachable graph.reachable_paths walk",
    "graphql.functions": (
        "graphql.is_valid graphql.parse graphql.parse_and_verify graphql.parse_query graphql.parse_schema "
        "graphql.schema_is_valid"
    ),
    "http_send": "http.send",
    "json_documents": "json.filter json.patch json.remove",
    "json_schema.functions": "json.match_schema json.verify_schema",
    "kinds": (
        "cast_array cast_boolean cast_null cast_object cast_set cast_string is_array is_boolean is_null "
        "is_number is_object is_set is_string to_number type_name"
    ),
    "modules": "rego.metadata.chain rego.metadata.rule rego.parse_module",
    "lookups": "net.lookup_ip_addr",
    "net": (
        "net.cidr_contains net.cidr_contains_matches net.cidr_expand net.cidr_intersects net.cidr_is_valid "
        "net.cidr_merge net.cidr_overlap"
    ),
    "regex": (
        "re_match regex.find_all_string_submatch_n regex.find_n regex.globs_match regex.is_valid regex.match "
        "regex.replace regex.split regex.template_match"
    ),
    "runtime": ("internal.test_case opa.runtime rand.intn trace uuid.parse uuid.rfc4122"),
    "semver": "semver.compare semver.is_valid",
    "sprintf": "sprintf",
    "strings": (
        "concat contains endswith format_int indexof indexof_n internal.template_string lower replace split "
        "startswith strings.any_prefix_match strings.any_suffix_match strings.count strings.replace_n "
        "strings.reverse strings.split_n substring trim trim_left trim_prefix trim_right trim_space "
        "trim_suffix upper"
    ),
    "templates.functions": "strings.render_template",
    "time": (
        "time.add_date time.clock time.date time.diff time.format time.now_ns time.parse_duration_ns "
        "time.parse_ns time.parse_rfc3339_ns time.weekday"
    ),
    "tokens": (
        "io.jwt.decode io.jwt.decode_verify io.jwt.encode_sign io.jwt.encode_sign_raw io.jwt.verify_eddsa "
        "io.jwt.verify_es256 io.jwt.verify_es384 io.jwt.verify_es512 io.jwt.verify_hs256 io.jwt.verify_hs384 "
        "io.jwt.verify_hs512 io.jwt.verify_ps256 io.jwt.verify_ps384 io.jwt.verify_ps512 io.jwt.verify_rs256 "
        "io.jwt.verify_rs384 io.jwt.verify_rs512"
    ),
    "uri": ("uri.is_valid uri.parse urlquery.decode urlquery.decode_object urlquery.encode urlquery.encode_object"),
    "units": "units.parse units.parse_bytes",
}
"""Module to the names in it."""


@cache
def _modules() -> Mapping[str, str]:
    return {name: module for module, names in FAMILIES.items() for name in names.split()}


@cache
def names() -> frozenset[str]:
    """Every built-in that can be called."""
    from ..signatures import signatures

    return frozenset(_modules()) & frozenset(signatures())


@cache
def load(name: str) -> Builtin:
    """A built-in's code; for one that is not there, code that ends the evaluation when it is called."""
    if name not in _modules():
        return Builtin(partial(_missing, name))
    table: Mapping[str, Builtin] = import_module(f"{__package__}.{_modules()[name]}").BUILTINS
    return table[name]


def _missing(name: str, *_operands: Value) -> Value:
    """Only a ``with`` can stand in for it: without one there is no answer, not even *undefined*."""
    raise EvalError(EVAL_INTERNAL_ERROR, f"{name}: this version of image-enforcer does not have this built-in")
