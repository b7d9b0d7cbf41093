"""GitHub's own description of its API, held against every request and every answer.

It is OpenAPI 3.0: `nullable` is turned into what JSON Schema has for it, and objects are closed, so that a key that
GitHub does not know is as wrong as one that is missing.
"""

import functools
import json
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, unquote

from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

DATA = Path(__file__).resolve().parent / "data"
FORMATS = FormatChecker(formats=())
HOME = "urn:github"


@FORMATS.checks("date-time")
def is_moment(told):
    return (
        not isinstance(told, str) or re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)", told) is not None
    )


@FORMATS.checks("uri")
def is_address(told):
    return not isinstance(told, str) or re.match(r"https?://", told) is not None


class Drift(AssertionError):
    """A request or an answer is not as GitHub describes it."""


@dataclass(frozen=True)
class Operation:
    """What is asked: the operation's description, and its name."""

    name: str
    told: dict


class Description:
    """A trimmed description of `tests/data/`."""

    def __init__(self, file="github-api.json"):
        self.told = json.loads((DATA / file).read_text())
        self.base = self.told["servers"][0]["url"].rstrip("/")
        whole = closed({"components": self.told["components"]})
        self.validators = {}
        self.registry = Registry().with_resource(HOME, Resource(whole, DRAFT202012))

    def asked(self, method, target, body):
        """Hold a request against it; return the operation that it is."""
        path, _, query = target.partition("?")
        template, given = self._path(path.removeprefix(self.base))
        told = self.told["paths"][template].get(method.lower())
        if told is None:
            raise Drift(f"{method} {template} is not described")
        operation = Operation(f"{method} {template}", told)
        self._parameters(operation, "path", given)
        self._parameters(operation, "query", dict(parse_qsl(query, keep_blank_values=True)))
        self._body(operation, body)
        return operation

    def answered(self, operation, status, body):
        """Hold an answer against it."""
        told = operation.told["responses"].get(str(status))
        if told is None:
            raise Drift(f"{operation.name} does not answer {status}")
        content = self._resolved(told).get("content", {})
        if not content:
            if body:
                raise Drift(f"{operation.name} {status} has no body")
            return
        self._hold(f"{operation.name} {status}", content["application/json"]["schema"], json.loads(body))

    def made(self, schema, **given):
        """Return the least that a schema allows, with some of it given."""
        told = {**self.told["components"]["schemas"][schema], "nullable": False}
        return merged(self._least(told), given)

    def _path(self, path):
        for template in sorted(self.told["paths"], key=lambda one: one.count("{")):
            # The path of a file has slashes of its own.
            pattern = re.escape(template).replace(r"\{path\}", "(?P<path>.+)")
            found = re.fullmatch(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", pattern), path)
            if found:
                return template, {name: unquote(value) for name, value in found.groupdict().items()}
        raise Drift(f"{path} is not described")

    def _parameters(self, operation, where, given):
        known = {one["name"]: one for one in map(self._resolved, operation.told["parameters"]) if one["in"] == where}
        for name, value in given.items():
            if name not in known:
                raise Drift(f"{operation.name} has no {where} parameter `{name}`")
            schema = self._resolved(known[name]["schema"])
            number = schema.get("type") == "integer" and value.isdecimal()
            self._hold(f"{operation.name} {name}", schema, int(value) if number else value)
        lacking = [name for name, one in known.items() if one.get("required") and name not in given]
        if lacking:
            raise Drift(f"{operation.name} lacks {lacking}")

    def _body(self, operation, body):
        told = operation.told.get("requestBody")
        if told is None and body:
            raise Drift(f"{operation.name} takes no body")
        if told is not None and (body or told.get("required")):
            try:
                sent = json.loads(body)
            except ValueError:
                raise Drift(f"{operation.name} takes JSON") from None
            self._hold(operation.name, told["content"]["application/json"]["schema"], sent)

    def _hold(self, name, schema, told):
        if id(schema) not in self.validators:
            made = Draft202012Validator(closed(schema), registry=self.registry, format_checker=FORMATS)
            self.validators[id(schema)] = made
        validator = self.validators[id(schema)]
        errors = [f"{name} {error.json_path}: {error.message[-200:]}" for error in validator.iter_errors(told)]
        if errors:
            raise Drift("; ".join(errors))

    def _resolved(self, told):
        if "$ref" not in told:
            return told
        return functools.reduce(dict.__getitem__, told["$ref"].split("/")[1:], self.told)

    def _least(self, schema):
        schema = self._resolved(schema)
        for several in ("oneOf", "anyOf", "allOf"):
            if several in schema:
                return self._least(schema[several][0])
        if schema.get("nullable"):
            return None
        if "enum" in schema:
            return schema["enum"][0]
        if schema.get("type") == "object" or "properties" in schema:
            return {name: self._least(schema["properties"][name]) for name in schema.get("required", ())}
        kinds = {"string": "", "integer": 1, "number": 1.0, "boolean": False, "array": []}
        formats = {"date-time": "2026-11-21T12:00:00Z", "uri": "https://github.example/"}
        return formats.get(schema.get("format"), kinds[schema["type"]])


def closed(schema):
    """A schema of OpenAPI 3.0 as one of JSON Schema; what does not say that it is open is not."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if isinstance(schema.get("$ref"), str):
        return {"$ref": f"{HOME}{schema['$ref']}"}
    made = {key: closed(value) for key, value in schema.items() if key not in {"nullable", "discriminator"}}
    if isinstance(schema.get("properties"), dict) and schema.get("type") == "object":
        made.setdefault("additionalProperties", False)
    return {"anyOf": [made, {"type": "null"}]} if schema.get("nullable") is True else made


def merged(least, given):
    """The one with what the other has, at whatever depth."""
    if not isinstance(least, dict) or not isinstance(given, dict):
        return given
    return {**least, **{name: merged(least.get(name), value) for name, value in given.items()}}
