#!/usr/bin/python3
"""schema/openapi.yaml: whether it is OpenAPI 3.1 as the house wants it. Every $ref leads
somewhere and every component is used; every schema is one of JSON Schema 2020-12; every
operation has an id, a summary, a tag, a process, roles, and a problem for each error; every
example is what its schema says."""
import re
import sys
from pathlib import Path

import yaml
from jsonschema import Draft202012Validator, SchemaError

ROOT = Path(__file__).resolve().parents[2]
CONTRACT = ROOT / "schema" / "openapi.yaml"
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
SERVICES = ("orders-api", "catalog-api", "customers-api", "history")
ROLES = {"customer", "catalog", "operator"}
JSON = re.compile(r"^application/([a-z.]+\+)?json$")


class StrictLoader(yaml.SafeLoader):
    """YAML lets the last of two equal keys win, in silence."""


def no_duplicates(loader, node, deep=False):
    keys = [loader.construct_object(key, deep=deep) for key, _ in node.value]
    twice = {str(key) for key in keys if keys.count(key) > 1}
    if twice:
        raise yaml.YAMLError(f"line {node.start_mark.line + 1}: {', '.join(sorted(twice))} twice")
    return yaml.SafeLoader.construct_mapping(loader, node, deep)


StrictLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, no_duplicates)
# A time stays the text that it is.
StrictLoader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()}


def load():
    return yaml.load(CONTRACT.read_text(), StrictLoader)


def resolve(document, node):
    """What a node is behind its $ref."""
    while isinstance(node, dict) and "$ref" in node:
        node = find(document, node["$ref"])
    return node


def find(document, reference):
    assert reference.startswith("#/"), f"{reference} leads out of the file"
    for step in reference[2:].split("/"):
        document = document[step.replace("~1", "/").replace("~0", "~")]
    return document


def validator(document, schema):
    """Of a schema whose $refs are those of the whole contract."""
    return Draft202012Validator({"components": document["components"], "allOf": [schema]},
                                format_checker=Draft202012Validator.FORMAT_CHECKER)


def operations(document):
    """(path, method, operation, all its parameters)"""
    for path, item in document["paths"].items():
        shared = item.get("parameters", [])
        for method in METHODS:
            if method in item:
                operation = item[method]
                parameters = [resolve(document, p) for p in shared + operation.get("parameters", [])]
                yield path, method, operation, parameters


class Lint:
    def __init__(self, document):
        self.document, self.complaints, self.used = document, [], set()

    def must(self, condition, where, what):
        if not condition:
            self.complaints.append(f"{where}: {what}")

    def references(self, node, where="#"):
        """Each $ref exists; remembers which were used."""
        if isinstance(node, dict):
            if "$ref" in node:
                self.used.add(node["$ref"])
                try:
                    find(self.document, node["$ref"])
                except (KeyError, AssertionError):
                    self.complaints.append(f"{where}: {node['$ref']} is not there")
                self.must(set(node) <= {"$ref", "description", "summary"}, where, "there is more than a $ref")
            for key, value in node.items():
                self.references(value, f"{where}/{key}")
        elif isinstance(node, list):
            for i, value in enumerate(node):
                self.references(value, f"{where}/{i}")

    def unused(self):
        for kind, components in self.document["components"].items():
            for name in components if kind != "securitySchemes" else ():
                reference = f"#/components/{kind}/{name}"
                self.must(reference in self.used, reference, "nobody uses it")

    def schema(self, schema, where):
        try:
            Draft202012Validator.check_schema(schema)
        except SchemaError as error:
            self.complaints.append(f"{where}: no schema: {error}")
            return False
        for name, values in self.objects(schema):
            self.must(set(values.get("required", [])) <= set(values["properties"]), f"{where}{name}",
                      "requires what it does not describe")
        return True

    def objects(self, schema, name=""):
        if isinstance(schema, dict):
            if isinstance(schema.get("properties"), dict):
                yield name, schema
            for key, value in schema.items():
                yield from self.objects(value, f"{name}/{key}")
        elif isinstance(schema, list):
            for i, value in enumerate(schema):
                yield from self.objects(value, f"{name}/{i}")

    def example(self, schema, value, where):
        for error in validator(self.document, schema).iter_errors(value):
            self.complaints.append(f"{where}: {'/'.join(map(str, error.absolute_path))}: {error.message}")

    def content(self, content, where):
        self.must(content, where, "no content")
        for media, body in content.items():
            here = f"{where} {media}"
            self.must("schema" in body, here, "no schema")
            self.must(body.get("examples"), here, "no example")
            if not self.schema(body.get("schema", {}), here):
                continue
            for name, example in body.get("examples", {}).items():
                value = resolve(self.document, example)["value"]
                # An example may cut a long text short; JSON it is not.
                if JSON.match(media):
                    self.example(body["schema"], value, f"{here} example {name}")

    def response(self, status, response, where):
        self.must(response.get("description"), where, "no description")
        for name, header in response.get("headers", {}).items():
            header = resolve(self.document, header)
            self.must(header.get("description") and "schema" in header, f"{where} {name}", "not described")
        if status in ("204", "304"):
            self.must("content" not in response, where, "it has no body")
            return
        self.content(response.get("content", {}), where)
        self.must("X-Request-Id" in response.get("headers", {}), where, "no X-Request-Id")
        is_error = status == "default" or status >= "400"
        self.must(("application/problem+json" in response.get("content", {})) == is_error, where,
                  "errors, and only they, are problems")
        for example in response.get("content", {}).get("application/problem+json", {}).get("examples", {}).values():
            value = resolve(self.document, example)["value"]
            self.must(status in ("default", str(value["status"])), where, "the example has another status")

    def operation(self, path, method, operation, parameters):
        where = f"{method.upper()} {path}"
        for member in ("operationId", "summary", "tags", "x-service", "responses"):
            self.must(operation.get(member), where, f"no {member}")
        self.must(operation.get("summary", ".")[-1] != ".", where, "a summary is no sentence")
        self.must(set(operation.get("tags", [])) <= {t["name"] for t in self.document["tags"]}, where, "unknown tag")
        self.must(operation.get("x-service") in SERVICES, where, "unknown process")
        roles = operation.get("x-roles")
        self.must(roles is not None and set(roles) <= ROLES, where, "no roles, or unknown ones")
        self.must((operation.get("security") == []) == (roles == []), where, "roles and security differ")
        wanted = set() if roles == [] else {"401", "403"}
        if "requestBody" in operation:
            wanted |= {"400", "415", "422"}
            self.content(operation["requestBody"]["content"], f"{where} body")
        if re.search(r"\{(order_id|customer_id|sku)\}", path) and method != "put":
            wanted.add("404")
        for status in wanted | {"429", "default"}:
            self.must(status in operation["responses"], where, f"no {status}")
        for status, response in operation["responses"].items():
            self.response(status, resolve(self.document, response), f"{where} {status}")
        named = {p["name"] for p in parameters if p["in"] == "path"}
        self.must(named == set(re.findall(r"\{(.+?)\}", path)), where, "path and parameters differ")
        for parameter in parameters:
            here = f"{where} {parameter['name']}"
            self.must(parameter.get("description"), here, "no description")
            self.must("example" in parameter, here, "no example")
            self.example(parameter["schema"], parameter.get("example"), here)

    def run(self):
        document = self.document
        self.must(re.match(r"^3\.1\.\d+$", document["openapi"]), "openapi", "not 3.1")
        self.references(document)
        if not self.complaints:
            self.unused()
            ids = []
            for name, schema in document["components"]["schemas"].items():
                self.schema(schema, f"#/components/schemas/{name}")
            for path, method, operation, parameters in operations(document):
                ids.append(operation.get("operationId"))
                self.operation(path, method, operation, parameters)
            self.must(len(ids) == len(set(ids)), "operationId", "one is there twice")
        return self.complaints


def main():
    complaints = Lint(load()).run()
    for complaint in complaints:
        print(complaint)
    print(f"openapi: {len(complaints)} complaints")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
